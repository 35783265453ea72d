"""The operators of check and reply items: when an item matches, and what it does to a list.

The rule, FreeRADIUS 3.2's as observed with its rlm_sql, odd or not:

Check items. `:=` and `+=` always match. `==` matches when an instance is equal; `=`, `-=` and `^=` compare as `==`.
`!= < <= > >= =~ !~` need an instance for which they hold, so that an absent attribute never matches, not even `!=`.
`=*` is "present", `!*` "absent". Strings are compared octet by octet, case and all. A tagged value is equal only when
its tag is. integer, ipaddr and date are ordered by their difference in 32 bits with a sign, so that 7 is not less than
4000000000, and 10.0.0.1 is greater than 192.168.0.1.

Lists (the reply and the control list alike). Each row is applied to the list as it stood before its table was read:
`=` adds unless present; `:=` replaces the first instance that this table has not yet replaced, else adds; `+=` appends;
`^=` puts in front; `-=` deletes equal instances; `!*` deletes all; `==` deletes all that differ and never adds; `<=`
and `>=` replace the first instance that is larger or smaller, and add one where there was none to replace. `!= < > =~
!~ =*` do nothing. So two `:=` rows of one attribute in one table are both in the list.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from radiusd.policy.items import ANY_TAG, Item
from radiusd.policy.regex import MOST_SUBJECT

_HALF: Final = 1 << 31
_WHOLE: Final = (1 << 32) - 1

NO_EFFECT: Final = frozenset(("!=", "<", ">", "=~", "!~", "=*"))
"""Operators that leave a list as it is."""


def difference(item: Item, value: bytes) -> int | None:
    """Compare an instance's wire value with an item's: negative, 0 or positive, as the instance is less or more.

    None where the value's length is not that of its type, so that it cannot be what it claims.
    """
    attribute = item.attribute
    if attribute.has_tag:
        tag = attribute.tag(value)
        if item.tag not in (ANY_TAG, tag):
            return item.tag - tag
        value = attribute.untagged(value)
    if not item.size:
        return (value > item.bare) - (value < item.bare)
    if len(value) != item.size:
        return None
    distance = int.from_bytes(value, "big", signed=attribute.type == "signed") - item.number
    return (distance + _HALF & _WHOLE) - _HALF if item.wraps else distance


def satisfies(op: str, distance: int) -> bool:
    """Tell whether a comparison that came out as `distance` satisfies the operator; unknown ones are `==`."""
    if op == "!=":
        return distance != 0
    if op == "<":
        return distance < 0
    if op == "<=":
        return distance <= 0
    if op == ">":
        return distance > 0
    if op == ">=":
        return distance >= 0
    return distance == 0


def matches(item: Item, values: Iterable[bytes]) -> bool:
    """Tell whether a compared check item matches, given all instances of its attribute (wire form)."""
    op = item.op
    if op == "!*":
        return not any(True for _ in values)
    if op == "=*":
        return any(True for _ in values)
    if item.pattern is not None:
        wanted = op == "=~"
        search = item.pattern.search
        return any((search(_printed(item, value), 0, MOST_SUBJECT) is not None) == wanted for value in values)
    for value in values:
        distance = difference(item, value)
        if distance is not None and satisfies(op, distance):
            return True
    return False


def _printed(item: Item, value: bytes) -> str:
    attribute = item.attribute
    if attribute.type == "string":
        return attribute.untagged(value).decode("utf-8", "surrogateescape")
    return attribute.format(value)


def merge(before: list[Item], rows: Sequence[Item]) -> list[Item]:
    """Return the list that `rows`, one table's items in order, make of `before`, which stays as it is."""
    kept: list[Item | None] = list(before)
    replaced: set[int] = set()
    front: list[Item] = []
    back: list[Item] = []
    for row in rows:
        op = row.op
        if op == "+=":
            back.append(row)
        elif op == "^=":
            front.append(row)
        elif op not in NO_EFFECT and not _edit(kept, replaced, row) and op not in ("-=", "!*", "=="):
            back.append(row)
    front.reverse()
    front += [item for item in kept if item is not None]
    front += back
    return front


def _edit(kept: list[Item | None], replaced: set[int], row: Item) -> bool:
    """Apply one row to the list as it stood; tell whether the row is thereby done with."""
    op = row.op
    for at, item in enumerate(kept):
        if item is None or at in replaced or item.identity != row.identity:
            continue
        if op == "=":
            return True
        if op == "!*":
            kept[at] = None
            continue
        distance = 0 if op == ":=" else difference(row, item.value)
        if op == ":=" or (op == "<=" and (distance or 0) > 0) or (op == ">=" and (distance or 0) < 0):
            kept[at] = row
            replaced.add(at)
            return True
        if (op == "-=" and distance == 0) or (op == "==" and distance != 0):
            kept[at] = None
    return False
