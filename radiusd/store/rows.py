"""The rows of a user or group in radcheck, radreply, radgroupcheck and radgroupreply.

The rule: rows are read and evaluated in the order of their ids, so a changed list is laid over the
existing rows one by one: the first keeps the first's id, and only rows that differ are touched.
Writers of one name take turns by an advisory lock; the version of a name is made of its rows' ids
and Postgres's xmin, so that a change by any tool, even of a password, gives another version.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Table, delete, func, insert, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from radiusd.dictionary.attributes import Dictionary
from radiusd.errors import ApiError
from radiusd.policy import fault, typed
from radiusd.policy.typed import GROUP_FIELDS, USER_FIELDS, Field, List, Row, Value
from radiusd.store.freeradius import Base
from radiusd.store.resources import Item

XMIN: Final[ColumnElement[str]] = literal_column("xmin::text")


class Place(NamedTuple):
    """Where the rows of users, or of groups, lie: two tables, the column that names the owner, the typed fields."""

    kind: str
    column: str
    check: Table
    reply: Table
    fields: Sequence[Field]

    @property
    def tables(self) -> dict[List, Table]:
        """Return the two tables by list."""
        return {"check": self.check, "reply": self.reply}


def table(name: str) -> Table:
    """Return one of FreeRADIUS's tables."""
    return Base.metadata.tables[name]


USERS: Final = Place("user", "username", table("radcheck"), table("radreply"), USER_FIELDS)
GROUPS: Final = Place("group", "groupname", table("radgroupcheck"), table("radgroupreply"), GROUP_FIELDS)
MEMBERS: Final[Table] = table("radusergroup")


class Stored(NamedTuple):
    """A row as it lies in its table."""

    id: int
    xmin: str
    row: Row


class Lists(NamedTuple):
    """The check and reply rows of one user or group."""

    place: Place
    check: list[Stored]
    reply: list[Stored]

    def __bool__(self) -> bool:
        return bool(self.check or self.reply)

    def rows(self, where: List) -> list[Row]:
        """Return one list's rows."""
        return [stored.row for stored in (self.check if where == "check" else self.reply)]

    def values(self) -> dict[str, Value]:
        """Return the typed fields that there are."""
        return {
            **typed.split(self.place.fields, "check", self.rows("check"))[0],
            **typed.split(self.place.fields, "reply", self.rows("reply"))[0],
        }

    def others(self, where: List) -> list[Row]:
        """Return one list's rows that are no typed field."""
        return typed.split(self.place.fields, where, self.rows(where))[1]

    def items(self, where: List) -> list[Item]:
        """Return `others` as a reader may see them."""
        return [
            Item.model_construct(
                attribute=row.attribute, op=row.op, value=None if typed.secret(row.attribute) else row.value
            )
            for row in self.others(where)
        ]

    def parts(self) -> list[tuple[str, int, str]]:
        """Return what the version is made of."""
        return [("check", *stored[:2]) for stored in self.check] + [("reply", *stored[:2]) for stored in self.reply]


async def lock(conn: AsyncConnection, kind: str, name: str) -> None:
    """Wait for the turn to write `name`; it ends with the transaction."""
    await conn.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"radiusd {kind} {name}", 0))))


async def read(conn: AsyncConnection, place: Place, names: Sequence[str]) -> dict[str, Lists]:
    """Read the rows of `names`, by name."""
    found = {name: Lists(place, [], []) for name in names}
    for where, source in place.tables.items():
        owner = source.c[place.column]
        query = (
            select(owner, source.c.id, XMIN, source.c.attribute, source.c.op, source.c.value)
            .where(owner == func.any(list(names)))
            .order_by(source.c.id)
        )
        for name, row_id, xmin, *row in await conn.execute(query):
            lists = found[name]
            (lists.check if where == "check" else lists.reply).append(Stored(row_id, xmin, Row(*row)))
    return found


