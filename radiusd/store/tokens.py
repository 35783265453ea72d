"""Bearer tokens: shown once when made, kept as SHA-256, known by their first characters.

The rule: a token is 256 random bits, so a fast hash without salt is enough; nothing caches one, so
that a revoked token is refused at the next request.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Table, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from radiusd.errors import ApiError
from radiusd.store import audit, cursors, rows
from radiusd.store.audit import Actor
from radiusd.store.freeradius import Base
from radiusd.store.records import Role, TokenCreated, TokenIn, TokenOut
from radiusd.store.resources import Page
from radiusd.store.schema import SCHEMA

TOKENS: Final[Table] = Base.metadata.tables[f"{SCHEMA}.token"]
_SHOWN = [TOKENS.c[name] for name in TokenOut.model_fields]
_PREFIX_LENGTH: Final = len("radiusd_") + 8
_LAST_USED_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whose request it is."""

    id: UUID
    name: str
    role: Role


async def create(conn: AsyncConnection, actor: Actor, token: TokenIn) -> TokenCreated:
    """Make a token; the result's `token` is its only appearance. ApiError 422 for one that has expired already."""
    if token.expires_at is not None and token.expires_at <= datetime.now(UTC):
        raise ApiError(422, "is in the past: such a token would let nobody in", field="expires_at")
    prefix = f"radiusd_{secrets.token_hex(4)}"
    text = f"{prefix}_{secrets.token_urlsafe(32)}"
    made = insert(TOKENS).values(
        name=token.name, prefix=prefix, hash=_hash(text), role=token.role, expires_at=token.expires_at
    )
    row = (await conn.execute(made.returning(*_SHOWN))).mappings().one()
    await audit.record(conn, actor, "create", "token", token.name, after=TokenOut.model_validate(dict(row)))
    return TokenCreated.model_validate({**row, "token": text})


async def find(
    conn: AsyncConnection, *, limit: int = 100, cursor: str | None = None, q: str | None = None
) -> Page[TokenOut]:
    """List tokens, revoked ones too, by name; `q` is looked for in name and prefix."""
    query = select(*_SHOWN).order_by(TOKENS.c.name, TOKENS.c.prefix).limit(limit + 1)
    after = cursors.read(cursor, str, str)
    if after is not None:
        query = query.where(func.row(TOKENS.c.name, TOKENS.c.prefix) > func.row(*after))
    if q:
        text = func.concat_ws(" ", TOKENS.c.name, TOKENS.c.prefix)
        query = query.where(text.ilike(cursors.pattern(q), escape="\\"))
    found = [TokenOut.model_validate(dict(row)) for row in (await conn.execute(query)).mappings()]
    return cursors.page(found, limit, lambda last: (last.name, last.prefix))


async def get(conn: AsyncConnection, token: UUID | str) -> TokenOut:
    """Read one token by id or prefix; ApiError 404 where there is none."""
    try:
        condition = TOKENS.c.id == UUID(str(token))
    except ValueError:
        condition = TOKENS.c.prefix == str(token)
    row = (await conn.execute(select(*_SHOWN).where(condition))).mappings().first()
    if row is None:
        raise ApiError(404, f"there is no token {str(token)!r}")
    return TokenOut.model_validate(dict(row))


async def revoke(conn: AsyncConnection, actor: Actor, token: UUID | str) -> TokenOut:
    """End a token at once, by id or prefix; one that is revoked already stays so."""
    before = await get(conn, token)
    if before.revoked_at is not None:
        return before
    ended = update(TOKENS).where(TOKENS.c.id == before.id).values(revoked_at=func.now()).returning(*_SHOWN)
    after = TokenOut.model_validate(dict((await conn.execute(ended)).mappings().one()))
    await audit.record(conn, actor, "revoke", "token", before.name, before=before, after=after)
    return after


async def authenticate(conn: AsyncConnection, token: str, now: datetime | None = None) -> Bearer | None:
    """Return whose `token` this is, None if nobody's (any more); note its use, once a minute at most."""
    now = now or datetime.now(UTC)
    query = select(TOKENS).where(TOKENS.c.prefix == token[:_PREFIX_LENGTH])
    row = (await conn.execute(query)).mappings().first()
    if row is None or not hmac.compare_digest(row["hash"], _hash(token)):
        return None
    if row["revoked_at"] is not None or (row["expires_at"] is not None and row["expires_at"] <= now):
        return None
    if row["last_used_at"] is None or row["last_used_at"] <= now - _LAST_USED_EVERY:
        await conn.execute(update(TOKENS).where(TOKENS.c.id == row["id"]).values(last_used_at=now))
    return Bearer(row["id"], row["name"], row["role"])


async def ensure_bootstrap_token(conn: AsyncConnection) -> str | None:
    """Make an admin token if there is none in force, and return its text to be shown once; else None."""
    await rows.lock(conn, "token", "bootstrap")
    in_force = TOKENS.c.revoked_at.is_(None) & or_(TOKENS.c.expires_at.is_(None), TOKENS.c.expires_at > func.now())
    query = select(TOKENS.c.id).where(TOKENS.c.role == "admin", in_force).limit(1)
    if (await conn.execute(query)).first() is not None:
        return None
    made = await create(conn, Actor("radiusd", "first start"), TokenIn(name="bootstrap", role="admin"))
    return made.token


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
