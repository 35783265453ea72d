"""The audit log: who changed what and when, written in the transaction of the change itself.

The rule: `before` and `after` are what a reader may see; of a password or secret they say only that
it changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from radiusd.store import cursors
from radiusd.store.records import AuditOut
from radiusd.store.resources import Page
from radiusd.store.schema import Audit


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change: `name` as shown ("token:ci", "cli:root"), `source` an address or "cli"."""

    name: str
    source: str


async def record(
    conn: AsyncConnection,
    actor: Actor,
    action: str,
    kind: str,
    name: str,
    *,
    before: BaseModel | None = None,
    after: BaseModel | None = None,
    secrets_changed: Sequence[str] = (),
) -> None:
    """Write one change; `secrets_changed` names the passwords and secrets that are not the same any more."""
    later = None if after is None else after.model_dump(mode="json")
    if later is not None and secrets_changed:
        later["secrets_changed"] = list(secrets_changed)
    await conn.execute(
        insert(Audit).values(
            actor=actor.name,
            source=actor.source,
            action=action,
            kind=kind,
            name=name,
            before=None if before is None else before.model_dump(mode="json"),
            after=later,
        )
    )


async def find(
    conn: AsyncConnection,
    *,
    limit: int = 100,
    cursor: str | None = None,
    q: str | None = None,
    actor: str | None = None,
    action: str | None = None,
    kind: str | None = None,
    name: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Page[AuditOut]:
    """List changes, the newest first; `q` is looked for in actor and name."""
    query = select(Audit.__table__).order_by(Audit.id.desc()).limit(limit + 1)
    after = cursors.read_number(cursor)
    if after is not None:
        query = query.where(Audit.id < after)
    for column, wanted in ((Audit.actor, actor), (Audit.action, action), (Audit.kind, kind), (Audit.name, name)):
        if wanted is not None:
            query = query.where(column == wanted)
    if since is not None:
        query = query.where(Audit.at >= since)
    if until is not None:
        query = query.where(Audit.at < until)
    if q:
        query = query.where(func.concat_ws(" ", Audit.actor, Audit.name).ilike(cursors.pattern(q), escape="\\"))
    rows = [AuditOut(**row) for row in (await conn.execute(query)).mappings()]
    return cursors.page(rows, limit, lambda last: (last.id,))
