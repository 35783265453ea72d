"""/healthz, /readyz and /metrics: for supervisors and monitoring, without a token.

The rule: /readyz is 503 when no worker answers RADIUS or Postgres is away, and 200 otherwise; what an
operator should mend all the same (a bad policy row, a schema that does not fit) stands in `warnings`.
"""

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any, Final, Literal

import prometheus_client
import psycopg
import sqlalchemy.exc
from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, multiprocess
from pydantic import BaseModel
from sqlalchemy import text

from radiusd.admin.services import Services, services
from radiusd.errors import RadiusdError
from radiusd.store import migrate

STALE: Final = 5.0  # seconds; a worker writes its status each second
DATABASE_WITHIN: Final = 3.0
MOST_PROBLEMS: Final = 50

router = APIRouter(tags=["health"])


class WorkerReport(BaseModel):
    """One UDP process, as its status file has it; `age` in seconds, `queue` in records."""

    worker: str
    ready: bool
    age: float
    pid: int | None = None
    generation: int | None = None
    queue: int | None = None
    database_ok: bool | None = None
    error: str | None = None


class Readiness(BaseModel):
    """Whether the server does its work, and what is missing or wrong, in sentences."""

    status: Literal["ready", "unavailable"]
    missing: list[str]
    warnings: list[str]
    workers: list[WorkerReport]
    schema_revision: str | None


@router.get("/healthz", summary="Is the process alive")
async def healthz() -> dict[str, str]:
    """Answer as long as this process runs."""
    return {"status": "ok"}


@router.get("/readyz", summary="Does the server do its work", responses={503: {"model": Readiness}})
async def readyz(request: Request, response: Response) -> Readiness:
    """Say whether RADIUS is answered and Postgres reached, and what is missing."""
    parts = services(request)
    workers = await asyncio.to_thread(read_workers, parts.runtime_dir, time.time())
    missing, warnings = _judge_workers(workers, parts.settings.workers)
    revision = await _judge_database(parts, missing, warnings)
    _judge_policy(parts, warnings)
    if missing:
        response.status_code = 503
    return Readiness(
        status="unavailable" if missing else "ready",
        missing=missing,
        warnings=warnings,
        workers=workers,
        schema_revision=revision,
    )


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
async def metrics() -> Response:
    """Print the counters of all processes, or of this one where they don't share."""
    body = await asyncio.to_thread(_metrics)
    return Response(body, media_type=prometheus_client.CONTENT_TYPE_LATEST)


def read_workers(runtime_dir: Path, now: float) -> list[WorkerReport]:
    """Read the workers' status files; one that cannot be read counts as not ready."""
    return [_read_worker(path, now) for path in sorted(runtime_dir.glob("worker-*.json"))]


def _read_worker(path: Path, now: float) -> WorkerReport:
    try:
        status: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        age = max(0.0, now - float(status["at"]))
        return WorkerReport(
            worker=path.stem,
            ready=bool(status["policy_ok"]) and age <= STALE,
            age=round(age, 1),
            **{name: status.get(name) for name in ("pid", "generation", "queue", "database_ok", "error")},
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        return WorkerReport(worker=path.stem, ready=False, age=0.0, error=f"the status file cannot be read: {error}")


def _judge_workers(workers: list[WorkerReport], wanted: int) -> tuple[list[str], list[str]]:
    ready = [worker for worker in workers if worker.ready]
    missing = [] if ready else ["no worker answers RADIUS"]
    warnings = []
    if ready and len(ready) < wanted:
        warnings.append(f"{len(ready)} of {wanted} workers answer RADIUS")
    for worker in workers:
        if worker.age > STALE:
            warnings.append(f"{worker.worker} has said nothing for {worker.age:.0f} seconds")
        elif worker.error:
            warnings.append(f"{worker.worker}: {worker.error}")
    return missing, warnings


async def _judge_database(parts: Services, missing: list[str], warnings: list[str]) -> str | None:
    """Reach Postgres and compare its schema; returns the schema's revision."""
    try:
        async with asyncio.timeout(DATABASE_WITHIN), parts.engine.connect() as conn:
            await conn.execute(text("SELECT 1"))
    except (sqlalchemy.exc.SQLAlchemyError, psycopg.Error, TimeoutError) as error:
        cause = getattr(error, "orig", None) or error
        reason = (str(cause).splitlines() or ["no answer"])[0] or "no answer"
        missing.append(f"Postgres cannot be reached: {reason}")
        return None
    try:
        state = await asyncio.to_thread(migrate.check, parts.conninfo)
    except RadiusdError as error:
        warnings.append(str(error))
        return None
    remedies = {
        "newer": f"the database's schema {state.current} is newer than this radiusd knows ({state.wanted}): upgrade",
        "behind": f"the database's schema {state.current} is behind {state.wanted}: run `radiusd db upgrade`",
        "absent": "the database has no radiusd schema: run `radiusd db upgrade`",
    }
    if state.verdict in remedies:
        warnings.append(remedies[state.verdict])
    return state.current


def _judge_policy(parts: Services, warnings: list[str]) -> None:
    snapshot = parts.policy.snapshot
    if parts.policy.error is not None:
        warnings.append(f"the policy is not being followed: {parts.policy.error}")
    if snapshot is None:
        warnings.append("this process has not read the policy yet")
        return
    problems = list(snapshot.problems)
    warnings.extend(f"bad row: {problem}" for problem in problems[:MOST_PROBLEMS])
    if len(problems) > MOST_PROBLEMS:
        warnings.append(f"and {len(problems) - MOST_PROBLEMS} more bad rows; `radiusd doctor` lists all")


def _metrics() -> bytes:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return prometheus_client.generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return prometheus_client.generate_latest(registry)
