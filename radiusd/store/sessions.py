"""Reading sessions: rows of radacct, with what radiusd.session knows beside them.

The rule: radacct leads, so that sessions which only FreeRADIUS saw are listed too; their state is
`active` or `closed` by their stop time, and their id is the acctuniqueid for want of one of ours.
Writing is the accounting writer's and the reaper's.
"""

import contextlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Table, case, cast, func, or_, select
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.ext.asyncio import AsyncConnection

from radiusd.errors import ApiError
from radiusd.store import cursors
from radiusd.store.freeradius import Base
from radiusd.store.records import SessionEventOut, SessionOut, SessionState
from radiusd.store.resources import Page
from radiusd.store.schema import SCHEMA

ACCT: Final[Table] = Base.metadata.tables["radacct"]
OURS: Final[Table] = Base.metadata.tables[f"{SCHEMA}.session"]
EVENTS: Final[Table] = Base.metadata.tables[f"{SCHEMA}.session_event"]

_state: Final[ColumnElement[str]] = func.coalesce(
    OURS.c.state, case((ACCT.c.acctstoptime.is_(None), "active"), else_="closed")
)


async def find(
    conn: AsyncConnection,
    *,
    limit: int = 100,
    cursor: str | None = None,
    q: str | None = None,
    state: Sequence[SessionState] | None = None,
    username: str | None = None,
    group: str | None = None,
    client: str | None = None,
    framed_ip: str | None = None,
    calling_station_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Page[SessionOut]:
    """List sessions, the newest first.

    `since` and `until` find those that were open at some time in between, both ends included, so that
    the same moment twice asks who had an address then. `q` is looked for in user name, calling
    station, address and session id.
    """
    query = _sessions().order_by(ACCT.c.radacctid.desc()).limit(limit + 1)
    after = cursors.read_number(cursor)
    if after is not None:
        query = query.where(ACCT.c.radacctid < after)
    if state:
        query = query.where(_state.in_(state))
        if "closed" not in state:
            query = query.where(ACCT.c.acctstoptime.is_(None))  # the partial index on open rows
    for column, wanted in (
        (ACCT.c.username, username),
        (OURS.c.group_name, group),
        (OURS.c.client_name, client),
        (ACCT.c.callingstationid, calling_station_id),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if framed_ip is not None:
        query = query.where(ACCT.c.framedipaddress == cast(framed_ip, INET))
    if since is not None:
        query = query.where(or_(ACCT.c.acctstoptime.is_(None), ACCT.c.acctstoptime >= since))
    if until is not None:
        query = query.where(ACCT.c.acctstarttime <= until)
    if q:
        query = query.where(_text().ilike(cursors.pattern(q), escape="\\"))
    rows = (await conn.execute(query)).mappings().all()
    keys = [row["radacctid"] for row in rows]
    return cursors.page([_view(row) for row in rows], limit, lambda _: (keys[limit - 1],))


async def get(conn: AsyncConnection, session_id: UUID | str) -> SessionOut:
    """Read one session by our id or by its acctuniqueid; ApiError 404 where there is none."""
    conditions: list[ColumnElement[bool]] = [ACCT.c.acctuniqueid == str(session_id)]
    with contextlib.suppress(ValueError):
        conditions.insert(0, OURS.c.id == UUID(str(session_id)))
    for condition in conditions:
        row = (await conn.execute(_sessions().where(condition))).mappings().first()
        if row is not None:
            return _view(row)
    raise ApiError(404, f"there is no session {str(session_id)!r}")


async def timeline(
    conn: AsyncConnection, session_id: UUID | str, *, limit: int = 100, cursor: str | None = None
) -> Page[SessionEventOut]:
    """List every packet and change of one session, the oldest first; ApiError 404 where there is none."""
    session = await get(conn, session_id)
    unique = select(OURS.c.id).where(OURS.c.acctuniqueid == session.acct_unique_id).scalar_subquery()
    query = select(EVENTS).where(EVENTS.c.session_id == unique).order_by(EVENTS.c.id).limit(limit + 1)
    after = cursors.read_number(cursor)
    if after is not None:
        query = query.where(EVENTS.c.id > after)
    found = [
        SessionEventOut(id=row["id"], at=row["at"], kind=row["kind"], detail=row["detail"])
        for row in (await conn.execute(query)).mappings()
    ]
    return cursors.page(found, limit, lambda last: (last.id,))


def _text() -> ColumnElement[str]:
    return func.concat_ws(
        " ", ACCT.c.username, ACCT.c.callingstationid, func.host(ACCT.c.framedipaddress), ACCT.c.acctsessionid
    )


def _sessions() -> Select[Any]:
    """Select what `_view` shows, under its names."""
    acct = {
        "username": ACCT.c.username,
        "nas_ip": func.host(ACCT.c.nasipaddress),
        "nas_port": ACCT.c.nasportid,
        "framed_ip": func.host(ACCT.c.framedipaddress),
        "framed_ipv6_prefix": func.text(ACCT.c.framedipv6prefix),
        "calling_station_id": ACCT.c.callingstationid,
        "called_station_id": ACCT.c.calledstationid,
        "acct_session_id": ACCT.c.acctsessionid,
        "acct_unique_id": ACCT.c.acctuniqueid,
        "started_at": ACCT.c.acctstarttime,
        "updated_at": ACCT.c.acctupdatetime,
        "stopped_at": ACCT.c.acctstoptime,
        "session_time": ACCT.c.acctsessiontime,
        "input_octets": ACCT.c.acctinputoctets,
        "output_octets": ACCT.c.acctoutputoctets,
        "terminate_cause": ACCT.c.acctterminatecause,
        "state": _state,
        "group": OURS.c.group_name,
        "client": OURS.c.client_name,
        "interim_interval": OURS.c.interval_s,
        "start_inferred": func.coalesce(OURS.c.start_inferred, False),
        "reopened": func.coalesce(OURS.c.reopened, 0),
        "own_id": OURS.c.id,
        **{name: OURS.c[name] for name in ("last_seen", "closed_by", "closed_at", "stop_uncertainty_s")},
    }
    columns = [column.label(name) for name, column in acct.items()]
    joined = ACCT.outerjoin(OURS, OURS.c.acctuniqueid == ACCT.c.acctuniqueid)
    return select(ACCT.c.radacctid, *columns).select_from(joined)


def _view(row: Any) -> SessionOut:
    return SessionOut.model_validate({**row, "id": str(row["own_id"] or row["acct_unique_id"])})
