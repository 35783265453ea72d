"""One process following the policy in a real Postgres, also while Postgres goes and comes."""

import asyncio
import shutil
import tempfile
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from radiusd.errors import ConfigError
from radiusd.policy.evaluate import evaluate
from radiusd.policy.model import Request
from radiusd.store import connections, migrate, policy_listener
from radiusd.store.embedded import start_or_adopt
from radiusd.store.policy_listener import PolicyListener

ALICE = "INSERT INTO radcheck (username, attribute, op, value) VALUES ('alice', 'Cleartext-Password', ':=', 'pw')"


@pytest.fixture
async def follow(dictionary):
    """Start listeners; stop them at the end, and fail when one had failed."""
    tasks = []

    def start(url, **more):
        listener = PolicyListener(url, dictionary, **more)
        tasks.append(asyncio.create_task(listener.run()))
        return listener

    yield start
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(outcome, asyncio.CancelledError)


@pytest.fixture
async def sql(database):
    connection = await connections.connect(database, "test")
    yield connection
    await connection.close()


def passwords(snapshot, name="alice"):
    return evaluate(snapshot, name, Request([(1, name.encode())], 1), 1e9).passwords


async def within(seconds, waiting):
    async with asyncio.timeout(seconds):
        return await waiting


async def test_the_first_load(follow, database):
    seen = []
    listener = follow(database, on_snapshot=seen.append)
    assert listener.snapshot is None
    assert listener.generation == 0
    snapshot = await within(10, listener.wait_loaded())
    assert seen == [snapshot]
    assert listener.generation == 1
    assert listener.error is None


async def test_a_change_by_anyone_is_in_force_within_a_second(follow, database, sql):
    listener = follow(database)
    snapshot = await within(10, listener.wait_loaded())
    for secret in ("one", "two", "three"):
        await sql.execute("DELETE FROM radcheck")
        await sql.execute(ALICE.replace("'pw'", f"'{secret}'"))
        await within(1, listener.wait_for(lambda found, wanted=secret: passwords(found) == (wanted.encode(),)))
    assert listener.snapshot is snapshot
    await sql.execute("INSERT INTO nas (nasname, shortname, secret) VALUES ('192.0.2.1', 'vpn1', 's')")
    await within(1, listener.wait_for(lambda found: found.client_for("192.0.2.1") is not None))
    await sql.execute("TRUNCATE radcheck")
    await within(1, listener.wait_for(lambda found: passwords(found) == ()))
    assert listener.snapshot is not snapshot


async def test_a_change_without_a_notification_is_found_by_asking(follow, database, sql):
    listener = follow(database)
    await within(10, listener.wait_loaded())
    await sql.execute("ALTER TABLE radcheck DISABLE TRIGGER USER")
    await sql.execute(ALICE)
    await sql.execute("INSERT INTO radiusd.change (kind, name) VALUES ('user', 'alice')")
    await within(3, listener.wait_for(lambda found: passwords(found) == (b"pw",)))


async def test_a_lost_connection_is_made_again_and_what_was_missed_is_read(follow, database, sql, monkeypatch):
    # Long enough that nothing but the reconnection can find the change.
    monkeypatch.setattr(policy_listener, "POLL", 60.0)
    listener = follow(database)
    snapshot = await within(10, listener.wait_loaded())
    async with sql.transaction():
        await sql.execute("SET LOCAL session_replication_role = replica")
        await sql.execute(ALICE)
        await sql.execute("INSERT INTO radiusd.change (kind, name) VALUES ('user', 'alice')")
    await sql.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'radiusd policy'"
    )
    await within(5, listener.wait_for(lambda found: passwords(found) == (b"pw",)))
    assert listener.snapshot is snapshot


@pytest.fixture
def folder():
    """Make a folder of its own for a cluster, short, as the path of a socket is limited."""
    made = Path(tempfile.mkdtemp(prefix="radiusd-", dir="/tmp"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


async def test_a_cluster_that_stops_and_comes_back(follow, folder):
    # A server lives as long as the thread that starts it, so that the event loop has to wait here.
    server = start_or_adopt(folder / "data", fsync=False)
    try:
        url = connections.url(make_conninfo(server.conninfo, dbname="postgres"))
        migrate.upgrade(url)
        with psycopg.connect(server.conninfo, dbname="postgres", autocommit=True) as connection:
            connection.execute(ALICE)
        listener = follow(url)
        snapshot = await within(10, listener.wait_loaded())

        server.stop()
        await within(10, listener.wait_error(present=True))
        assert passwords(snapshot) == (b"pw",)
        assert listener.snapshot is snapshot

        server = start_or_adopt(folder / "data", fsync=False)
        with psycopg.connect(server.conninfo, dbname="postgres", autocommit=True) as connection:
            connection.execute("UPDATE radcheck SET value = 'new'")
        await within(5, listener.wait_for(lambda found: passwords(found) == (b"new",)))
        await within(5, listener.wait_error(present=False))
        assert listener.last_ok > 0
    finally:
        server.stop()


async def test_it_waits_for_a_database_that_is_not_there_yet(follow, tmp_path):
    listener = follow(f"postgresql:///x?host={tmp_path}")
    await within(5, listener.wait_error(present=True))
    assert listener.snapshot is None
    assert "\n" not in listener.error


async def test_after_a_long_silence_everything_is_read(follow, database, sql, monkeypatch):
    monkeypatch.setattr(policy_listener, "SILENCE", -1.0)
    listener = follow(database)
    snapshot = await within(10, listener.wait_loaded())
    await sql.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'radiusd policy'"
    )
    await within(5, listener.wait_for(lambda found: found is not snapshot))
    assert listener.generation == snapshot.generation + 1


async def test_bad_rows_are_announced_once(follow, database, sql, capsys):
    listener = follow(database, announce=True)
    await within(10, listener.wait_loaded())
    await sql.execute(ALICE.replace("Cleartext-Password", "Nonsense"))
    await within(5, listener.wait_for(lambda found: len(found.problems) == 1))
    await sql.execute(ALICE.replace("alice", "bob"))
    await within(5, listener.wait_for(lambda found: found.user("bob") is not None))
    output = capsys.readouterr()
    assert (output.out + output.err).count("policy-row-bad") == 1


async def test_a_url_that_is_none_ends_it(dictionary):
    with pytest.raises(ConfigError):
        await PolicyListener("mysql://x", dictionary).run()
