import asyncio
import time
from contextlib import asynccontextmanager

import psycopg
import pytest
from psycopg.types.json import Jsonb

from radiusd.sessions.reap import Threshold
from radiusd.store.reaper import HEARTBEAT, Reaper
from tests.sessions.records import T0, interim, start, stop
from tests.store.test_accounting_writer import ACCT, one, rows, until, write

DEADLINE = 20.0
OLD_CHANGE = "INSERT INTO radiusd.change (kind, name, at) VALUES ('user', 'old', now() - interval '61 minutes')"


class Clock:
    def __init__(self, at):
        self.at = T0 + at

    def __call__(self):
        return self.at


@asynccontextmanager
async def leading(url, at, **options):
    reaper = Reaper(url, **{"clock": Clock(at), "period": 0.2} | options)
    task = asyncio.create_task(reaper.run())
    yield reaper
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def when(condition):
    give_up = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < give_up
        await asyncio.sleep(0.01)


def change(url, query, *parameters):
    with psycopg.connect(url) as connection:
        connection.execute(query, parameters)


@pytest.fixture
async def silent(database):
    """A session with an interim at 60 s; with the default threshold it is over 240 s later."""
    await write(database, [start(0, granted=60), interim(60, 58, 100)])
    return database


async def test_what_is_over_is_closed_when_it_was_last_heard_of(silent):
    (reaped,) = await Reaper(silent, clock=Clock(301)).reap(dry_run=False)
    assert (reaped.unique_id, reaped.user_name, reaped.client_name) == ("alice-S1", "alice", "vpn1")
    assert (reaped.start, reaped.stop, reaped.last_seen, reaped.expected) == (T0, T0 + 60, T0 + 60, 60.0)
    assert one(silent, ACCT, "alice") == (0, 60, 60, 60, 58, 100, 200, "Lost-Carrier", "10.8.0.1")
    assert one(
        silent,
        "SELECT state, closed_by, stop_uncertainty_s, extract(epoch FROM closed_at)::float8, id::text"
        " FROM radiusd.session",
    ) == ("closed", "reaper", 60, T0 + 301, reaped.session_id)
    assert one(silent, "SELECT detail->>'closed_by' FROM radiusd.session_event WHERE kind = 'closed'") == ("reaper",)
    assert await Reaper(silent, clock=Clock(9000)).reap(dry_run=False) == []


async def test_not_a_moment_too_early(silent):
    assert await Reaper(silent, clock=Clock(300)).reap(dry_run=False) == []
    assert one(silent, ACCT, "alice")[2] is None


async def test_a_dry_run_closes_nothing(silent):
    reaper = Reaper(silent, clock=Clock(301))
    (reaped,) = await reaper.reap(dry_run=True)
    assert reaped.stop == T0 + 60
    assert one(silent, ACCT, "alice")[2] is None
    assert rows(silent, "SELECT FROM radiusd.session_event WHERE kind = 'closed'") == []
    assert await reaper.reap(dry_run=False) == [reaped]


async def test_a_reaped_session_that_speaks_again_is_reopened(silent):
    await Reaper(silent, clock=Clock(301)).reap(dry_run=False)
    await write(silent, [interim(600, 598, 900)])
    assert one(silent, ACCT, "alice") == (0, 600, None, 540, 598, 900, 1800, None, "10.8.0.1")
    await write(silent, [stop(610, 608, 950)])
    assert one(silent, "SELECT state, closed_by, reopened, stop_uncertainty_s FROM radiusd.session") == (
        *("closed", "nas", 1, None),
    )


async def test_thresholds_of_the_client_and_of_the_group(silent):
    change(silent, "INSERT INTO nas (nasname, shortname, secret) VALUES ('192.0.2.1', 'vpn1', 's')")
    change(
        silent,
        "INSERT INTO radiusd.client (nas_id, name, reap_missed_interims, reap_grace) SELECT id, 'vpn1', 1, 0 FROM nas"
        " ON CONFLICT (nas_id) DO UPDATE SET reap_missed_interims = 1, reap_grace = 0",
    )
    change(silent, "UPDATE radiusd.session SET group_name = 'vip'")
    patient = Reaper(silent, clock=Clock(1000), groups=lambda: {"vip": Threshold(100, 0.0)})
    assert await patient.reap(dry_run=True) == []
    assert len(await Reaper(silent, clock=Clock(121)).reap(dry_run=True)) == 1


async def test_a_nas_without_interims_is_not_reaped_for_silence(database):
    await write(database, [start(0)])
    assert await Reaper(database, clock=Clock(10**6)).reap(dry_run=False) == []


async def test_intervals_of_a_second(database):
    await write(database, [start(0, granted=1), interim(1, 1), interim(2, 2)])
    assert await Reaper(database, clock=Clock(65)).reap(dry_run=True) == []
    assert len(await Reaper(database, clock=Clock(65.5)).reap(dry_run=True)) == 1


