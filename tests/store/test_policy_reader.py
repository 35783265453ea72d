"""Reading the policy from a real Postgres: whole, and what transactions changed, in whatever order they commit."""

import asyncio
import time

import psycopg
import pytest

from radiusd.errors import ConfigError
from radiusd.policy.clients import ClientRow
from radiusd.policy.evaluate import evaluate
from radiusd.policy.items import ItemTable
from radiusd.policy.model import Request
from radiusd.store import connections, policy_reader
from radiusd.store.policy_reader import Mark, Resolver

ALICE = "INSERT INTO radcheck (username, attribute, op, value) VALUES ('alice', 'Cleartext-Password', ':=', 'pw')"


@pytest.fixture
async def connect(database):
    opened = []

    async def make(*, autocommit=True):
        connection = await connections.connect(database, "test", autocommit=autocommit)
        opened.append(connection)
        return connection

    yield make
    for connection in opened:
        await connection.close()


@pytest.fixture
async def sql(connect):
    return await connect()


@pytest.fixture
async def reading(connect, dictionary):
    """Read all; return the snapshot and a function that applies what has changed since it was last called."""
    connection = await connect()
    snapshot, mark = await policy_reader.read_all(connection, ItemTable(dictionary), Resolver())

    class Reading:
        def __init__(self):
            self.snapshot, self.mark, self.connection = snapshot, mark, connection

        async def follow(self):
            newer = await policy_reader.unchanged(self.connection, self.mark)
            if newer is not None:
                self.mark = newer
                return None
            changes = await policy_reader.read_changes(self.connection, self.snapshot, self.mark, Resolver())
            if changes is None:
                return "all"
            delta, self.mark = changes
            self.snapshot.apply(delta)
            return delta

    return Reading()


def decide(snapshot, name):
    return evaluate(snapshot, name, Request([(1, name.encode())], 1), 1e9)


async def test_a_whole_policy(database, sql, dictionary):
    await sql.execute(ALICE)
    await sql.execute("INSERT INTO radreply (username, attribute, op, value) VALUES ('alice', 'Class', '=', 'x')")
    await sql.execute("INSERT INTO radusergroup (username, groupname, priority) VALUES ('alice', 'staff', 3)")
    await sql.execute(
        "INSERT INTO radgroupcheck (groupname, attribute, op, value) VALUES ('staff', 'Simultaneous-Use', ':=', '1')"
    )
    await sql.execute(
        "INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES ('staff', 'Session-Timeout', ':=', '60')"
    )
    await sql.execute(
        "INSERT INTO nas (nasname, shortname, type, secret)"
        " VALUES ('192.0.2.0/24', 'vpn1', 'pptpd', 's'), ('?', 'bad', '', 's')"
    )
    await sql.execute(
        "INSERT INTO radiusd.client (nas_id, name, kind, reap_grace)"
        " SELECT id, 'edge', 'rras', 5 FROM nas WHERE shortname = 'vpn1'"
    )
    snapshot = await policy_reader.load(database, dictionary)
    decision = decide(snapshot, "alice")
    assert (decision.passwords, decision.groups, decision.session_timeout) == ((b"pw",), ("staff",), 60)
    client = snapshot.client_for("192.0.2.9")
    assert (client.name, client.kind, client.reap_grace) == ("edge", "rras", 5)
    (problem,) = snapshot.problems
    assert problem.subject == "client bad"


async def test_a_bad_url_and_a_database_without_the_tables_are_said(database, empty_database, dictionary):
    with pytest.raises(ConfigError):
        await policy_reader.load("mysql://x", dictionary)
    with pytest.raises(psycopg.errors.UndefinedTable):
        await policy_reader.load(empty_database, dictionary)


async def test_ten_thousand_users_are_read_in_time(database, sql, dictionary):
    await sql.execute(
        "INSERT INTO radcheck (username, attribute, op, value)"
        " SELECT 'user' || n, 'Cleartext-Password', ':=', 'password' || n FROM generate_series(1, 10000) AS n"
    )
    await sql.execute(
        "INSERT INTO radusergroup (username, groupname, priority)"
        " SELECT 'user' || n, 'group' || n % 20, 1 FROM generate_series(1, 10000) AS n"
    )
    await sql.execute(
        "INSERT INTO radgroupreply (groupname, attribute, op, value)"
        " SELECT 'group' || g, name, ':=', '300' FROM generate_series(0, 19) AS g,"
        " unnest(ARRAY['Session-Timeout', 'Idle-Timeout', 'Acct-Interim-Interval', 'Framed-MTU', 'Port-Limit']) AS name"
    )
    started = time.perf_counter()
    snapshot = await policy_reader.load(database, dictionary)
    assert time.perf_counter() - started < 5
    assert len(snapshot.users) == 10_000
    assert len(snapshot.groups) == 20
    assert decide(snapshot, "user77").session_timeout == 300


async def test_nothing_has_changed(reading):
    mark = reading.mark
    assert await reading.follow() is None
    assert not reading.mark.older_than(mark)


