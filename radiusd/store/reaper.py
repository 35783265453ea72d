"""The reaper: closes sessions that fell silent, one leader among all processes and machines.

The rules:

- Whoever holds the advisory lock leads; it goes with the connection, so a leader that dies or is cut off leads no more.
- Nothing is closed on old knowledge: a session is locked, read again and judged again; one that a writer is at is left
  for the next round.
- A round comes when the next session may be over, and each second while any session has an interval of seconds; in
  between, only the sessions that have just begun are looked at.
- Each round leaves a heartbeat. The time without one is credited to every session: nobody listened.
- The leader also forgets what has served its time: see `pruning`.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import psycopg
import structlog
from psycopg.types.json import Jsonb

from radiusd import telemetry
from radiusd.sessions import reap
from radiusd.sessions.reap import Heartbeat, Silence, Threshold, Thresholds
from radiusd.sessions.state import BY_REAPER, EVERYTHING, UNCHANGED, Event, SessionState
from radiusd.store import connections, pruning, session_rows
from radiusd.store.pruning import DEFAULT_KEEP, Keep

Connection = session_rows.Connection

# Any number will do that no other program takes for its own: "radiusd" in octets, and one more.
LOCK: Final = int.from_bytes(b"radiusd\x01", "big")
HEARTBEAT: Final = "heartbeat"

_BATCH: Final = 500
# Seconds: the shortest pause between rounds, between prunings, before another try after a failure.
_LEAST_PAUSE: Final = 0.2
_PRUNE_EVERY: Final = 60.0
_RETRY: Final = 2.0
# An expected interval below `_QUICK` seconds is watched every `_QUICK_PERIOD` seconds.
_QUICK: Final = 10.0
_QUICK_PERIOD: Final = 1.0
# Seconds by which other machines' clocks, which session ids begin with, may be behind.
_SKEW: Final = 5.0

# At least one expected interval of silence: the exact threshold is judged in `sessions.reap`.
_SILENT: Final = b"""
    SELECT acctuniqueid, client_name, group_name, date_part('epoch', last_seen), expected_s
      FROM radiusd.session
     WHERE state <> 'closed' AND expected_s IS NOT NULL
       AND last_seen + expected_s * interval '1 second' < to_timestamp(%s)
     ORDER BY last_seen"""
# By the ids, which begin with the time: the newest sessions alone are looked at.
_QUICK_BEGUN: Final = b"""
    SELECT count(*) FROM (
        SELECT state, expected_s FROM radiusd.session WHERE id >= %s::uuid AND id < %s::uuid ORDER BY id LIMIT 5000
    ) AS newest WHERE state <> 'closed' AND expected_s < %s"""
_THRESHOLDS: Final = b"SELECT name, reap_missed_interims, reap_grace FROM radiusd.client"
_BEAT: Final = b"""
    INSERT INTO radiusd.service (key, value) VALUES (%s, %s) ON CONFLICT (key) DO UPDATE SET value = excluded.value"""

_log = structlog.get_logger()


class Reaped(NamedTuple):
    """A session that was closed, or would be; times are epoch seconds."""

    session_id: str | None
    unique_id: str
    user_name: str | None
    client_name: str | None
    nas_address: str
    start: float
    stop: float
    last_seen: float
    expected: float | None


class Reaper:
    """The task (`run`) that leads or waits to lead, and `reap` for whoever asks for a round now."""

    def __init__(
        self,
        conninfo: str,
        *,
        period: float = 5.0,
        keep: Keep = DEFAULT_KEEP,
        groups: Callable[[], Mapping[str, Threshold]] = dict,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take the database; `period` is the longest pause between rounds, in seconds.

        `groups` gives the thresholds that groups have of their own.
        """
        self._conninfo = conninfo
        self._period = period
        self._keep = keep
        self._groups = groups
        self._clock = clock
        self._pruned = 0.0
        self.leads = False
        self.error: str | None = None

    async def run(self) -> None:
        """Lead whenever nobody else does, until cancelled."""
        while True:
            try:
                await self._serve()
            except psycopg.Error as error:
                if self.error is None:
                    _log.warning("reaper-database-failed", error=str(error).strip())
                self.error = str(error).strip()
            finally:
                self.leads = False
            await asyncio.sleep(_RETRY)

    async def reap(self, *, dry_run: bool) -> list[Reaped]:
        """Close at once what is over, leader or not, and return it; `dry_run` closes nothing.

        Raises psycopg.Error when Postgres cannot be reached.
        """
        connection = await self._connect()
        try:
            return (await self._round(connection, dry_run=dry_run))[0]
        finally:
            await connection.close()

    async def _connect(self) -> Connection:
        connection = await connections.connect(self._conninfo, "radiusd reaper", autocommit=False)
        await session_rows.prepare(connection)
        return connection

    async def _serve(self) -> None:
        """Lead over one connection, for as long as it lasts."""
        connection = await self._connect()
        try:
            while not await _lock(connection):
                self.error = None
                await asyncio.sleep(self._period)
            self.leads = True
            _log.info("reaper-leads")
            while True:
                now = self._clock()
                await self._beat(connection, now)
                reaped, deadline = await self._round(connection)
                self.error = None
                if reaped:
                    _log.info("sessions-reaped", count=len(reaped))
                if now >= self._pruned + _PRUNE_EVERY:
                    await pruning.prune(connection, self._keep)
                    self._pruned = now
                soon = self._period if deadline is None else deadline - self._clock()
                await self._pause(connection, min(max(soon, _LEAST_PAUSE), self._period))
        finally:
            await connection.close()

    async def _pause(self, connection: Connection, seconds: float) -> None:
        """Wait for the next round, which comes earlier if a session begins that may be over before it."""
        now = time.time()
        since, until = session_rows.first_id(now - _SKEW), session_rows.first_id(now + seconds + _SKEW)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(left, _QUICK_PERIOD))
            if left > _QUICK_PERIOD:
                cursor = await connection.execute(_QUICK_BEGUN, (since, until, _QUICK))
                begun = await cursor.fetchone()
                await connection.commit()
                if begun is not None and begun[0]:
                    return

    async def _beat(self, connection: Connection, now: float) -> None:
        beat = reap.beat(await _heartbeat(connection), now, self._period)
        value = Jsonb({"at": beat.at, "absences": [list(absence) for absence in beat.absences]})
        await connection.execute(_BEAT, (HEARTBEAT, value))
        await connection.commit()

    async def _round(self, connection: Connection, *, dry_run: bool = False) -> tuple[list[Reaped], float | None]:
        """Close what is over; return it, and when to look again (None: nothing is near its end)."""
        now = self._clock()
        thresholds = Thresholds(await _clients(connection), self._groups())
        beat = await _heartbeat(connection)
        absences = beat.absences if beat is not None else ()
        cursor = await connection.execute(_SILENT, (now + max(self._period, _QUICK),), binary=True)
        silences = [Silence(*row) for row in await cursor.fetchall()]
        await connection.commit()
        over, deadline = reap.due(silences, thresholds, absences, now)
        reaped: list[Reaped] = []
        for at in range(0, len(over), _BATCH):
            ids = [silence.unique_id for silence in over[at : at + _BATCH]]
            reaped += await _close(connection, ids, thresholds, absences, now, dry_run=dry_run)
        if deadline is not None and any(silence.expected < _QUICK for silence in silences):
            deadline = min(deadline, now + _QUICK_PERIOD)
        return reaped, deadline