async def test_the_time_in_which_nobody_listened_is_credited(silent):
    beat = Jsonb({"at": T0 + 700, "absences": [[T0 + 100, T0 + 700]]})
    change(silent, "INSERT INTO radiusd.service VALUES (%s, %s)", HEARTBEAT, beat)
    assert await Reaper(silent, clock=Clock(899)).reap(dry_run=True) == []
    assert len(await Reaper(silent, clock=Clock(901)).reap(dry_run=True)) == 1


async def test_a_session_that_a_writer_is_at_is_left_for_the_next_round(silent):
    reaper = Reaper(silent, clock=Clock(301))
    async with await psycopg.AsyncConnection.connect(silent) as writer:
        await writer.execute("SELECT FROM radacct FOR UPDATE")
        assert await reaper.reap(dry_run=False) == []
    assert len(await reaper.reap(dry_run=False)) == 1


async def test_a_stop_that_another_tool_wrote_is_followed(silent):
    change(silent, "UPDATE radacct SET acctstoptime = to_timestamp(%s), acctterminatecause = 'Admin-Reset'", T0 + 77)
    assert await Reaper(silent, clock=Clock(301)).reap(dry_run=False) == []
    assert one(silent, "SELECT state, closed_by FROM radiusd.session") == ("closed", "nas")
    assert one(silent, ACCT, "alice")[2:8:5] == (77, "Admin-Reset")


async def test_more_than_a_batch(database):
    await write(database, [start(0, user=f"u{number}", granted=60) for number in range(1100)])
    assert len(await Reaper(database, clock=Clock(301)).reap(dry_run=False)) == 1100
    assert one(database, "SELECT count(*) FROM radacct WHERE acctterminatecause = 'Lost-Carrier'") == (1100,)


async def test_the_leader_closes_beats_and_prunes(silent):
    change(silent, OLD_CHANGE)
    change(silent, "INSERT INTO radiusd.change (kind, name, at) VALUES ('user', 'new', now() - interval '59 minutes')")
    change(
        silent,
        "INSERT INTO radiusd.idempotency (key, token_id, method, path, request_hash, created_at) VALUES"
        " ('old', gen_random_uuid(), 'POST', '/', '', now() - interval '25 hours'),"
        " ('new', gen_random_uuid(), 'POST', '/', '', now() - interval '23 hours')",
    )
    change(silent, "DELETE FROM radiusd.change WHERE name NOT IN ('old', 'new')")
    async with leading(silent, 301):
        await until(silent, "SELECT count(*)::int FROM radiusd.session WHERE closed_by = 'reaper'", 1)
        await until(silent, "SELECT count(*)::int FROM radiusd.change", 1)
        await until(silent, "SELECT count(*)::int FROM radiusd.idempotency", 1)
        assert one(silent, "SELECT (value->>'at')::float8 FROM radiusd.service") == (T0 + 301,)
    assert one(silent, "SELECT name FROM radiusd.change") == ("new",)
    assert one(silent, "SELECT key FROM radiusd.idempotency") == ("new",)


async def test_the_beat_after_an_absence_saves_the_sessions(silent):
    change(silent, "INSERT INTO radiusd.service VALUES (%s, %s)", HEARTBEAT, Jsonb({"at": T0 + 61, "absences": []}))
    change(silent, OLD_CHANGE)
    async with leading(silent, 500):
        # Pruning follows the first round.
        await until(silent, "SELECT count(*)::int FROM radiusd.change WHERE name = 'old'", 0)
        assert one(silent, "SELECT (value->'absences'->0->>1)::float8 FROM radiusd.service") == (T0 + 500,)
    assert one(silent, ACCT, "alice")[2] is None


async def test_one_leads_and_another_takes_over_when_it_is_cut_off(database):
    async with leading(database, 0) as first:
        await when(lambda: first.leads)
        async with leading(database, 0) as second:
            waiting = "SELECT count(*)::int FROM pg_stat_activity WHERE application_name = 'radiusd reaper'"
            await until(database, waiting + " AND datname = current_database()", 2)
            assert not second.leads
            rows(
                database,
                "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database d ON d.oid = database"
                " WHERE locktype = 'advisory' AND datname = current_database()",
            )
            await when(lambda: second.leads and not first.leads)


async def test_a_session_that_begins_after_the_round_is_closed_at_its_deadline(database):
    change(database, "INSERT INTO nas (nasname, shortname, secret) VALUES ('192.0.2.1', 'vpn1', 's')")
    change(
        database,
        "INSERT INTO radiusd.client (nas_id, name, reap_missed_interims, reap_grace) SELECT id, 'vpn1', 2, 0 FROM nas"
        " ON CONFLICT (nas_id) DO UPDATE SET reap_missed_interims = 2, reap_grace = 0",
    )
    async with leading(database, 0, clock=time.time, period=30.0) as reaper:
        await when(lambda: reaper.leads)
        await until(database, "SELECT count(*)::int FROM radiusd.service", 1)
        began = time.time()
        await write(database, [start(began - T0, granted=1)])
        await until(database, "SELECT count(*)::int FROM radiusd.session WHERE closed_by = 'reaper'", 1)
        assert 2.0 <= time.time() - began < 4.0
