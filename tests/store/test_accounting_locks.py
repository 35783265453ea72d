import asyncio
import os
import signal
import time
from contextlib import asynccontextmanager

import psycopg
import pytest
import structlog.testing

from radiusd.decide.accounting import ACCOUNTING_ON
from radiusd.store.accounting_writer import AccountingWriter
from tests.sessions.records import interim, record, start, stop
from tests.store.test_accounting_writer import ACCT, DEADLINE, one, put, rows, writing


@asynccontextmanager
async def locking(url, query):
    async with await psycopg.AsyncConnection.connect(url) as holder:
        await holder.execute(query)
        yield


LOCKS = [
    "SELECT FROM radacct WHERE acctuniqueid = 'alice-S1' FOR UPDATE",
    "SELECT FROM radiusd.session WHERE acctuniqueid = 'alice-S1' FOR UPDATE",
]


@pytest.mark.parametrize("lock", LOCKS)
async def test_a_locked_row_holds_up_its_own_session_alone(database, lock):
    others = [f"user{number:03}" for number in range(100)]
    with structlog.testing.capture_logs() as lines:
        async with writing(database, max_batch=40) as writer:
            await asyncio.wait_for(put(writer, start(0)), DEADLINE)
            async with locking(database, lock):
                first = put(writer, interim(60, 60, 5))
                crowd = put(writer, *(start(0, user=user) for user in others))
                second = put(writer, interim(120, 120, 7), stop(150, 150, 9))
                await asyncio.wait_for(crowd, 3)
                assert writer.depth == 3
                await asyncio.wait_for(put(writer, *(interim(60, 60, 1, user=user) for user in others)), 3)
                assert await writer.drain(time.monotonic() + 0.1) == 3
                assert not first.done()
                assert not second.done()
                assert writer.error is None
            assert await writer.drain(time.monotonic() + DEADLINE) == 0
            assert (first.result(), second.result()) == ([(0, True)], [(0, True), (1, True)])
    (line,) = lines
    assert (line["event"], line["log_level"], line["sessions"]) == ("accounting-row-locked", "warning", 1)
    assert (line["client"], line["user_name"], line["session_id"]) == ("vpn1", "alice", "S1")
    assert one(database, ACCT, "alice") == (0, 150, 150, 60, 150, 9, 18, "User-Request", "10.8.0.1")
    kinds = rows(
        database,
        "SELECT kind FROM radiusd.session_event JOIN radiusd.session s ON s.id = session_id"
        " WHERE acctuniqueid = 'alice-S1' ORDER BY session_event.id",
    )
    assert kinds == [("start",), ("interim",), ("interim",), ("stop",)]


@pytest.mark.parametrize("lock", [LOCKS[0], "SELECT FROM nasreload FOR UPDATE"])
async def test_a_reboot_waits_for_the_rows_that_it_closes(database, lock):
    async with writing(database) as writer:
        await asyncio.wait_for(put(writer, record(ACCOUNTING_ON, -9, user=""), start(0), start(0, user="b")), DEADLINE)
        async with locking(database, lock):
            reboot = put(writer, record(ACCOUNTING_ON, 500, user=""))
            await asyncio.wait_for(put(writer, start(600, user="c")), 3)
            assert not reboot.done()
            assert writer.depth == 1
        await asyncio.wait_for(reboot, DEADLINE)
    assert rows(database, "SELECT username FROM radacct WHERE acctstoptime IS NULL") == [("c",)]


async def test_many_locked_rows_are_found_together_and_count_for_the_bound(database):
    users = [f"user{number:02}" for number in range(60)]
    async with writing(database, max_batch=10, max_queue=60) as writer:
        await asyncio.wait_for(put(writer, *(start(0, user=user) for user in users)), DEADLINE)
        async with locking(database, "SELECT FROM radacct WHERE username < 'user59' FOR UPDATE"):
            blocked = put(writer, *(interim(60, 60, 5, user=user) for user in users[:59]))
            await asyncio.wait_for(put(writer, interim(60, 60, 5, user="user59")), 3)
            assert writer.depth == 59
            assert writer.put(interim(90, 90, 5, user=users[0]), print)
            assert not writer.put(interim(90, 90, 5, user=users[1]), print)
        assert len(await asyncio.wait_for(blocked, DEADLINE)) == 59


async def test_a_locked_table_is_a_database_that_cannot_be_used(database):
    with structlog.testing.capture_logs() as lines:
        async with writing(database) as writer:
            async with locking(database, "LOCK TABLE radacct IN SHARE MODE"):
                answered = put(writer, start(0), start(0, user="b"))
                while writer.error is None:
                    await writer.drain(time.monotonic() + 0.05)
                assert not answered.done()
            await asyncio.wait_for(answered, DEADLINE)
    assert [line["event"] for line in lines] == ["accounting-database-failed", "accounting-database-back"]


async def test_cancelling_does_not_wait_for_a_server_that_hangs(database):
    writer = AccountingWriter(database)
    task = asyncio.create_task(writer.run())
    await asyncio.wait_for(put(writer, start(0)), DEADLINE)
    (pid,) = one(
        database,
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'radiusd accounting'"
        " AND datname = current_database()",
    )
    os.kill(pid, signal.SIGSTOP)
    try:
        writer.put(stop(9, 9, 9), print)
        assert await writer.drain(time.monotonic() + 0.2) == 1
        began = time.monotonic()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert time.monotonic() - began < 1
        assert task.cancelled()
        assert writer.depth == 1
    finally:
        os.kill(pid, signal.SIGCONT)
