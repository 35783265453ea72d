"""Rows of the policy tables become users and groups, and what is wrong with them becomes problems.

The rule: every row is judged once when it is read, so that a bad one is known before its user comes; for a user only
the raw rows are kept. Attribute names, operators, common values and membership lists are shared between users.
Rows are expected in the order of their ids.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from radiusd.policy.items import ItemTable
from radiusd.policy.model import Group, Memberships, Problem, Row, User
from radiusd.policy.rules import parse_rows

Raw = tuple[str, int, str, str, str]
"""What a check or reply table gives: owner, id, attribute, operator, value."""

MOST_SHARED: Final = 65_536
"""Membership lists that are shared; when there are more, sharing starts again."""


class Assembly:
    """Collects the rows of users and groups and makes them at the end.

    Used for one reading and then dropped; `put_…` takes rows in any number of portions.
    """

    __slots__ = ("_items", "_lists", "_members", "_shared")

    def __init__(self, items: ItemTable) -> None:
        self._items = items
        self._lists: dict[str, dict[str, tuple[Row, ...]]] = {
            table: {} for table in ("radcheck", "radreply", "radgroupcheck", "radgroupreply")
        }
        self._members: dict[str, Memberships] = {}
        self._shared: dict[Memberships, Memberships] = {}

    def put_rows(self, table: str, rows: Iterable[Raw]) -> None:
        """Take rows of one of the four check and reply tables."""
        owners = self._lists[table]
        word = self._items.word
        open_value = self._items.takes_any_value
        for owner, row_id, attribute, op, value in rows:
            name, operator = word(attribute), word(op)
            # What everybody has another one of is not worth sharing.
            text = value if open_value(name, operator) else word(value)
            row = (row_id, name, operator, text)
            before = owners.get(owner)
            owners[owner] = (row,) if before is None else (*before, row)

    def put_members(self, rows: Iterable[tuple[str, str, int]]) -> None:
        """Take rows of radusergroup: user name, group name, priority."""
        members = self._members
        for user, group, priority in rows:
            pair = (priority, self._items.word(group))
            before = members.get(user)
            found = (pair,) if before is None else tuple(sorted((*before, pair)))
            if len(self._shared) >= MOST_SHARED:
                self._shared.clear()
            members[user] = self._shared.setdefault(found, found)

    def users(self, problems: dict[tuple[str, str], tuple[Problem, ...]]) -> dict[str, User]:
        """Make the users of all rows taken; what is wrong with them goes to `problems`."""
        checks, replies, members = self._lists["radcheck"], self._lists["radreply"], self._members
        made: dict[str, User] = {}
        for names in (checks, replies, members):
            for name in names:
                if name not in made:
                    user = User(name, checks.get(name, ()), replies.get(name, ()), members.get(name, ()))
                    made[name] = user
                    found = self._judge(f"user {name}", "radcheck", user.checks)
                    found += self._judge(f"user {name}", "radreply", user.replies)
                    if found:
                        problems["user", name] = tuple(found)
        return made

    def groups(self, problems: dict[tuple[str, str], tuple[Problem, ...]]) -> dict[str, Group]:
        """Make the groups of all rows taken, parsed; what is wrong with them goes to `problems`."""
        checks, replies = self._lists["radgroupcheck"], self._lists["radgroupreply"]
        made: dict[str, Group] = {}
        for name in dict.fromkeys((*checks, *replies)):
            check, reply = checks.get(name, ()), replies.get(name, ())
            made[name] = Group(name, check, reply, parse_rows(self._items, check), parse_rows(self._items, reply))
            found = self._judge(f"group {name}", "radgroupcheck", check)
            found += self._judge(f"group {name}", "radgroupreply", reply)
            if found:
                problems["group", name] = tuple(found)
        return made

    def _judge(self, subject: str, table: str, rows: Sequence[Row]) -> list[Problem]:
        """Find what is wrong with rows without keeping what was parsed."""
        items = self._items
        found = []
        for row_id, attribute, op, value in rows:
            if items.takes_any_value(attribute, op) and value[:1] != "`":
                continue
            item = items.item(attribute, op, value)
            if isinstance(item, str):
                found.append(Problem(table, row_id, subject, item))
            elif item.caution and table.endswith("check"):
                found.append(Problem(table, row_id, subject, item.caution, rejects=False))
        return found
