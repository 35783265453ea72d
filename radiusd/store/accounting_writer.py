"""The accounting writer: records to Postgres by group commit, each acknowledged after its commit and never before.

The rules:

- What arrives while one transaction is under way becomes the next one: the busier, the larger, up to `max_batch`.
- A batch is read, folded in memory and written again in two round trips; order within it is the order of arrival.
- While Postgres cannot be reached the queue is kept; a batch is tried again until it is written. A commit whose answer
  was lost is repeated: folding the same records twice changes nothing.
- A row that somebody else has locked holds up the records of its session and no others.
- A record that Postgres refuses for what it holds is found by halving its batch, given up, counted and logged.
- The queue has a bound; when it is full, `put` says so and the NAS will send again.
"""

import asyncio
import time
from collections.abc import Sequence

import psycopg
import structlog

from radiusd import telemetry
from radiusd.decide.accounting import AccountingRecord
from radiusd.errors import RadiusdError
from radiusd.nas.kinds import expected_interval
from radiusd.sessions.fold import doubt_clock, predates
from radiusd.sessions.ledger import REBOOTS, Ledger
from radiusd.store import connections, session_rows
from radiusd.store.accounting_queue import AccountingQueue, Done, Entry, key
from radiusd.store.cancellation import hanging_up

# Seconds to wait before Postgres is tried again: at first, and at most.
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 2.0
# Times that a batch is done again at once, because another process was at the same sessions.
_COLLISIONS = 10
# Seconds between two looks whether locked rows are free again.
_LOOK_EVERY = 1.0

_COLLIDED = (psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
_REFUSED = (psycopg.DataError, psycopg.IntegrityError)

_log = structlog.get_logger()


class AccountingWriter:
    """A queue of records, and the one task (`run`) that writes them; to be used in one event loop."""

    def __init__(self, conninfo: str, *, max_batch: int = 500, max_queue: int = 20_000) -> None:
        """Take the database (URL or libpq's form), records a transaction and in all."""
        self._conninfo = conninfo
        self._max_batch = max_batch
        self._queue = AccountingQueue(max_queue)
        self._arrived = asyncio.Event()
        self._emptied = asyncio.Event()
        self._connection: session_rows.Connection | None = None
        self._wait = 0.0
        self._look_at = 0.0
        self._log_locked = telemetry.RateLimitedLog(_log.warning)
        self.error: str | None = None

    @property
    def depth(self) -> int:
        """Records that are not committed yet, those under way and those of locked rows included."""
        return len(self._queue)

    def put(self, record: AccountingRecord, done: Done) -> bool:
        """Take a record; `done` is called with True after its commit, with False if it is given up.

        Returns False, and takes nothing, when the queue is full.
        """
        if not self._queue.append((record, done)):
            return False
        doubt_clock(record)
        if record.interval_granted is not None:
            record.interval_granted = expected_interval(record.client_kind, record.interval_granted)
        if not self._arrived.is_set():
            self._arrived.set()
        return True

    async def run(self) -> None:
        """Write until cancelled."""
        try:
            await hanging_up(self._serve(), self._hang_up)
        finally:
            await self._disconnect()

    async def drain(self, deadline: float) -> int:
        """Wait until all that was put is written, or until `deadline` (of time.monotonic); return what is left."""
        while len(self._queue) and (left := deadline - time.monotonic()) > 0:
            self._emptied.clear()
            try:
                async with asyncio.timeout(left):
                    await self._emptied.wait()
            except TimeoutError:
                break
        return len(self._queue)

    async def _serve(self) -> None:
        while True:
            await self._wait_for_work()
            if self._queue.held and time.monotonic() >= self._look_at:
                await self._look()
            await self._write(self._queue.head(self._max_batch))
            if not len(self._queue):
                self._emptied.set()

    async def _wait_for_work(self) -> None:
        """Wait for a record, or until it is time to look at locked rows."""
        while not self._queue.ready:
            self._arrived.clear()
            left = self._look_at - time.monotonic() if self._queue.held else None
            try:
                async with asyncio.timeout(left):
                    await self._arrived.wait()
            except TimeoutError:
                return

    async def _look(self) -> None:
        """Let the records of rows that are free again go on."""
        held = self._queue.held
        try:
            blocked = await _find_blocked(self._connection or await self._connect(), held)
        except psycopg.Error as error:
            await self._disconnect()
            await self._pause(error)
            return
        self._succeeded()
        self._queue.release({key(record) for record in held} - blocked)
        self._note_locked()

    async def _write(self, batch: Sequence[Entry]) -> None:
        """Write a batch, which is the head of the queue, halving it as long as Postgres refuses what it holds."""
        pending = [batch]
        while pending:
            part = self._queue.set_aside(pending.pop())
            if not part:
                continue
            try:
                blocked = await self._write_patiently([record for record, _ in part])
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
                if blocked:
                    self._queue.hold(blocked)
                    pending.append(self._queue.set_aside(part))
                    self._note_locked()
                    continue
                telemetry.RECORDS.labels("accounting").inc(len(part))
                self._finish(part, written=True)

    async def _write_patiently(self, records: Sequence[AccountingRecord]) -> set[str]:
        """Write records in one transaction, whatever happens to Postgres; raises for what they hold alone.

        Returns nothing when they are written; else nothing is, because of those of these keys, which are locked.
        """
        collisions = timeouts = 0
        while True:
            try:
                connection = self._connection or await self._connect()
                # While any row is known to be locked there may be more of them: no batch waits for them in turn.
                if (timeouts or self._queue.held) and (blocked := await _find_blocked(connection, records)):
                    self._succeeded()
                    return blocked
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
                if isinstance(error, psycopg.errors.LockNotAvailable) and not timeouts:
                    timeouts += 1
                    await self._roll_back()
                    continue
                await self._disconnect()
                await self._pause(error)
            except Exception:
                await self._roll_back()
                raise
            else:
                self._succeeded()
                return set()

    async def _connect(self) -> session_rows.Connection:
        self._connection = connection = await connections.connect(
            self._conninfo, "radiusd accounting", autocommit=False
        )
        try:
            await session_rows.prepare(connection)
        except BaseException:
            await self._disconnect()
            raise
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

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.pgconn.finish()

    def _succeeded(self) -> None:
        if self.error is not None:
            _log.info("accounting-database-back", queued=len(self._queue))
        self.error, self._wait = None, 0.0

    def _note_locked(self) -> None:
        """Set the time of the next look and log, now and then, what is locked."""
        held = self._queue.held
        if held:
            now = time.monotonic()
            if self._look_at <= now:
                self._look_at = now + _LOOK_EVERY
            first = {"client": held[0].client_name, "user_name": held[0].user_name, "session_id": held[0].session_id}
            self._log_locked("accounting-row-locked", "radacct", "locked by another", now, sessions=len(held), **first)

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
        self._queue.finish(part)
        for record, done in part:
            try:
                done(written)
            except Exception:  # noqa: BLE001 - the answer's failure is not the record's
                _log.exception("accounting-answer-failed", client=record.client_name)


async def _find_blocked(connection: session_rows.Connection, records: Sequence[AccountingRecord]) -> set[str]:
    """Return the keys of those records whose rows somebody else has locked."""
    ids = {record.unique_id for record in records if record.status not in REBOOTS}
    reboots = {record.nas_ip for record in records if record.status in REBOOTS}
    locked = await session_rows.find_locked(connection, ids, reboots)
    return {
        key(record)
        for record in records
        if (record.nas_ip in locked.nases if record.status in REBOOTS else record.unique_id in locked.unique_ids)
    }


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
