"""Clients (NAS): rows of nas, with ours in radiusd.client beside them.

The rule: nas is the truth for address and secret, which FreeRADIUS reads too; a row of nas that
another tool wrote is a client as well, with the defaults and the name `shortname` or else `nasname`.
`nas.type` stays `other` in rows made here: FreeRADIUS would run its checkrad script for other types.
"""

from ipaddress import ip_network
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, Table, case, delete, func, insert, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from radiusd.errors import ApiError
from radiusd.store import audit, cursors, rows
from radiusd.store.audit import Actor
from radiusd.store.freeradius import Base
from radiusd.store.resources import KINDS, ClientCreate, ClientIn, ClientOut, ClientPatch, Page
from radiusd.store.schema import SCHEMA

NAS: Final[Table] = Base.metadata.tables["nas"]
OURS: Final[Table] = Base.metadata.tables[f"{SCHEMA}.client"]

_OWN = (
    "require_message_authenticator",
    "reap_missed_interims",
    "reap_grace",
    "nas_hold",
    "dynauth_port",
    "strip_user_name",
)
client_name: Final[ColumnElement[str]] = func.coalesce(OURS.c.name, func.nullif(NAS.c.shortname, ""), NAS.c.nasname)
client_kind: Final[ColumnElement[str]] = func.coalesce(
    OURS.c.kind, case((NAS.c.type.in_(KINDS), NAS.c.type), else_="other")
)


class _State(NamedTuple):
    view: ClientOut
    secret: str


async def find(
    conn: AsyncConnection,
    *,
    limit: int = 100,
    cursor: str | None = None,
    q: str | None = None,
    kind: str | None = None,
) -> Page[ClientOut]:
    """List clients by name; `q` is looked for in name, address and description."""
    query = _clients().order_by(client_name, NAS.c.id).limit(limit + 1)
    after = cursors.read(cursor, str, int)
    if after is not None:
        query = query.where(func.row(client_name, NAS.c.id) > func.row(*after))
    if q:
        text = func.concat_ws(" ", client_name, NAS.c.nasname, NAS.c.description)
        query = query.where(text.ilike(cursors.pattern(q), escape="\\"))
    if kind is not None:
        query = query.where(client_kind == kind)
    found = [_state(row).view for row in (await conn.execute(query)).mappings()]
    return cursors.page(found, limit, lambda last: (last.name, last.id))


async def get(conn: AsyncConnection, name: str) -> ClientOut:
    """Read one client; ApiError 404 where there is none. Of two that share a name it is the older."""
    state = await _read(conn, name)
    if state is None:
        raise _unknown(name)
    return state.view


async def create(conn: AsyncConnection, actor: Actor, client: ClientCreate) -> ClientOut:
    """Create a client; ApiError 409 where its name or address is taken."""
    await rows.lock(conn, "clients", "")
    return await _create(conn, actor, client)


async def put(
    conn: AsyncConnection, actor: Actor, name: str, client: ClientIn, *, if_match: str | None = None
) -> tuple[ClientOut, bool]:
    """Create or replace a client; the second of the result says that it was created."""
    await rows.lock(conn, "clients", "")
    before = await _read(conn, name)
    rows.match(if_match, None if before is None else before.view.version)
    if before is not None:
        return await _change(conn, actor, before, client), False
    if client.name != name:
        raise ApiError(422, f"the path names {name!r}, where there is no client to rename", field="name")
    if client.secret is None:
        raise ApiError(422, "a new client needs a secret", field="secret")
    return await _create(conn, actor, client), True


async def patch(
    conn: AsyncConnection, actor: Actor, name: str, changes: ClientPatch, *, if_match: str | None = None
) -> ClientOut:
    """Change what `changes` names of a client, its name too."""
    await rows.lock(conn, "clients", "")
    before = await _read(conn, name)
    if before is None:
        raise _unknown(name)
    rows.match(if_match, before.view.version)
    return await _change(conn, actor, before, changes)


async def remove(conn: AsyncConnection, actor: Actor, name: str, *, if_match: str | None = None) -> None:
    """Delete a client; from then on its packets get silence."""
    await rows.lock(conn, "clients", "")
    before = await _read(conn, name)
    if before is None:
        raise _unknown(name)
    rows.match(if_match, before.view.version)
    await conn.execute(delete(OURS).where(OURS.c.nas_id == before.view.id))
    await conn.execute(delete(NAS).where(NAS.c.id == before.view.id))
    await audit.record(conn, actor, "delete", "client", before.view.name, before=before.view)


