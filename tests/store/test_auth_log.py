import asyncio
import os
import signal
import time
from contextlib import asynccontextmanager

import psycopg
import structlog.testing
from prometheus_client import REGISTRY
from psycopg.conninfo import make_conninfo

from radiusd.decide.outcome import LoginEntry
from radiusd.store.auth_log import AuthLog

DEADLINE = 20.0


@asynccontextmanager
async def logging(url, **options):
    log = AuthLog(url, **options)
    task = asyncio.create_task(log.run())
    yield log
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def entry(user="alice", **more):
    facts = {
        "at": 1_700_000_000.5,
        "user_name": user,
        "client": "vpn1",
        "nas_ip": "192.0.2.1",
        "calling_station_id": "203.0.113.7",
        "called_station_id": "vpn.example.org",
        "outcome": "accept",
        "reason": "",
        "rule": "group staff",
        "groups": "staff,all",
        "method": "mschapv2",
    }
    return LoginEntry(**facts | more)


async def write(url, *entries, **options):
    async with logging(url, **options) as log:
        for each in entries:
            log.put(each)
        assert await log.drain(time.monotonic() + DEADLINE) == 0


def rows(url, query):
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


async def test_a_login_is_in_both_tables_and_no_password_in_either(database):
    await write(database, entry(), entry("bob", outcome="reject", reason="password-wrong", nas_ip=None))
    assert rows(
        database,
        "SELECT username, pass, reply, calledstationid, callingstationid, extract(epoch FROM authdate)::float8"
        " FROM radpostauth ORDER BY id",
    ) == [
        ("alice", "", "Access-Accept", "vpn.example.org", "203.0.113.7", 1_700_000_000.5),
        ("bob", "", "Access-Reject", "vpn.example.org", "203.0.113.7", 1_700_000_000.5),
    ]
    assert rows(
        database,
        "SELECT extract(epoch FROM at)::float8, username, client, host(nas_ip), calling_station_id, called_station_id,"
        " outcome, reason, rule, groups, method FROM radiusd.auth_log ORDER BY id",
    ) == [tuple(entry()), tuple(entry("bob", outcome="reject", reason="password-wrong", nas_ip=None))]


async def test_names_with_every_kind_of_character(database):
    names = ["DOM\\user", "tab\there", "line\nbreak", 'quote"', "\\N", "ü�", ""]
    await write(database, *(entry(name) for name in names))
    assert [name for (name,) in rows(database, "SELECT username FROM radiusd.auth_log ORDER BY id")] == names


async def test_nul_is_left_out(database):
    await write(database, entry("MSRAS\0", calling_station_id="\0x"))
    assert rows(database, "SELECT username, calling_station_id FROM radiusd.auth_log") == [("MSRAS", "x")]


async def test_a_line_that_postgres_refuses_does_not_take_others_with_it(database):
    await write(database, entry("a"), entry("b", nas_ip="no address"), entry("c"), entry("d", outcome="maybe"))
    assert rows(database, "SELECT username FROM radiusd.auth_log ORDER BY id") == [("a",), ("c",)]
    assert rows(database, "SELECT username FROM radpostauth ORDER BY id") == [("a",), ("c",)]


async def test_lines_appear_within_the_interval_without_draining(database):
    async with logging(database, interval=0.05) as log:
        log.put(entry())
        give_up = time.monotonic() + DEADLINE
        while not rows(database, "SELECT FROM radiusd.auth_log"):
            assert time.monotonic() < give_up
            await asyncio.sleep(0.01)


async def test_when_the_queue_is_full_the_oldest_gives_way_and_is_counted(database):
    def lost():
        return (
            REGISTRY.get_sample_value("radiusd_records_lost_total", {"queue": "auth-log", "reason": "queue-full"}) or 0
        )

    before = lost()
    log = AuthLog(database, max_queue=2)
    for user in "abcd":
        log.put(entry(user))
    assert (log.depth, lost() - before) == (2, 2)
    task = asyncio.create_task(log.run())
    assert await log.drain(time.monotonic() + DEADLINE) == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert rows(database, "SELECT username FROM radiusd.auth_log ORDER BY id") == [("c",), ("d",)]


async def test_a_connection_that_breaks_costs_nothing(database):
    async with logging(database, interval=0.01) as log:
        log.put(entry("a"))
        assert await log.drain(time.monotonic() + DEADLINE) == 0
        rows(
            database,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'radiusd auth log'",
        )
        log.put(entry("b"))
        assert await log.drain(time.monotonic() + DEADLINE) == 0
    assert rows(database, "SELECT username FROM radiusd.auth_log ORDER BY id") == [("a",), ("b",)]


async def test_drain_gives_up_at_its_deadline(database):
    missing = make_conninfo(database, dbname="no_such_database")
    async with logging(missing, interval=0.01) as log:
        log.put(entry())
        assert await log.drain(time.monotonic() + 0.1) == 1
        assert log.depth == 1


async def test_cancelling_after_a_drain_that_gave_up_ends_the_task(database):
    log = AuthLog(make_conninfo(database, dbname="no_such_database"), interval=0.3)
    task = asyncio.create_task(log.run())
    log.put(entry())
    give_up = time.monotonic() + DEADLINE
    while log.error is None:
        assert time.monotonic() < give_up
        await asyncio.sleep(0.01)
    # The task is in its pause now; the drain stirs it, and the cancellation comes in the same turn of the loop.
    assert await log.drain(time.monotonic() - 1) == 1
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=1)
    assert done
    assert task.cancelled()


async def test_cancelling_does_not_wait_for_a_server_that_hangs(database):
    log = AuthLog(database, interval=0.01)
    task = asyncio.create_task(log.run())
    log.put(entry())
    assert await log.drain(time.monotonic() + DEADLINE) == 0
    ((pid,),) = rows(
        database,
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'radiusd auth log' AND datname = current_database()",
    )
    os.kill(pid, signal.SIGSTOP)
    try:
        log.put(entry())
        assert await log.drain(time.monotonic() + 0.2) == 1
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=1)
        assert done
        assert task.cancelled()
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_database_that_comes_back_is_logged(postgres, database):
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    admin = make_conninfo(postgres.conninfo, dbname="postgres")

    def allow(connections):
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {connections}")

    allow("false")
    with structlog.testing.capture_logs() as lines:
        async with logging(database, interval=0.01) as log:
            log.put(entry())
            while log.error is None:
                await log.drain(time.monotonic() + 0.05)
            allow("true")
            assert await log.drain(time.monotonic() + DEADLINE) == 0
    assert [line["event"] for line in lines] == ["auth-log-database-failed", "auth-log-database-back"]
