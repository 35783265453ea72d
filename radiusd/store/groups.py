"""Groups: radgroupcheck and radgroupreply as one policy, a typed view of their rows.

The rule: a group is there when radgroupcheck, radgroupreply or radusergroup names it; there is no
table of groups. One that is made without any policy is held by a row that changes nothing (the
field `placeholder` of radiusd/policy/typed.py), which comes and goes by itself: creating "staff"
first and giving it a policy later is how people work.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import func, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from radiusd.dictionary.attributes import Dictionary
from radiusd.errors import ApiError
from radiusd.policy import typed
from radiusd.policy.typed import List, Row, Value
from radiusd.store import audit, cursors, rows
from radiusd.store.audit import Actor
from radiusd.store.resources import GroupCreate, GroupIn, GroupOut, GroupPatch, Page
from radiusd.store.rows import GROUPS, MEMBERS, Lists

_PLAIN = tuple(
    field.name
    for field in GROUPS.fields
    if field.name not in ("placeholder", "mppe_policy", "mppe_types", "dns_1", "dns_2")
)


class _State(NamedTuple):
    """All rows of one group, and how many users it has."""

    lists: Lists
    members: int

    def __bool__(self) -> bool:
        return bool(self.lists) or self.members > 0


async def find(
    conn: AsyncConnection, *, limit: int = 100, cursor: str | None = None, q: str | None = None
) -> Page[GroupOut]:
    """List groups by name; `q` is looked for in the name."""
    after = cursors.read_text(cursor)
    parts = [select(table.c.groupname) for table in (GROUPS.check, GROUPS.reply, MEMBERS)]
    names = union(*parts).subquery()
    query = select(names.c.groupname).order_by(names.c.groupname).limit(limit + 1)
    if after is not None:
        query = query.where(names.c.groupname > after)
    if q:
        query = query.where(names.c.groupname.ilike(cursors.pattern(q), escape="\\"))
    found = list((await conn.execute(query)).scalars())
    states = await _read(conn, found)
    return cursors.page([_view(name, states[name]) for name in found], limit, lambda last: (last.name,))


async def get(conn: AsyncConnection, name: str) -> GroupOut:
    """Read one group; ApiError 404 where there is none."""
    state = (await _read(conn, [name]))[name]
    if not state:
        raise _unknown(name)
    return _view(name, state)


async def create(conn: AsyncConnection, dictionary: Dictionary, actor: Actor, group: GroupCreate) -> GroupOut:
    """Create a group; ApiError 409 where the name is taken."""
    before = await _locked(conn, group.name)
    if before:
        raise ApiError(409, f"there is a group {group.name!r} already", field="name")
    return await _write(conn, dictionary, actor, group.name, before, group)


async def put(
    conn: AsyncConnection,
    dictionary: Dictionary,
    actor: Actor,
    name: str,
    group: GroupIn,
    *,
    if_match: str | None = None,
) -> tuple[GroupOut, bool]:
    """Create or replace a group's policy; the second of the result says that it was created."""
    _same_name(name, group.name)
    before = await _locked(conn, name)
    rows.match(if_match, rows.version(before.lists.parts()) if before else None)
    return await _write(conn, dictionary, actor, name, before, group), not before


async def patch(
    conn: AsyncConnection,
    dictionary: Dictionary,
    actor: Actor,
    name: str,
    changes: GroupPatch,
    *,
    if_match: str | None = None,
) -> GroupOut:
    """Change what `changes` names of a group."""
    _same_name(name, changes.name)
    before = await _locked(conn, name)
    if not before:
        raise _unknown(name)
    rows.match(if_match, rows.version(before.lists.parts()))
    return await _write(conn, dictionary, actor, name, before, changes)


async def remove(
    conn: AsyncConnection, actor: Actor, name: str, *, if_match: str | None = None, with_members: bool = False
) -> None:
    """Delete a group; ApiError 409 while it has members, unless their memberships are to go `with_members`."""
    before = await _locked(conn, name)
    if not before:
        raise _unknown(name)
    rows.match(if_match, rows.version(before.lists.parts()))
    if before.members and not with_members:
        users = "1 user is" if before.members == 1 else f"{before.members} users are"
        raise ApiError(409, f"{users} in the group {name!r}; without its policy they could do more")
    await rows.erase(conn, GROUPS, name)
    await audit.record(conn, actor, "delete", "group", name, before=_view(name, before))