def _clients() -> Select[Any]:
    xmins: ColumnElement[str] = literal_column("nas.xmin::text || '.' || coalesce(client.xmin::text, '')")
    return select(
        NAS.c.id,
        client_name.label("name"),
        NAS.c.nasname,
        NAS.c.secret,
        NAS.c.description,
        client_kind.label("kind"),
        *(OURS.c[column] for column in _OWN),
        xmins.label("xmins"),
    ).select_from(NAS.outerjoin(OURS, OURS.c.nas_id == NAS.c.id))


def _state(row: Any) -> _State:
    own = {column: row[column] for column in _OWN}
    if own["reap_grace"] is None:
        own = {column: ClientIn.model_fields[column].default for column in _OWN}
    view = ClientOut(
        id=row["id"],
        name=row["name"],
        address=canonical(row["nasname"]),
        has_secret=row["secret"] != "",
        kind=row["kind"],
        description=row["description"],
        version=rows.version([("client", row["id"], row["xmins"])]),
        **own,
    )
    return _State(view, row["secret"])


async def _read(conn: AsyncConnection, name: str) -> _State | None:
    query = _clients().where(client_name == name).order_by(OURS.c.nas_id.is_(None), NAS.c.id).limit(1)
    row = (await conn.execute(query)).mappings().first()
    return None if row is None else _state(row)


async def _read_by_id(conn: AsyncConnection, nas_id: int) -> _State:
    return _state((await conn.execute(_clients().where(NAS.c.id == nas_id))).mappings().one())


def canonical(nasname: str) -> str:
    """Return an address as REST shows it: a host without prefix length; what is no address stays as it is."""
    try:
        network = ip_network(nasname.strip(), strict=False)
    except ValueError:
        return nasname
    return str(network.network_address) if network.num_addresses == 1 else str(network)


async def _need_free(conn: AsyncConnection, name: str | None, address: str | None, own: int | None) -> None:
    """Refuse with 409 a name or an address that another client (not `own`) has."""
    for nas_id, taken, nasname in await conn.execute(
        select(NAS.c.id, client_name, NAS.c.nasname).select_from(NAS.outerjoin(OURS, OURS.c.nas_id == NAS.c.id))
    ):
        if nas_id == own:
            continue
        if taken == name:
            raise ApiError(409, f"there is a client {name!r} already", field="name")
        if address is not None and canonical(nasname) == address:
            raise ApiError(409, f"the client {taken!r} has the address {address} already", field="address")


async def _create(conn: AsyncConnection, actor: Actor, client: ClientIn) -> ClientOut:
    await _need_free(conn, client.name, client.address, None)
    secret = "" if client.secret is None else client.secret.get_secret_value()
    nas = insert(NAS).returning(NAS.c.id)
    values = {"nasname": client.address, "shortname": client.name, "secret": secret, "description": client.description}
    nas_id = (await conn.execute(nas.values(type="other", **values))).scalar_one()
    own = {column: getattr(client, column) for column in ("name", "kind", *_OWN)}
    await conn.execute(insert(OURS).values(nas_id=nas_id, **own))
    after = await _read_by_id(conn, nas_id)
    await audit.record(conn, actor, "create", "client", client.name, after=after.view, secrets_changed=["secret"])
    return after.view


async def _change(conn: AsyncConnection, actor: Actor, before: _State, client: ClientPatch) -> ClientOut:
    given = client.given()
    old = before.view
    _need_values(client, given)
    renamed = client.name if "name" in given and client.name != old.name else None
    moved = client.address if "address" in given and client.address != old.address else None
    await _need_free(conn, renamed, moved, old.id)
    theirs: dict[str, Any] = {}
    if renamed is not None:
        theirs["shortname"] = renamed
    if moved is not None:
        theirs["nasname"] = moved
    if client.secret is not None and client.secret.get_secret_value() != before.secret:
        theirs["secret"] = client.secret.get_secret_value()
    if "description" in given and client.description != old.description:
        theirs["description"] = client.description
    if theirs:
        await conn.execute(update(NAS).where(NAS.c.id == old.id).values(theirs))
    columns = ("name", "kind", *_OWN)
    own = {column: getattr(client if column in given else old, column) for column in columns}
    if own != {column: getattr(old, column) for column in columns}:
        await conn.execute(
            upsert(OURS).values(nas_id=old.id, **own).on_conflict_do_update(index_elements=[OURS.c.nas_id], set_=own)
        )
    after = await _read_by_id(conn, old.id)
    if after != before:
        changed = ["secret"] if "secret" in theirs else []
        await audit.record(
            conn, actor, "update", "client", old.name, before=old, after=after.view, secrets_changed=changed
        )
    return after.view


def _need_values(client: ClientPatch, given: set[str]) -> None:
    for name in given:
        if getattr(client, name) is None and name != "description":
            raise ApiError(422, "a client always has this; it cannot be taken away", field=name)


def _unknown(name: str) -> ApiError:
    return ApiError(404, f"there is no client {name!r}")
