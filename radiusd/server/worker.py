"""One UDP process: its policy snapshot, its engine, its queues to Postgres, and its sockets.

Start and stop are two visible lists in `_serve`. SIGTERM, SIGINT, or the supervisor's death end it
gracefully: it stops reading, answers what it has taken, for at most `STOP_WITHIN` seconds, and leaves.
"""

import asyncio
import gc
import multiprocessing
import os
import signal
import sys
import time

import structlog
import uvloop

from radiusd import telemetry
from radiusd.config import shipped
from radiusd.decide.engine import Engine
from radiusd.dictionary.loader import load
from radiusd.server import status
from radiusd.server.plan import WorkerPlan
from radiusd.server.udp import Edge
from radiusd.store.accounting_writer import AccountingWriter
from radiusd.store.auth_log import AuthLog
from radiusd.store.policy_listener import PolicyListener

STOP_WITHIN = 7.0
LEAVE_WITHIN = 1.0
FIRST_POLICY_WITHIN = 10.0


def run(plan: WorkerPlan) -> None:
    """Be a worker until told to stop."""
    telemetry.set_up_log(f"worker-{plan.index}", plan.settings.log_level, plan.settings.log_format)
    uvloop.run(_serve(plan))


async def _serve(plan: WorkerPlan) -> None:
    stop = asyncio.Event()
    _listen_for_end(stop)
    settings = plan.settings
    dictionary = load(settings.dictionaries, shipped("dictionaries"))
    tally = telemetry.Tally()
    engine = Engine(reject_delay=settings.reject_delay, cleanup_delay=settings.cleanup_delay, random_octets=os.urandom)

    policy = PolicyListener(plan.conninfo, dictionary, engine.use, announce=plan.index == 0)
    writer = AccountingWriter(plan.conninfo)
    auth_log = AuthLog(plan.conninfo)
    edge = Edge(engine, writer.put, auth_log.put if settings.auth_log else None, tally)

    background = [
        asyncio.create_task(policy.run(), name="policy"),
        asyncio.create_task(writer.run(), name="accounting"),
        asyncio.create_task(auth_log.run(), name="auth-log"),
        asyncio.create_task(_report(plan, policy, writer, edge), name="report"),
    ]
    failed = asyncio.ensure_future(asyncio.wait(background, return_when=asyncio.FIRST_COMPLETED))
    await _first_policy(policy, stop)
    # What was loaded so far lives as long as the process: the collector need not walk it again and again.
    gc.collect()
    gc.freeze()
    edge.open(plan.endpoints)
    structlog.get_logger().info("worker-ready", generation=policy.generation)

    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait([stopping, failed], return_when=asyncio.FIRST_COMPLETED)

    edge.close()
    deadline = time.monotonic() + STOP_WITHIN
    await writer.drain(deadline)
    await auth_log.drain(deadline)
    edge.report()
    crashed = [task for task in background if task.done() and not task.cancelled() and task.exception()]
    for task in (*background, failed, stopping):
        task.cancel()
    _, hanging = await asyncio.wait([*background, failed, stopping], timeout=LEAVE_WITHIN)
    if crashed:
        structlog.get_logger().error("worker-failed", task=crashed[0].get_name(), exc_info=crashed[0].exception())
        raise SystemExit(1)
    structlog.get_logger().info("worker-stopped")
    if hanging:
        # A database that hangs holds a task up: all that could be kept is kept, and nothing else is waited for.
        sys.stderr.flush()
        os._exit(0)


def _listen_for_end(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    parent = multiprocessing.parent_process()
    if parent is not None:
        sentinel = parent.sentinel

        def parent_died() -> None:
            loop.remove_reader(sentinel)
            stop.set()

        loop.add_reader(sentinel, parent_died)


async def _first_policy(policy: PolicyListener, stop: asyncio.Event) -> None:
    """Wait for the first snapshot, or long enough: then requests are read and dropped, which is counted."""
    waits = [asyncio.ensure_future(policy.wait_loaded()), asyncio.ensure_future(stop.wait())]
    await asyncio.wait(waits, timeout=FIRST_POLICY_WITHIN, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


async def _report(plan: WorkerPlan, policy: PolicyListener, writer: AccountingWriter, edge: Edge) -> None:
    """Publish counters and the status file each second."""
    while True:
        edge.report()
        telemetry.QUEUE.labels("accounting").set(writer.depth)
        snapshot = policy.snapshot
        status.write(
            plan.runtime_dir,
            plan.index,
            status.WorkerStatus(
                pid=os.getpid(),
                at=time.time(),
                generation=policy.generation,
                policy_ok=snapshot is not None,
                database_ok=policy.error is None,
                problems=len(snapshot.problems) if snapshot is not None else 0,
                queue=writer.depth,
                error=policy.error,
            ),
        )
        await asyncio.sleep(1.0)
