"""The accounting writer: records to Postgres by group commit, each acknowledged after its commit and never before.

The rules:

- What arrives while one transaction is under way becomes the next one: the busier, the larger, up to `max_batch`.
- A batch is read, folded in memory and written again in two round trips; order within it is the order of arrival.
- While Postgres cannot be reached the queue is kept; a batch is tried again until it is written. A commit whose answer
  was lost is repeated: folding the same records twice changes nothing.
- A record that Postgres refuses for what it holds is found by halving its batch, given up, counted and logged.
- The queue has a bound; when it is full, `put` says so and the NAS will send again.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

import psycopg
import structlog

from radiusd import telemetry
from radiusd.decide.accounting import AccountingRecord
from radiusd.errors import RadiusdError
from radiusd.nas.kinds import expected_interval
from radiusd.sessions.fold import predates
from radiusd.sessions.ledger import REBOOTS, Ledger
from radiusd.store import connections, session_rows

Done = Callable[[bool], None]
Entry = tuple[AccountingRecord, Done]

# Seconds to wait before Postgres is tried again: at first, and at most.
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 2.0
# Times that a batch is done again at once, because another process was at the same sessions.
_COLLISIONS = 10

_COLLIDED = (psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
_REFUSED = (psycopg.DataError, psycopg.IntegrityError)

_log = structlog.get_logger()


class AccountingWriter:
    """A queue of records, and the one task (`run`) that writes them; to be used in one event loop."""

    def __init__(self, conninfo: str, *, max_batch: int = 500, max_queue: int = 20_000) -> None:
        """Take the database (URL or libpq's form), records a transaction and in all."""
        self._conninfo = conninfo
        self._max_batch = max_batch
        self._max_queue = max_queue
        self._queue: deque[Entry] = deque()
        self._arrived = asyncio.Event()
        self._emptied = asyncio.Event()
        self._connection: session_rows.Connection | None = None
        self._wait = 0.0
        self.error: str | None = None

    @property
    def depth(self) -> int:
        """Records that are not committed yet, those under way included."""
        return len(self._queue)

    def put(self, record: AccountingRecord, done: Done) -> bool:
        """Take a record; `done` is called with True after its commit, with False if it is given up.

        Returns False, and takes nothing, when the queue is full.
        """
        if len(self._queue) >= self._max_queue:
            return False
        if record.interval_granted is not None:
            record.interval_granted = expected_interval(record.client_kind, record.interval_granted)
        self._queue.append((record, done))
        if not self._arrived.is_set():
            self._arrived.set()
        return True

    async def run(self) -> None:
        """Write until cancelled."""
        try:
            while True:
                await self._arrived.wait()
                # What is under way stays at the queue's head, so that nothing is lost if this task ends.
                await self._write(list(islice(self._queue, self._max_batch)))
                if not self._queue:
                    self._arrived.clear()
                    self._emptied.set()
        finally:
            await self._disconnect()

    async def drain(self, deadline: float) -> int:
        """Wait until all that was put is written, or until `deadline` (of time.monotonic); return what is left."""
        while self._queue:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self._emptied.clear()
            try:
                await asyncio.wait_for(self._emptied.wait(), left)
            except TimeoutError:
                break
        return len(self._queue)

    async def _write(self, batch: Sequence[Entry]) -> None:
        """Write a batch, which is the head of the queue, halving it as long as Postgres refuses what it holds."""
        pending = [batch]
        while pending:
            part = pending.pop()
            try:
                await self._write_patiently([record for record, _ in part])
            except RadiusdError:
                # No record is at fault: the database itself cannot be used.
                raise
            except Exception as error:  # noqa: BLE001 - whatever one record sets off must not stop the others
                if len(part) > 1:
                    half = len(part) // 2
                    pending += [part[half:], part[:half]]
                    continue
                self._give_up(part[0][0], error)
                self._finish(part, written=False)
            else:
                telemetry.RECORDS.labels("accounting").inc(len(part))
                self._finish(part, written=True)

    async def _write_patiently(self, records: Sequence[AccountingRecord]) -> None:
        """Write records in one transaction, whatever happens to Postgres; raises for what they hold alone."""
        collisions = 0
        while True:
            try:
                connection = self._connection or await self._connect()
                started = time.perf_counter()
                await _transact(connection, records)
                telemetry.COMMITS.labels("accounting").observe(time.perf_counter() - started)
            except _COLLIDED:
                collisions += 1
                if collisions > _COLLISIONS:
                    raise
                await self._roll_back()
            except psycopg.Error as error:
                if isinstance(error, _REFUSED):
                    await self._roll_back()
                    raise
                await self._disconnect()
                await self._pause(error)
            except Exception:
                await self._roll_back()
                raise
            else:
                self.error, self._wait = None, 0.0
                return

    async def _connect(self) -> session_rows.Connection:
        connection = await connections.connect(self._conninfo, "radiusd accounting", autocommit=False)
        await session_rows.prepare(connection)
        self._connection = connection
        return connection

    async def _roll_back(self) -> None:
        try:
            if self._connection is not None:
                await self._connection.rollback()
        except psycopg.Error:
            await self._disconnect()

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _pause(self, error: psycopg.Error) -> None:
        """Wait before the next try, longer each time; the first failure is logged."""
        if self.error is None:
            _log.warning("accounting-database-failed", error=str(error).strip(), queued=len(self._queue))
        self.error = str(error).strip()
        self._wait = min(max(self._wait * 2, _FIRST_WAIT), _LONGEST_WAIT)
        await asyncio.sleep(self._wait)

    def _give_up(self, record: AccountingRecord, error: Exception) -> None:
        telemetry.LOST.labels("accounting", type(error).__name__).inc()
        _log.error(
            "accounting-record-refused",
            client=record.client_name,
            user_name=record.user_name,
            session_id=record.session_id,
            error=str(error).strip(),
        )

    def _finish(self, part: Sequence[Entry], *, written: bool) -> None:
        """Take a part off the head of the queue and tell whoever put its records."""
        for _ in part:
            self._queue.popleft()
        for record, done in part:
            try:
                done(written)
            except Exception:  # noqa: BLE001 - the answer's failure is not the record's
                _log.exception("accounting-answer-failed", client=record.client_name)


async def _transact(connection: session_rows.Connection, records: Sequence[AccountingRecord]) -> None:
    """Read the records' sessions, fold the records into them and write what changed, all or nothing."""
    ids = {record.unique_id for record in records if record.status not in REBOOTS}
    reboots = {record.nas_ip for record in records if record.status in REBOOTS}
    async with connection.pipeline():
        if reboots:
            ids.update(await session_rows.open_sessions(connection, reboots))
        states = await session_rows.load(connection, ids)
        known = {state.unique_id: state for state in states}
        doubtful = [
            state
            for record in records
            if (state := known.get(record.unique_id)) is not None and state.follows is None and predates(state, record)
        ]
        if doubtful:
            await session_rows.find_followers(connection, doubtful)
        ledger = Ledger(states)
        for record in records:
            ledger.post(record)
        await session_rows.save(connection, ledger.changed(), ledger.events, ledger.reloads)
        await connection.commit()
