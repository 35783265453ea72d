"""The auth log: each login's outcome, to FreeRADIUS's radpostauth and to radiusd.auth_log, never with a password.

The rule: a login never waits for its line. Lines gather for at most `interval` seconds and go by COPY; when the queue
is full the oldest is dropped and counted. The commit does not wait for the disk: a crash of Postgres may cost the
lines of its last moments, which the accounting of sessions may not.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from radiusd import telemetry
from radiusd.decide.outcome import LoginEntry
from radiusd.store import connections
from radiusd.store.cancellation import hanging_up

_LONGEST_WAIT = 2.0
_MOST_LINES = 2000

_POSTAUTH = "COPY radpostauth (username, pass, reply, calledstationid, callingstationid, authdate) FROM STDIN"
_AUTH_LOG = (
    "COPY radiusd.auth_log (at, username, client, nas_ip, calling_station_id, called_station_id, outcome, reason,"
    " rule, groups, method) FROM STDIN"
)
_REPLIES = {"accept": "Access-Accept", "reject": "Access-Reject"}

_log = structlog.get_logger()


class AuthLog:
    """A queue of lines, and the one task (`run`) that writes them; to be used in one event loop."""

    def __init__(self, conninfo: str, *, interval: float = 0.2, max_queue: int = 50_000) -> None:
        """Take the database (URL or libpq's form); `interval` is in seconds, `max_queue` in lines."""
        self._conninfo = conninfo
        self._interval = interval
        self._queue: deque[LoginEntry] = deque(maxlen=max_queue)
        self._arrived = asyncio.Event()
        self._emptied = asyncio.Event()
        self._hurry = asyncio.Event()
        self._under_way = 0
        self._connection: AsyncConnection[TupleRow] | None = None
        self.error: str | None = None

    @property
    def depth(self) -> int:
        """Lines that are not written yet, those under way included."""
        return len(self._queue) + self._under_way

    def put(self, entry: LoginEntry) -> None:
        """Take a line; when the queue is full, the oldest line gives way."""
        if len(self._queue) == self._queue.maxlen:
            telemetry.LOST.labels("auth-log", "queue-full").inc()
        self._queue.append(entry)
        if not self._arrived.is_set():
            self._arrived.set()

    async def run(self) -> None:
        """Write until cancelled."""
        try:
            await hanging_up(self._serve(), self._hang_up)
        finally:
            await self._disconnect()

    async def drain(self, deadline: float) -> int:
        """Wait until all lines are written, or until `deadline` (of time.monotonic); return how many are left."""
        self._hurry.set()
        while self.depth and (left := deadline - time.monotonic()) > 0:
            self._emptied.clear()
            try:
                async with asyncio.timeout(left):
                    await self._emptied.wait()
            except TimeoutError:
                break
        self._hurry.clear()
        return self.depth

    async def _serve(self) -> None:
        wait = self._interval
        while True:
            await self._arrived.wait()
            await self._sleep(wait)
            part = [self._queue.popleft() for _ in range(min(len(self._queue), _MOST_LINES))]
            self._under_way = len(part)
            try:
                await self._write(part)
            except psycopg.Error as error:
                self._failed(error)
                self._put_back(part)
                await self._disconnect()
                wait = min(max(wait * 2, self._interval), _LONGEST_WAIT)
            else:
                self._succeeded()
                wait = self._interval
            self._under_way = 0
            if not self._queue:
                self._arrived.clear()
                self._emptied.set()

    async def _sleep(self, seconds: float) -> None:
        """Let lines gather, unless someone is draining."""
        try:
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            return
        if self.error is not None:
            await asyncio.sleep(self._interval)

    def _put_back(self, part: Sequence[LoginEntry]) -> None:
        """Return lines to the head of the queue, as many of the newest as there is room for."""
        room = (self._queue.maxlen or 0) - len(self._queue)
        kept = part[max(0, len(part) - room) :]
        if len(kept) < len(part):
            telemetry.LOST.labels("auth-log", "queue-full").inc(len(part) - len(kept))
        self._queue.extendleft(reversed(kept))

    def _failed(self, error: psycopg.Error) -> None:
        if self.error is None:
            _log.warning("auth-log-database-failed", error=str(error).strip(), queued=len(self._queue))
        self.error = str(error).strip()

    def _succeeded(self) -> None:
        if self.error is not None:
            _log.info("auth-log-database-back", queued=len(self._queue))
        self.error = None

    async def _write(self, part: Sequence[LoginEntry]) -> None:
        """Write lines; those that Postgres refuses for what they hold are found by halving, and given up."""
        pending = [part] if part else []
        while pending:
            lines = pending.pop()
            connection = self._connection or await self._connect()
            try:
                started = time.perf_counter()
                async with connection.transaction():
                    await _copy(connection, _POSTAUTH, map(_postauth, lines))
                    await _copy(connection, _AUTH_LOG, map(_auth_log, lines))
                telemetry.COMMITS.labels("auth-log").observe(time.perf_counter() - started)
                telemetry.RECORDS.labels("auth-log").inc(len(lines))
            except (psycopg.DataError, psycopg.IntegrityError) as error:
                if len(lines) > 1:
                    half = len(lines) // 2
                    pending += [lines[half:], lines[:half]]
                    continue
                telemetry.LOST.labels("auth-log", type(error).__name__).inc()
                _log.error("auth-log-line-refused", client=lines[0].client, error=str(error).strip())

    async def _connect(self) -> AsyncConnection[TupleRow]:
        self._connection = connection = await connections.connect(self._conninfo, "radiusd auth log")
        try:
            await connection.execute("SELECT set_config('synchronous_commit', 'off', false)")
        except BaseException:
            await self._disconnect()
            raise
        return connection

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.pgconn.finish()

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


async def _copy(
    connection: AsyncConnection[TupleRow], statement: str, rows: Iterable[tuple[str | datetime | None, ...]]
) -> None:
    async with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        for row in rows:
            await copy.write_row(row)


def _postauth(entry: LoginEntry) -> tuple[str | datetime | None, ...]:
    return (
        _text(entry.user_name),
        "",
        _REPLIES.get(entry.outcome, entry.outcome),
        _text(entry.called_station_id),
        _text(entry.calling_station_id),
        datetime.fromtimestamp(entry.at, UTC),
    )


def _auth_log(entry: LoginEntry) -> tuple[str | datetime | None, ...]:
    return (
        datetime.fromtimestamp(entry.at, UTC),
        _text(entry.user_name),
        entry.client,
        entry.nas_ip,
        _text(entry.calling_station_id),
        _text(entry.called_station_id),
        entry.outcome,
        entry.reason,
        entry.rule,
        entry.groups,
        entry.method,
    )


def _text(value: str) -> str:
    """Leave out NUL, which Postgres cannot store (Windows ends names with it)."""
    return value.replace("\0", "") if "\0" in value else value
