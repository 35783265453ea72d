"""/healthz, /readyz and /metrics: for supervisors and monitoring, without a token.

The rule: /readyz is 503 when no worker answers RADIUS or Postgres is away, and 200 otherwise; what an
operator should mend all the same (a bad policy row, a schema that does not fit) stands in `warnings`. It is asked
every few seconds, so it costs one small query and no connection of its own.
"""

import asyncio
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import prometheus_client
import psycopg
import sqlalchemy.exc
from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, multiprocess
from pydantic import BaseModel
from sqlalchemy import Select, String, column, select, table
from sqlalchemy.ext.asyncio import AsyncConnection

from radiusd.admin.services import Services, services
from radiusd.errors import RadiusdError
from radiusd.store import migrate
from radiusd.store.migrate import SchemaState
from radiusd.store.schema import SCHEMA

STALE: Final = 5.0  # seconds; a worker writes its status each second
DATABASE_WITHIN: Final = 3.0
MOST_PROBLEMS: Final = 50

_REVISION: Final[Select[str]] = select(column("version_num", String)).select_from(
    table("alembic_version", schema=SCHEMA)
)
_Found = TypeVar("_Found")

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


class SchemaVerdict:
    """How the schema stands to this release, judged anew only when the database's revision is another one.

    A full check (`migrate.check`) opens a connection and reads all migrations, which takes 0.2 seconds.
    """

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._state: SchemaState | None = None
        self._turn = asyncio.Lock()

    async def judge(self, revision: str | None) -> SchemaState:
        """Return the state of a database with this revision; RadiusdError where it cannot be read."""
        async with self._turn:
            if self._state is None or self._state.current != revision:
                self._state = await asyncio.to_thread(migrate.check, self._conninfo)
            return self._state


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", summary="Is the process alive")
async def healthz() -> dict[str, str]:
    """Answer as long as this process runs."""
    return {"status": "ok"}


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", summary="Does the server do its work", responses={503: {"model": Readiness}})
async def readyz(request: Request, response: Response) -> Readiness:
    """Say whether RADIUS is answered and Postgres reached, and what is missing."""
    parts = services(request)
    workers = await asyncio.to_thread(read_workers, parts.runtime_dir, time.time())
    missing, warnings = _judge_workers(workers, parts.settings.workers)
    revision = await _judge_database(parts, request.app.state.schema, missing, warnings)
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


@router.head("/metrics", include_in_schema=False)
@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
async def metrics() -> Response:
    """Print the counters of all processes, or of this one where they don't share."""
    body = await asyncio.to_thread(_metrics)
    return Response(body, media_type=prometheus_client.CONTENT_TYPE_LATEST)


def read_workers(runtime_dir: Path, now: float) -> list[WorkerReport]:
    """Read the workers' status files; one that cannot be read counts as not ready."""
    return [_read_worker(path, now) for path in sorted(runtime_dir.glob("worker-*.json"))]


def _read_worker(path: Path, now: float) -> WorkerReport:
    """Judge by two facts, `at` and `policy_ok`; the others are shown where they are what they should be."""
    try:
        status: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        # A moment ahead of now is as wrong as one long past: the clock was set back, and nothing written since.
        age = abs(now - float(status["at"]))
        policy_ok = status["policy_ok"] is True
    except (OSError, ValueError, LookupError, TypeError) as error:
        reason = f"the status file cannot be read: {type(error).__name__}: {error}"
        return WorkerReport(worker=path.stem, ready=False, age=0.0, error=reason)
    return WorkerReport(
        worker=path.stem,
        ready=policy_ok and age <= STALE,
        age=round(age, 1),
        pid=_shown(status, "pid", int),
        generation=_shown(status, "generation", int),
        queue=_shown(status, "queue", int),
        database_ok=_shown(status, "database_ok", bool),
        error=_shown(status, "error", str),
    )


def _shown(status: Mapping[str, object], name: str, kind: type[_Found]) -> _Found | None:
    value = status.get(name)
    return value if isinstance(value, kind) else None


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


async def _judge_database(
    parts: Services, schema: SchemaVerdict, missing: list[str], warnings: list[str]
) -> str | None:
    """Reach Postgres and compare its schema; returns the schema's revision."""
    try:
        async with asyncio.timeout(DATABASE_WITHIN), parts.engine.connect() as conn:
            revision = await _revision(conn)
    except (sqlalchemy.exc.SQLAlchemyError, psycopg.Error, TimeoutError) as error:
        cause = getattr(error, "orig", None) or error
        reason = (str(cause).splitlines() or ["no answer"])[0] or "no answer"
        missing.append(f"Postgres cannot be reached: {reason}")
        return None
    try:
        state = await schema.judge(revision)
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


async def _revision(conn: AsyncConnection) -> str | None:
    """Read the schema's revision, None where there is none that may be read."""
    try:
        return (await conn.execute(_REVISION)).scalar()
    except sqlalchemy.exc.ProgrammingError:
        return None


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
