"""/api/v1/auth-log and /api/v1/audit: what was decided, and who changed what."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from radiusd.admin.deps import Admin, Connection, Viewer
from radiusd.admin.paging import FilterText, Paging
from radiusd.admin.transaction import Transaction
from radiusd.store import audit, logins
from radiusd.store.records import AuditOut, AuthLogOut
from radiusd.store.resources import Moment, Page

router = APIRouter(route_class=Transaction)


class LoginFilters(Paging):
    """What a list of logins may be narrowed by."""

    username: FilterText | None = None
    client: FilterText | None = None
    calling_station_id: FilterText | None = None
    outcome: Literal["accept", "reject"] | None = None
    reason: FilterText | None = None
    since: Moment | None = None
    until: Moment | None = None


class AuditFilters(Paging):
    """What a list of changes may be narrowed by."""

    actor: FilterText | None = None
    action: FilterText | None = None
    kind: FilterText | None = None
    name: FilterText | None = None
    since: Moment | None = None
    until: Moment | None = None


@router.get("/auth-log", summary="List logins", tags=["logs"], dependencies=[Viewer])
async def find_logins(conn: Connection, filters: Annotated[LoginFilters, Query()]) -> Page[AuthLogOut]:
    """List each Access-Request's outcome and the rule that decided it, the newest first."""
    return await logins.find(conn, **filters.model_dump())


@router.get("/audit", summary="List changes", tags=["logs"], dependencies=[Admin])
async def find_changes(conn: Connection, filters: Annotated[AuditFilters, Query()]) -> Page[AuditOut]:
    """List who changed what, the newest first."""
    return await audit.find(conn, **filters.model_dump())