async def _locked(conn: AsyncConnection, name: str) -> _State:
    await rows.lock(conn, "group", name)
    return (await _read(conn, [name]))[name]


async def _read(conn: AsyncConnection, names: Sequence[str]) -> dict[str, _State]:
    if not names:
        return {}
    query = (
        select(MEMBERS.c.groupname, func.count(MEMBERS.c.username.distinct()).label("members"))
        .where(MEMBERS.c.groupname == func.any(list(names)))
        .group_by(MEMBERS.c.groupname)
    )
    members: dict[str, int] = {row.groupname: row.members for row in await conn.execute(query)}
    return {name: _State(lists, members.get(name, 0)) for name, lists in (await rows.read(conn, GROUPS, names)).items()}


def _view(name: str, state: _State) -> GroupOut:
    values = state.lists.values()
    mppe, bits = typed.mppe_view(_number(values.get("mppe_policy")), _number(values.get("mppe_types")))
    dns = [values[field] for field in ("dns_1", "dns_2") if field in values]
    return GroupOut.model_validate(
        {
            "name": name,
            **{field: values.get(field) for field in _PLAIN},
            "mppe": mppe,
            "mppe_bits": bits,
            "dns": dns or None,
            "check": state.lists.items("check"),
            "reply": state.lists.items("reply"),
            "members": state.members,
            "version": rows.version(state.lists.parts()),
        }
    )


def _number(value: Value | None) -> int | None:
    return value if isinstance(value, int) else None


async def _write(
    conn: AsyncConnection, dictionary: Dictionary, actor: Actor, name: str, before: _State, group: GroupPatch
) -> GroupOut:
    """Lay the fields that `group` gives over the group's rows."""
    given = group.given()
    values = rows.checked(dictionary, before.lists, {**before.lists.values(), **_values(before, group, given)})
    others: dict[List, list[Row]] = {
        "check": rows.wanted(dictionary, "check", (group.check or []) if "check" in given else None, before.lists),
        "reply": rows.wanted(dictionary, "reply", (group.reply or []) if "reply" in given else None, before.lists),
    }
    empty = not any(others.values()) and all(value is None for key, value in values.items() if key != "placeholder")
    await rows.write(conn, name, before.lists, {**values, "placeholder": empty or None}, others)
    after = (await _read(conn, [name]))[name]
    if after != before:
        await audit.record(
            conn,
            actor,
            "update" if before else "create",
            "group",
            name,
            before=_view(name, before) if before else None,
            after=_view(name, after),
            secrets_changed=rows.secrets_changed(before.lists, after.lists),
        )
    return _view(name, after)


def _values(before: _State, group: GroupPatch, given: set[str]) -> Mapping[str, Value | None]:
    values: dict[str, Value | None] = {field: getattr(group, field) for field in _PLAIN if field in given}
    if "dns" in given:
        servers = [*(group.dns or ()), None, None]
        values["dns_1"], values["dns_2"] = servers[:2]
    if given & {"mppe", "mppe_bits"}:
        current = _view("", before)
        mppe = group.mppe if "mppe" in given else current.mppe
        bits = group.mppe_bits if "mppe_bits" in given else current.mppe_bits
        if "mppe_bits" not in given and mppe in (None, "off"):
            bits = None  # the key lengths go with what they belong to
        if bits is not None and mppe == "off":
            raise ApiError(422, "there are no key lengths without encryption", field="mppe_bits")
        values["mppe_policy"], values["mppe_types"] = typed.mppe_rows(mppe, bits)
    return values


def _same_name(name: str, given: str | None) -> None:
    if given is not None and given != name:
        raise ApiError(422, f"the path names {name!r}; a group is not renamed", field="name")


def _unknown(name: str) -> ApiError:
    return ApiError(404, f"there is no group {name!r}")
