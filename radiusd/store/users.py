"""Users: radcheck, radreply and radusergroup, as one resource with typed fields.

The rule: a user is there when any of the three tables names it. Passwords go in and never come out, and one that is
set is the only one from then on: every other password row in radcheck, of whatever form and operator, goes.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Table, delete, func, insert, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from radiusd.dictionary.attributes import Dictionary
from radiusd.errors import ApiError
from radiusd.policy import passwords
from radiusd.policy.typed import List, Row, Value
from radiusd.store import audit, cursors, rows
from radiusd.store.audit import Actor
from radiusd.store.resources import Membership, Page, UserCreate, UserIn, UserOut, UserPatch, user_name
from radiusd.store.rows import GROUPS, MEMBERS, USERS, XMIN, Lists


class _Member(NamedTuple):
    id: int
    xmin: str
    group: str
    priority: int


class _State(NamedTuple):
    """All rows of one user."""

    lists: Lists
    members: list[_Member]

    def __bool__(self) -> bool:
        return bool(self.lists or self.members)

    def version(self) -> str:
        return rows.version(self.lists.parts() + [("member", *member[:2]) for member in self.members])


async def find(
    conn: AsyncConnection,
    *,
    limit: int = 100,
    cursor: str | None = None,
    q: str | None = None,
    group: str | None = None,
    disabled: bool | None = None,
) -> Page[UserOut]:
    """List users by name; `q` is looked for in the name, `group` and `disabled` must be so."""
    after = cursors.read_text(cursor)
    # Each table gives its own first names, by its index; together they hold the first of all.
    parts = [
        select(table.c.username)
        .distinct()
        .where(*_narrowed(table, after, q, group, disabled))
        .order_by(table.c.username)
        .limit(limit + 1)
        .subquery()
        for table in (USERS.check, USERS.reply, MEMBERS)
    ]
    names = union(*(select(part.c.username) for part in parts)).subquery()
    query = select(names.c.username).order_by(names.c.username).limit(limit + 1)
    found = list((await conn.execute(query)).scalars())
    states = await _read(conn, found)
    return cursors.page([_view(name, states[name]) for name in found], limit, lambda last: (last.username,))


def _narrowed(
    table: Table, after: str | None, q: str | None, group: str | None, disabled: bool | None
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if after is not None:
        conditions.append(table.c.username > after)
    if q:
        conditions.append(table.c.username.ilike(cursors.pattern(q), escape="\\"))
    if group is not None:
        members = MEMBERS.alias()
        conditions.append(table.c.username.in_(select(members.c.username).where(members.c.groupname == group)))
    if disabled is not None:
        check = USERS.check.alias()
        rejected = select(check.c.username).where(
            check.c.attribute == "Auth-Type", check.c.op == ":=", check.c.value == "Reject"
        )
        conditions.append(table.c.username.in_(rejected) if disabled else table.c.username.not_in(rejected))
    return conditions


async def get(conn: AsyncConnection, username: str) -> UserOut:
    """Read one user; ApiError 404 where there is none."""
    state = (await _read(conn, [username]))[username]
    if not state:
        raise _unknown(username)
    return _view(username, state)


async def create(conn: AsyncConnection, dictionary: Dictionary, actor: Actor, user: UserCreate) -> UserOut:
    """Create a user; ApiError 409 where the name is taken."""
    before = await _locked(conn, user.username)
    if before:
        raise ApiError(409, f"there is a user {user.username!r} already", field="username")
    return await _write(conn, dictionary, actor, user.username, before, user)


async def put(
    conn: AsyncConnection,
    dictionary: Dictionary,
    actor: Actor,
    username: str,
    user: UserIn,
    *,
    if_match: str | None = None,
) -> tuple[UserOut, bool]:
    """Create or replace a user; the second of the result says that it was created."""
    _same_name(username, user.username)
    before = await _locked(conn, username)
    rows.match(if_match, before.version() if before else None)
    if not before:
        _need_fitting(username)
    return await _write(conn, dictionary, actor, username, before, user), not before


async def patch(
    conn: AsyncConnection,
    dictionary: Dictionary,
    actor: Actor,
    username: str,
    changes: UserPatch,
    *,
    if_match: str | None = None,
) -> UserOut:
    """Change what `changes` names of a user."""
    _same_name(username, changes.username)
    before = await _locked(conn, username)
    if not before:
        raise _unknown(username)
    rows.match(if_match, before.version())
    return await _write(conn, dictionary, actor, username, before, changes)


async def remove(conn: AsyncConnection, actor: Actor, username: str, *, if_match: str | None = None) -> None:
    """Delete a user's rows; sessions and logs keep the name."""
    before = await _locked(conn, username)
    if not before:
        raise _unknown(username)
    rows.match(if_match, before.version())
    await rows.erase(conn, USERS, username)
    await audit.record(conn, actor, "delete", "user", username, before=_view(username, before))


async def _locked(conn: AsyncConnection, username: str) -> _State:
    await rows.lock(conn, "user", username)
    return (await _read(conn, [username]))[username]


async def _read(conn: AsyncConnection, names: Sequence[str]) -> dict[str, _State]:
    if not names:
        return {}
    found = {name: _State(lists, []) for name, lists in (await rows.read(conn, USERS, names)).items()}
    query = (
        select(MEMBERS.c.username, MEMBERS.c.id, XMIN, MEMBERS.c.groupname, MEMBERS.c.priority)
        .where(MEMBERS.c.username == func.any(list(names)))
        .order_by(MEMBERS.c.priority, MEMBERS.c.id)
    )
    for name, *member in await conn.execute(query):
        found[name].members.append(_Member(*member))
    return found


