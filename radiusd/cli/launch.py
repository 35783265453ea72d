"""Launching the server: dictionaries, sockets, database, then the supervisor with its processes.

The order is what an operator needs at a start that fails: a wrong setting or a taken port is said before
anything is touched. With a database that is away the processes start all the same, so that /readyz can say so.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import structlog
from prometheus_client.multiprocess import mark_process_dead

from radiusd import telemetry
from radiusd.cli import greeting
from radiusd.cli.bringup import Schema
from radiusd.config import Settings, shipped
from radiusd.dictionary.loader import load
from radiusd.errors import ConfigError, DictionaryError, RadiusdError
from radiusd.server import sockets, supervisor
from radiusd.server.plan import WorkerPlan
from radiusd.store import connections, embedded

SHORT_TOKEN: Final = 16
"""Characters under which a bootstrap token is easily guessed."""


def launch(settings: Settings, *, demo: bool, migrations: bool) -> None:
    """Run the server until it is told to stop."""
    telemetry.set_up_log("supervisor", settings.log_level, settings.log_format)
    _read_dictionaries(settings)
    if settings.admin_token is not None and len(settings.admin_token.get_secret_value()) < SHORT_TOKEN:
        structlog.get_logger().warning("admin-token-short", remedy=f"give RADIUSD_ADMIN_TOKEN {SHORT_TOKEN} characters")
    with ExitStack() as stack:
        copies = _udp(settings)
        listener = stack.enter_context(sockets.listen(settings.admin_bind, settings.admin_port))
        postgres = stack.enter_context(_postgres(settings))
        schema = Schema(postgres.conninfo, apply=migrations)
        schema.bring_up()
        welcome = greeting.prepare(settings, postgres.conninfo, demo) if schema.ready else greeting.NOTHING_MADE
        runtime_dir = stack.enter_context(_runtime_dir())
        children = [
            supervisor.Child(
                f"worker-{index}",
                "radiusd.server.worker:run",
                (WorkerPlan(index, settings, postgres.conninfo, runtime_dir, endpoints),),
            )
            for index, endpoints in enumerate(copies)
        ]
        children.append(
            supervisor.Child("admin", "radiusd.admin.process:run", (settings, postgres.conninfo, listener, runtime_dir))
        )
        greeting.show(welcome, copies[0], listener.getsockname()[:2])

        def watch() -> None:
            postgres.watch()
            if not schema.ready and schema.try_again():
                # The first start with a database that was away: what it would have made is made now.
                greeting.show_made(greeting.prepare(settings, postgres.conninfo, demo))

        supervisor.Supervisor(children, watch, mark_process_dead).run()
    structlog.get_logger().info("stopped")


def _read_dictionaries(settings: Settings) -> None:
    """Read them once before anything is started: a mistake is the operator's to mend, not each worker's to die of."""
    try:
        load(settings.dictionaries, shipped("dictionaries"))
    except DictionaryError as error:
        raise ConfigError(f"{error} (RADIUSD_DICTIONARIES)") from error


def _udp(settings: Settings) -> list[list[sockets.Endpoint]]:
    """Bind all UDP sockets: a list a worker."""
    copies: list[list[sockets.Endpoint]] = [[] for _ in range(settings.workers)]
    for service, port in (("auth", settings.auth_port), ("acct", settings.acct_port)):
        for endpoints, more in zip(copies, sockets.bind(settings.bind, service, port, settings.workers), strict=True):
            endpoints.extend(more)
    return copies


class Postgres(NamedTuple):
    """The Postgres to use; `watch` is called about once a second and starts an embedded one again that died."""

    conninfo: str
    watch: Callable[[], None]


@contextmanager
def _postgres(settings: Settings) -> Iterator[Postgres]:
    """Name the Postgres of the settings, or run the embedded one for as long as the server runs."""
    if settings.database_url is not None:
        yield Postgres(connections.conninfo(settings.database_url.get_secret_value()), lambda: None)
        return
    running = embedded.start_or_adopt(settings.data_dir, settings.postgres_bin)
    log = structlog.get_logger()

    def watch() -> None:
        nonlocal running
        if running.alive():
            return
        log.error("embedded-postgres-died", data_dir=str(settings.data_dir))
        try:
            running.stop()
            running = embedded.start_or_adopt(settings.data_dir, settings.postgres_bin)
        except RadiusdError as error:
            # The workers go on with what they know; the next look tries again.
            log.warning("embedded-postgres-does-not-start", reason=str(error))

    try:
        yield Postgres(running.conninfo, watch)
    finally:
        running.stop()


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
