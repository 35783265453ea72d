"""/api/v1/sessions: who is, and who was, connected from where."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, IPvAnyAddress

from radiusd.admin.deps import By, Connection, Operator, Parts, Viewer
from radiusd.admin.paging import FilterText, Paging, Place
from radiusd.admin.transaction import Transaction
from radiusd.store import audit, reaper, sessions
from radiusd.store.records import SessionEventOut, SessionOut, SessionState
from radiusd.store.resources import Moment, Name, Page

router = APIRouter(prefix="/sessions", tags=["sessions"], route_class=Transaction)

SessionId = Annotated[Name, Path(description="The session's id, or its Acct-Unique-Session-Id.")]


class SessionFilters(Paging):
    """What a list of sessions may be narrowed by."""

    state: list[SessionState] | None = None
    username: FilterText | None = None
    group: FilterText | None = None
    client: FilterText | None = None
    framed_ip: IPvAnyAddress | None = None
    calling_station_id: FilterText | None = None
    since: Moment | None = None
    until: Moment | None = None


@router.get("", summary="List sessions", dependencies=[Viewer])
async def find(conn: Connection, filters: Annotated[SessionFilters, Query()]) -> Page[SessionOut]:
    """List sessions, the newest first.

    `since` and `until` find those that were open at some time in between: the same moment twice asks
    who was connected then.
    """
    wanted = filters.model_dump()
    wanted["framed_ip"] = None if filters.framed_ip is None else str(filters.framed_ip)
    return await sessions.find(conn, **wanted)


@router.get("/{session_id}", summary="Read a session", dependencies=[Viewer])
async def get(conn: Connection, session_id: SessionId) -> SessionOut:
    """Read one session."""
    return await sessions.get(conn, session_id)


@router.get("/{session_id}/timeline", summary="Read a session's timeline", dependencies=[Viewer])
async def timeline(conn: Connection, session_id: SessionId, place: Annotated[Place, Query()]) -> Page[SessionEventOut]:
    """List every packet and change of a session, the oldest first."""
    return await sessions.timeline(conn, session_id, **place.model_dump())


class Reaped(BaseModel):
    """A session that was closed, or would be: it fell silent, and `stopped_at` is when it was last heard of."""

    id: str
    acct_unique_id: str
    username: str | None
    client: str | None
    nas_ip: str
    started_at: datetime
    stopped_at: datetime
    last_seen: datetime
    expected_interval: float | None


class ReapReport(BaseModel):
    """What one round of the reaper did, or with dry_run would do."""

    dry_run: bool
    items: list[Reaped]


@router.post("/reap", summary="Close sessions that fell silent", dependencies=[Operator])
async def reap(
    parts: Parts, conn: Connection, by: By, dry_run: Annotated[bool, Query(description="Close nothing.")] = False
) -> ReapReport:
    """Do at once what the reaper does by itself every few seconds."""
    reaped = await parts.reaper.reap(dry_run=dry_run)
    report = ReapReport(dry_run=dry_run, items=[_reaped(session) for session in reaped])
    if reaped and not dry_run:
        await audit.record(conn, by, "reap", "session", f"{len(reaped)} sessions", after=report)
    return report


def _reaped(session: reaper.Reaped) -> Reaped:
    return Reaped(
        id=session.session_id or session.unique_id,
        acct_unique_id=session.unique_id,
        username=session.user_name,
        client=session.client_name,
        nas_ip=session.nas_address,
        started_at=_moment(session.start),
        stopped_at=_moment(session.stop),
        last_seen=_moment(session.last_seen),
        expected_interval=session.expected,
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