async def test_only_what_changed_is_read(reading, sql):
    await sql.execute(ALICE)
    delta = await reading.follow()
    assert list(delta.users) == ["alice"]
    assert (delta.groups, delta.clients) == ({}, {})
    assert decide(reading.snapshot, "alice").passwords == (b"pw",)
    assert await reading.follow() is None
    await sql.execute("UPDATE radcheck SET username = 'bob'")
    assert set((await reading.follow()).users) == {"alice", "bob"}
    assert not decide(reading.snapshot, "alice").known
    assert decide(reading.snapshot, "bob").known
    await sql.execute("DELETE FROM radcheck")
    await reading.follow()
    assert not decide(reading.snapshot, "bob").known


async def test_a_transaction_that_commits_after_a_later_one_is_not_missed(reading, connect, sql):
    slow = await connect(autocommit=False)
    await slow.execute(ALICE)
    await sql.execute(ALICE.replace("alice", "bob"))
    assert set((await reading.follow()).users) == {"bob"}
    assert await reading.follow() is None
    await slow.commit()
    assert set((await reading.follow()).users) == {"alice"}
    assert await reading.follow() is None


async def test_groups_and_clients_change(reading, sql):
    await sql.execute(ALICE)
    await sql.execute("INSERT INTO radusergroup (username, groupname) VALUES ('alice', 'staff')")
    await reading.follow()
    assert decide(reading.snapshot, "alice").session_timeout is None
    await sql.execute(
        "INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES ('staff', 'Session-Timeout', ':=', '60')"
    )
    delta = await reading.follow()
    assert list(delta.groups) == ["staff"]
    assert delta.users == {}
    assert decide(reading.snapshot, "alice").session_timeout == 60
    await sql.execute("DELETE FROM radgroupreply")
    assert (await reading.follow()).groups == {"staff": None}
    assert decide(reading.snapshot, "alice").session_timeout is None

    await sql.execute("INSERT INTO nas (nasname, shortname, secret) VALUES ('192.0.2.1', 'vpn1', 's')")
    await reading.follow()
    assert reading.snapshot.client_for("192.0.2.1").name == "vpn1"
    await sql.execute("UPDATE nas SET nasname = '192.0.2.0/33'")
    await reading.follow()
    assert reading.snapshot.client_for("192.0.2.1") is None
    assert "neither an address" in reading.snapshot.problems[0].message
    await sql.execute("DELETE FROM nas")
    await reading.follow()
    assert reading.snapshot.problems == []


async def test_a_bad_row_is_a_problem_until_it_is_mended(reading, sql):
    await sql.execute(
        "INSERT INTO radreply (username, attribute, op, value) VALUES ('alice', 'Sesion-Timeout', '=', '1')"
    )
    await reading.follow()
    assert "Sesion-Timeout" in reading.snapshot.problems[0].message
    await sql.execute("UPDATE radreply SET attribute = 'Session-Timeout'")
    await reading.follow()
    assert reading.snapshot.problems == []


async def test_a_truncated_table_and_another_database_call_for_everything(reading, sql):
    await sql.execute("TRUNCATE radcheck")
    assert await reading.follow() == "all"
    first, _, listed = reading.mark.snapshot.split(":")
    reading.mark = Mark(f"{first}:{int(first) + 10**9}:{listed}")
    assert await reading.follow() == "all"


async def test_a_change_of_most_users_calls_for_everything(reading, sql):
    await sql.execute(
        "INSERT INTO radcheck (username, attribute, op, value)"
        f" SELECT 'user' || n, 'Cleartext-Password', ':=', 'x' FROM generate_series(1, {policy_reader.INLINE + 1}) AS n"
    )
    assert await reading.follow() == "all"


async def test_host_names_are_resolved_once(dictionary):
    resolver = Resolver()
    rows = [
        ClientRow(number, name, "", "", "s")
        for number, name in enumerate(("localhost", "192.0.2.1", "no-such-host.invalid", "x" * 70 + ".invalid"))
    ]
    addresses = await resolver.addresses(rows)
    assert set(addresses) == {"localhost"}
    assert addresses["localhost"] in ("127.0.0.1", "::1")


async def test_a_slow_name_server_holds_up_nothing_for_long(monkeypatch):
    monkeypatch.setattr(policy_reader, "RESOLVE_WITHIN", 0.01)
    never = asyncio.Event()

    class Slow(Resolver):
        async def _resolve(self, name):
            await never.wait()

    assert await Slow().addresses([ClientRow(1, "vpn.example", "", "", "s")]) == {}


async def test_the_identity_names_cluster_database_and_history(connect, database):
    connection = await connect()
    first = await policy_reader.identity(connection)
    assert first is not None
    assert first == await policy_reader.identity(await connect())
    assert database.split("?")[0].rpartition("/")[2] in first


async def test_who_may_not_ask_for_the_identity_gets_none(connect, sql):
    connection = await connect()
    await sql.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
    role = "plain_" + (await (await sql.execute("SELECT current_database()")).fetchone())[0]
    await sql.execute(f"CREATE ROLE {role}")
    try:
        await connection.execute(f"SET ROLE {role}")
        assert await policy_reader.identity(connection) is None
    finally:
        await connection.execute("RESET ROLE")
        await sql.execute(f"DROP ROLE {role}")