async def _close(
    connection: Connection,
    unique_ids: Sequence[str],
    thresholds: Thresholds,
    absences: Sequence[tuple[float, float]],
    now: float,
    *,
    dry_run: bool,
) -> list[Reaped]:
    """Close, in one transaction, those of the sessions that are still over now that they are locked."""
    locked = await session_rows.load(connection, unique_ids, skip_locked=True)
    states = [state for state in locked if state.stop is None and _is_over(state, thresholds, absences, now)]
    if dry_run:
        await connection.rollback()
        return [_reaped(state, state.last_event) for state in states]
    events: list[Event] = [reap.close(state, now) for state in states]
    stopped = [state for state in locked if state.stop is not None and state.change == UNCHANGED]
    for state in stopped:
        # Another tool wrote the stop into `radacct`; our own row follows it.
        state.change = EVERYTHING
    await session_rows.save(connection, states + stopped, events, {})
    await connection.commit()
    telemetry.REAPED.labels(BY_REAPER).inc(len(states))
    return [_reaped(state, state.stop or state.last_event) for state in states]


def _is_over(state: SessionState, thresholds: Thresholds, absences: Sequence[tuple[float, float]], now: float) -> bool:
    if state.expected is None:
        return False
    silence = Silence(state.unique_id, state.client_name, state.group_name, state.last_seen, state.expected)
    return reap.deadline(silence, thresholds, absences) < now


def _reaped(state: SessionState, stop: float) -> Reaped:
    return Reaped(
        state.session_id,
        state.unique_id,
        state.facts[0],
        state.client_name,
        state.nas_ip,
        state.start,
        stop,
        state.last_seen,
        state.expected,
    )


async def _lock(connection: Connection) -> bool:
    cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,))
    row = await cursor.fetchone()
    await connection.commit()
    return row is not None and bool(row[0])


async def _clients(connection: Connection) -> dict[str, Threshold]:
    cursor = await connection.execute(_THRESHOLDS)
    return {name: Threshold(missed, grace) for name, missed, grace in await cursor.fetchall()}


async def _heartbeat(connection: Connection) -> Heartbeat | None:
    cursor = await connection.execute("SELECT value FROM radiusd.service WHERE key = %s", (HEARTBEAT,))
    row = await cursor.fetchone()
    if row is None:
        return None
    return Heartbeat(row[0]["at"], tuple((start, end) for start, end in row[0]["absences"]))