def _view(username: str, state: _State) -> UserOut:
    values = state.lists.values()
    return UserOut.model_validate(
        {
            "username": username,
            "has_password": any(passwords.holds(row.attribute) for row in state.lists.rows("check")),
            "groups": [
                Membership.model_construct(name=member.group, priority=member.priority) for member in state.members
            ],
            "disabled": values.get("disabled", False),
            "expires_at": values.get("expires_at"),
            "static_ip": values.get("static_ip"),
            "check": state.lists.items("check"),
            "reply": state.lists.items("reply"),
            "version": state.version(),
        }
    )


async def _write(
    conn: AsyncConnection, dictionary: Dictionary, actor: Actor, username: str, before: _State, user: UserPatch
) -> UserOut:
    """Lay the fields that `user` gives over the user's rows."""
    given = user.given()
    values = rows.checked(dictionary, before.lists, {**before.lists.values(), **_values(user, given)})
    others: dict[List, list[Row]] = {
        "check": _check_rows(dictionary, before.lists, user, given),
        "reply": rows.wanted(dictionary, "reply", (user.reply or []) if "reply" in given else None, before.lists),
    }
    await rows.write(conn, username, before.lists, values, others)
    if "groups" in given:
        await _write_members(conn, username, before.members, user.groups or [])
    after = (await _read(conn, [username]))[username]
    if not after:
        raise ApiError(422, "a user is its rows: give a password, a group, or another field", field="password")
    if after != before:
        await audit.record(
            conn,
            actor,
            "update" if before else "create",
            "user",
            username,
            before=_view(username, before) if before else None,
            after=_view(username, after),
            secrets_changed=rows.secrets_changed(before.lists, after.lists),
        )
    return _view(username, after)


def _check_rows(dictionary: Dictionary, before: Lists, user: UserPatch, given: set[str]) -> list[Row]:
    """Return the raw rows of radcheck; ApiError 422 for a password among them beside the one that is set.

    A password that is set, or taken away, takes the password rows that are there with it. Without one they stay,
    unless the list of raw rows is sent and leaves them out.
    """
    items = (user.check or []) if "check" in given else None
    if "password" in given:
        wanted = rows.wanted(dictionary, "check", items, before, passwords.holds)
        for index, item in enumerate(items or ()):
            if user.password is not None and item.value is not None and passwords.holds(item.attribute):
                message = f"{item.attribute} would be a second password beside `password`: send one of the two"
                raise ApiError(422, message, field=f"check[{index}].attribute")
        return wanted
    if "check" not in user.model_fields_set and "check" in given:
        return [row for row in before.others("check") if passwords.holds(row.attribute)]
    return rows.wanted(dictionary, "check", items, before)


def _values(user: UserPatch, given: set[str]) -> Mapping[str, Value | None]:
    values: dict[str, Value | None] = {
        "password": None if user.password is None else user.password.get_secret_value(),
        "disabled": user.disabled or None,
        "expires_at": user.expires_at,
        "static_ip": None if user.static_ip is None else str(user.static_ip),
    }
    return {name: value for name, value in values.items() if name in given}


async def _write_members(
    conn: AsyncConnection, username: str, before: Sequence[_Member], wanted: Sequence[Membership]
) -> None:
    """Make `wanted` the user's groups; a group must be there already, or its name may be a slip of the pen."""
    priorities: dict[str, int] = {}
    for index, membership in enumerate(wanted):
        if membership.name in priorities:
            raise ApiError(422, f"{membership.name!r} is in the list twice", field=f"groups[{index}].name")
        priorities[membership.name] = index + 1 if membership.priority is None else membership.priority
    known = {member.group: member for member in reversed(before)}
    await _need_groups(conn, priorities, known)
    surplus = [member.id for member in before if known[member.group] is not member or member.group not in priorities]
    if surplus:
        await conn.execute(delete(MEMBERS).where(MEMBERS.c.id.in_(surplus)))
    for name, priority in priorities.items():
        member = known.get(name)
        if member is None:
            await conn.execute(insert(MEMBERS).values(username=username, groupname=name, priority=priority))
        elif member.priority != priority:
            await conn.execute(update(MEMBERS).where(MEMBERS.c.id == member.id).values(priority=priority))


async def _need_groups(conn: AsyncConnection, names: Mapping[str, int], known: Mapping[str, _Member]) -> None:
    fresh = [name for name in names if name not in known]
    if not fresh:
        return
    tables = (GROUPS.check, GROUPS.reply, MEMBERS)
    query = union(*(select(table.c.groupname).where(table.c.groupname == func.any(fresh)) for table in tables))
    found = set((await conn.execute(query)).scalars())
    for index, name in enumerate(names):
        if name in fresh and name not in found:
            raise ApiError(422, f"there is no group {name!r}; create it first", field=f"groups[{index}].name")


def _need_fitting(username: str) -> None:
    try:
        user_name(username)
    except ValueError as error:
        raise ApiError(422, str(error), field="username") from None


def _same_name(username: str, given: str | None) -> None:
    if given is not None and given != username:
        raise ApiError(422, f"the path names {username!r}; a user is not renamed", field="username")


def _unknown(username: str) -> ApiError:
    return ApiError(404, f"there is no user {username!r}")