async def write(
    conn: AsyncConnection,
    name: str,
    before: Lists,
    values: Mapping[str, Value | None],
    others: Mapping[List, Sequence[Row]],
) -> None:
    """Make the rows of `name`, which now are `before`, what `values` and `others` say."""
    place = before.place
    for where, target in place.tables.items():
        stored = before.check if where == "check" else before.reply
        wanted = typed.compose(place.fields, where, values, others[where], before.rows(where))
        for old, new in zip(stored, wanted, strict=False):
            if old.row != new:
                await conn.execute(update(target).where(target.c.id == old.id).values(new._asdict()))
        surplus = [old.id for old in stored[len(wanted) :]]
        if surplus:
            await conn.execute(delete(target).where(target.c.id.in_(surplus)))
        added = [{place.column: name, **row._asdict()} for row in wanted[len(stored) :]]
        if added:
            await conn.execute(insert(target), added)


async def erase(conn: AsyncConnection, place: Place, name: str) -> None:
    """Delete all rows of `name`, memberships too."""
    for target in (place.check, place.reply, MEMBERS):
        await conn.execute(delete(target).where(target.c[place.column] == name))


def version(parts: Sequence[tuple[str, int, str]]) -> str:
    """Return the version of what consists of these (table, id, xmin)."""
    return hashlib.sha256(repr(sorted(parts)).encode()).hexdigest()[:20]


def match(if_match: str | None, current: str | None) -> None:
    """Refuse with 412 unless `if_match` (None: anything) names the version `current` (None: there is nothing)."""
    if if_match is None:
        return
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in if_match.split(",")}
    if current is None or not tags & {current, "*"}:
        raise ApiError(412, "it has changed since it was read; read it again")


def _nothing(_attribute: str) -> bool:
    return False


def wanted(
    dictionary: Dictionary,
    where: List,
    items: Sequence[Item] | None,
    before: Lists,
    without: Callable[[str], bool] = _nothing,
) -> list[Row]:
    """Turn the raw `items` of a request into rows (None: those that are there stay).

    ApiError 422 names the first wrong one, e.g. `reply[2].value`. An item without value keeps the
    password row it stands for. A row that is there already is not judged: a bad row that another
    tool wrote must not keep the rest from being changed. The rows that are there of attributes for
    which `without` is true go, even if an item without value stands for them.
    """
    kept = [row for row in before.others(where) if not without(row.attribute)]
    if items is None:
        return kept
    rows: list[Row] = []
    for index, item in enumerate(items):
        old = next((row for row in kept if _same(item, row)), None)
        if old is not None:
            kept.remove(old)
            rows.append(old)
            continue
        if item.value is None and without(item.attribute):
            continue
        if item.value is None:
            raise ApiError(422, "a value is required", field=f"{where}[{index}].value")
        row = Row(item.attribute, item.op, item.value)
        wrong = fault.find(dictionary, row)
        if wrong is not None:
            raise ApiError(422, wrong.message, field=f"{where}[{index}].{wrong.part}")
        rows.append(row)
    return rows


def checked(dictionary: Dictionary, before: Lists, values: Mapping[str, Value | None]) -> Mapping[str, Value | None]:
    """Return `values`; ApiError 422 names the first that would make a bad row and is not there already."""
    existing = before.values()
    for field in before.place.fields:
        value = values.get(field.name)
        if value is None or value == existing.get(field.name):
            continue
        wrong = fault.find(dictionary, Row(field.attribute, field.op, field.write(value)))
        if wrong is not None:
            raise ApiError(422, wrong.message.removeprefix(f"{field.attribute}: "), field=field.name)
    return values


def secrets_changed(before: Lists, after: Lists) -> list[str]:
    """Name the password attributes whose rows are not the same any more."""
    lists: tuple[List, List] = ("check", "reply")
    old, new = (Counter((where, row) for where in lists for row in state.rows(where)) for state in (before, after))
    changed = [row for _, row in (old - new) + (new - old)]
    return sorted({row.attribute for row in changed if typed.secret(row.attribute)})


def _same(item: Item, row: Row) -> bool:
    if item.attribute != row.attribute or item.op != row.op:
        return False
    return item.value == row.value or (item.value is None and typed.secret(row.attribute))
