"""/api/v1/sessions: who is, and who was, connected from where."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import IPvAnyAddress

from radiusd.admin.deps import Connection, Viewer
from radiusd.admin.paging import FilterText, Paging, Place
from radiusd.admin.transaction import Transaction
from radiusd.store import sessions
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
