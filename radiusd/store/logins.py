"""Reading the log of logins, radiusd.auth_log: each Access-Request's outcome and the rule that decided it.

The rule: the log says why, the wire does not. It never holds a password. Writing is the workers'.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from radiusd.store import cursors
from radiusd.store.freeradius import Base
from radiusd.store.records import AuthLogOut
from radiusd.store.resources import Page
from radiusd.store.schema import SCHEMA

LOG: Final[Table] = Base.metadata.tables[f"{SCHEMA}.auth_log"]


async def find(
    conn: AsyncConnection,
    *,
    limit: int = 100,
    cursor: str | None = None,
    q: str | None = None,
    username: str | None = None,
    client: str | None = None,
    calling_station_id: str | None = None,
    outcome: str | None = None,
    reason: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Page[AuthLogOut]:
    """List logins, the newest first; `q` is looked for in user name, client, calling station and reason."""
    columns = [LOG.c[name] for name in AuthLogOut.model_fields if name != "nas_ip"]
    query = select(*columns, func.host(LOG.c.nas_ip).label("nas_ip")).order_by(LOG.c.id.desc()).limit(limit + 1)
    after = cursors.read_number(cursor)
    if after is not None:
        query = query.where(LOG.c.id < after)
    for column, wanted in (
        (LOG.c.username, username),
        (LOG.c.client, client),
        (LOG.c.calling_station_id, calling_station_id),
        (LOG.c.outcome, outcome),
        (LOG.c.reason, reason),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if since is not None:
        query = query.where(LOG.c.at >= since)
    if until is not None:
        query = query.where(LOG.c.at < until)
    if q:
        text = func.concat_ws(" ", LOG.c.username, LOG.c.client, LOG.c.calling_station_id, LOG.c.reason)
        query = query.where(text.ilike(cursors.pattern(q), escape="\\"))
    found = [AuthLogOut.model_validate(dict(row)) for row in (await conn.execute(query)).mappings()]
    return cursors.page(found, limit, lambda last: (last.id,))
