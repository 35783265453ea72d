"""Following the policy: one process's current snapshot, at most a second behind the tables.

The rule: a connection of its own LISTENs, and asks besides once in `POLL` seconds, as a notification can be lost. The
snapshot changes in one step on the event loop, at a cost that follows the change; when the database is away the last
one goes on being used, and after the reconnection what was missed is read. All is read anew when the database is
another one than before, when nothing was heard of it for `SILENCE`, when a table was truncated, and when so much has
changed that it costs no more.
"""

import asyncio
import time
from collections.abc import Callable

import psycopg
import structlog

from radiusd.dictionary.attributes import Dictionary
from radiusd.policy.items import ItemTable
from radiusd.policy.model import Problem
from radiusd.policy.snapshot import Snapshot
from radiusd.store import connections, policy_reader
from radiusd.store.policy_reader import Mark, Resolver

POLL = 1.0
"""Seconds after which changes are looked for without a notification."""

SHORTEST_PAUSE = 0.05
LONGEST_PAUSE = 1.0
"""Seconds between attempts to connect: the first is doubled up to the second."""

SILENCE = 1800.0
"""Seconds without contact after which `radiusd.change` may no longer hold all that was missed."""

ASK_WITHIN = 10.0
READ_WITHIN = 300.0
"""Seconds for one look for changes, and for reading all of a large policy."""

MOST_LOGGED = 20
"""Problems that are logged one by one at a time; of the others only the number is."""


class PolicyListener:
    """Keeps `snapshot` current while `run` runs.

    `snapshot` is None until the first load; `generation` counts what was put in force; `last_ok` is when Postgres last
    answered, in epoch seconds; `error` says why it does not, None while it does. `on_snapshot` is called on the event
    loop after each change, with what is in force from then on. With `announce`, bad rows are logged (one process of
    several should do it).
    """

    def __init__(
        self,
        url: str,
        dictionary: Dictionary,
        on_snapshot: Callable[[Snapshot], None] | None = None,
        *,
        announce: bool = False,
    ) -> None:
        self.snapshot: Snapshot | None = None
        self.last_ok = 0.0
        self.error: str | None = None
        self._url = url
        self._items = ItemTable(dictionary)
        self._resolver = Resolver()
        self._on_snapshot = on_snapshot
        self._announce = announce
        self._announced: set[Problem] = set()
        self._mark: Mark | None = None
        self._identity: str | None = None
        self._heard = 0.0
        self._told = asyncio.Event()

    @property
    def generation(self) -> int:
        """Return the number of the snapshot in force, 0 before the first."""
        return self.snapshot.generation if self.snapshot is not None else 0

    async def run(self) -> None:
        """Follow the policy until cancelled; raises only for a database URL that cannot be one (ConfigError)."""
        log = structlog.get_logger()
        pause = SHORTEST_PAUSE
        while True:
            started = self._heard
            try:
                await self._follow()
            except (psycopg.Error, OSError, TimeoutError) as error:
                text = " ".join(str(error).split()) or type(error).__name__
                if self.error is None:
                    log.warning("policy-database-lost", error=text, generation=self.generation)
                self.error = text
                self._tell()
            if self._heard != started:
                pause = SHORTEST_PAUSE
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def wait_loaded(self) -> Snapshot:
        """Wait for the first snapshot."""
        return await self.wait_for(lambda _: True)

    async def wait_for(self, holds: Callable[[Snapshot], bool]) -> Snapshot:
        """Wait until a snapshot for which `holds` is true is in force."""
        while True:
            snapshot = self.snapshot
            if snapshot is not None and holds(snapshot):
                return snapshot
            await self._told.wait()

    async def wait_error(self, *, present: bool) -> None:
        """Wait until there is an error, or none."""
        while (self.error is not None) is not present:
            await self._told.wait()

    def _tell(self) -> None:
        """Wake all who wait for something to change."""
        told, self._told = self._told, asyncio.Event()
        told.set()

    async def _follow(self) -> None:
        """Hold one connection: catch up, then wait for changes; leaves only by an error."""
        connection = await connections.connect(self._url, "radiusd policy")
        try:
            async with asyncio.timeout(ASK_WITHIN):
                # Before the first look, so that no change falls in between.
                await connection.execute(f"LISTEN {connections.CHANNEL}")
                await self._recognise(connection)
            while True:
                await self._catch_up(connection)
                async for _ in connection.notifies(timeout=POLL, stop_after=1):
                    pass
        finally:
            await connection.close()

    async def _recognise(self, connection: psycopg.AsyncConnection) -> None:
        """Forget the mark unless this is the database that it was made in, and soon enough."""
        identity = await policy_reader.identity(connection)
        silent = asyncio.get_running_loop().time() - self._heard
        if identity is None or identity != self._identity or silent > SILENCE:
            self._mark = None
        self._identity = identity

    async def _catch_up(self, connection: psycopg.AsyncConnection) -> None:
        """Put in force whatever has changed."""
        if self._mark is not None and self.snapshot is not None:
            async with asyncio.timeout(ASK_WITHIN):
                mark = await policy_reader.unchanged(connection, self._mark)
            if mark is None:
                async with asyncio.timeout(READ_WITHIN):
                    changes = await policy_reader.read_changes(connection, self.snapshot, self._mark, self._resolver)
                if changes is None:
                    self._mark = None
                else:
                    delta, self._mark = changes
                    self.snapshot.apply(delta)
                    self._publish(self.snapshot)
            else:
                self._mark = mark
        if self._mark is None or self.snapshot is None:
            async with asyncio.timeout(READ_WITHIN):
                snapshot, mark = await policy_reader.read_all(
                    connection, self._items, self._resolver, self.generation + 1
                )
            self._mark = mark
            self._publish(snapshot)
        self._heard = asyncio.get_running_loop().time()
        self.last_ok = time.time()
        if self.error is not None:
            structlog.get_logger().info("policy-database-back", generation=self.generation)
            self.error = None
            self._tell()

    def _publish(self, snapshot: Snapshot) -> None:
        """Tell everybody what is in force."""
        self.snapshot = snapshot
        if self._on_snapshot is not None:
            self._on_snapshot(snapshot)
        self._tell()
        if self._announce:
            self._log_problems(snapshot)

    def _log_problems(self, snapshot: Snapshot) -> None:
        """Log what was not wrong before."""
        log = structlog.get_logger()
        current = set(snapshot.problems)
        fresh = sorted(current - self._announced)
        for problem in fresh[:MOST_LOGGED]:
            log.warning("policy-row-bad", table=problem.table, row=problem.row_id, problem=str(problem))
        if len(fresh) > MOST_LOGGED:
            log.warning("policy-rows-bad", more=len(fresh) - MOST_LOGGED)
        self._announced = current
