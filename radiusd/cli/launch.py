"""Launching the server: sockets, database, then the supervisor with its processes.

The order is what an operator needs at a start that fails: a wrong setting or a taken port is said before
anything is touched. A database that is away is waited for; one whose schema is newer is used as it is, with a
line in the log and in /readyz.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
import structlog
from prometheus_client.multiprocess import mark_process_dead

from radiusd import telemetry
from radiusd.cli import greeting
from radiusd.config import Settings
from radiusd.server import sockets, supervisor
from radiusd.server.plan import WorkerPlan
from radiusd.store import connections, embedded, migrate

RETRY_DATABASE = 2.0


class Database(NamedTuple):
    """The Postgres to use; `watch` is called about once a second and starts an embedded one again that died."""

    conninfo: str
    watch: Callable[[], None]


def launch(settings: Settings, *, demo: bool, migrations: bool) -> None:
    """Run the server until it is told to stop."""
    telemetry.set_up_log("supervisor", settings.log_level, settings.log_format)
    with ExitStack() as stack:
        copies = _udp(settings)
        listener = stack.enter_context(sockets.listen(settings.admin_bind, settings.admin_port))
        database = stack.enter_context(_database(settings))
        _bring_up_schema(database.conninfo, migrations)
        welcome = greeting.prepare(settings, database.conninfo, demo)
        runtime_dir = stack.enter_context(_runtime_dir())
        children = [
            supervisor.Child(
                f"worker-{index}",
                "radiusd.server.worker:run",
                (WorkerPlan(index, settings, database.conninfo, runtime_dir, endpoints),),
            )
            for index, endpoints in enumerate(copies)
        ]
        children.append(
            supervisor.Child("admin", "radiusd.admin.process:run", (settings, database.conninfo, listener, runtime_dir))
        )
        greeting.show(welcome, copies[0], listener.getsockname()[:2])
        supervisor.Supervisor(children, database.watch, mark_process_dead).run()
    structlog.get_logger().info("stopped")


def _udp(settings: Settings) -> list[list[sockets.Endpoint]]:
    """Bind all UDP sockets: a list a worker."""
    copies: list[list[sockets.Endpoint]] = [[] for _ in range(settings.workers)]
    for service, port in (("auth", settings.auth_port), ("acct", settings.acct_port)):
        for endpoints, more in zip(copies, sockets.bind(settings.bind, service, port, settings.workers), strict=True):
            endpoints.extend(more)
    return copies


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    """Name the Postgres of the settings, or run the embedded one for as long as the server runs."""
    if settings.database_url is not None:
        yield Database(connections.conninfo(settings.database_url.get_secret_value()), lambda: None)
        return
    running = embedded.start_or_adopt(settings.data_dir, settings.postgres_bin)

    def watch() -> None:
        nonlocal running
        if not running.alive():
            structlog.get_logger().error("embedded-postgres-died", data_dir=str(settings.data_dir))
            running = embedded.start_or_adopt(settings.data_dir, settings.postgres_bin)

    try:
        yield Database(running.conninfo, watch)
    finally:
        running.stop()


def _bring_up_schema(conninfo: str, apply: bool) -> None:
    """Wait for the database, then migrate it; raises StoreError when that is refused or not allowed."""
    log = structlog.get_logger()
    while True:
        try:
            psycopg.connect(conninfo).close()
            break
        except psycopg.OperationalError as error:
            log.warning("database-away", database=connections.describe(conninfo), reason=str(error).splitlines()[0])
            time.sleep(RETRY_DATABASE)
    state = migrate.check(conninfo)
    if state.verdict == "newer":
        log.error("schema-newer", current=state.current, known=state.wanted, remedy="start the newer radiusd")
    elif apply:
        migrate.upgrade(conninfo, lambda step: log.info("migrated", step=step))
    else:
        migrate.require(conninfo)


@contextmanager
def _runtime_dir() -> Iterator[Path]:
    """Make the folder that the processes share while they run: their metrics and status files."""
    folder = Path(tempfile.mkdtemp(prefix="radiusd-"))
    metrics = folder / "metrics"
    metrics.mkdir()
    # Read by prometheus-client when a child imports it; this process counts nothing.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
