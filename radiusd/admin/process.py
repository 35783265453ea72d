"""The admin process: REST on the socket that the supervisor bound, the reaper, and its own view of the policy.

Start and stop are two visible lists. SIGTERM, SIGINT or the supervisor's death end it: requests under
way are answered, for at most `STOP_WITHIN` seconds.
"""

import asyncio
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
import uvicorn
import uvloop

from radiusd import telemetry
from radiusd.admin.app import create_app
from radiusd.admin.services import Services
from radiusd.config import Settings, shipped
from radiusd.dictionary.loader import load
from radiusd.store import engines
from radiusd.store.policy_listener import PolicyListener
from radiusd.store.pruning import Keep
from radiusd.store.reaper import Reaper

STOP_WITHIN = 5
LEAVE_WITHIN = 1.0


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves the signals to this process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run(settings: Settings, conninfo: str, listener: socket.socket, runtime_dir: Path) -> None:
    """Serve until told to stop; exits with 1 when a part of it fails."""
    telemetry.set_up_log("admin", settings.log_level, settings.log_format)
    uvloop.run(_serve(settings, conninfo, listener, runtime_dir))


async def _serve(settings: Settings, conninfo: str, listener: socket.socket, runtime_dir: Path) -> None:
    log = structlog.get_logger()
    dictionary = load(settings.dictionaries, shipped("dictionaries"))
    engine = engines.make(conninfo, "radiusd admin")
    policy = PolicyListener(conninfo, dictionary)
    reaper = Reaper(conninfo, keep=Keep(settings.timeline_days, settings.auth_log_days))
    app = create_app(Services(settings, conninfo, engine, dictionary, policy, reaper, runtime_dir))
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=STOP_WITHIN,
        )
    )
    _listen_for_end(server)

    background = [
        asyncio.create_task(policy.run(), name="policy"),
        asyncio.create_task(reaper.run(), name="reaper"),
    ]
    serving = asyncio.create_task(server.serve([listener]), name="rest")
    log.info("admin-ready", address=listener.getsockname()[:2])

    await asyncio.wait([serving, *background], return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await asyncio.gather(serving, return_exceptions=True)
    crashed = [task for task in (serving, *background) if task.done() and task.exception() is not None]
    for task in background:
        task.cancel()
    _, hanging = await asyncio.wait(background, timeout=LEAVE_WITHIN)
    if crashed:
        log.error("admin-failed", task=crashed[0].get_name(), exc_info=crashed[0].exception())
        raise SystemExit(1)
    if not hanging:
        await engine.dispose()
    log.info("admin-stopped")
    if hanging:
        # A database that hangs holds a task up, which has nothing left to lose.
        sys.stderr.flush()
        os._exit(0)


def _listen_for_end(server: uvicorn.Server) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    parent = multiprocessing.parent_process()
    if parent is not None:
        sentinel = parent.sentinel

        def parent_died() -> None:
            loop.remove_reader(sentinel)
            stop()

        loop.add_reader(sentinel, parent_died)
