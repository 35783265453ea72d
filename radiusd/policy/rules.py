"""One owner's rows in one table, parsed: what an evaluation walks through.

The rule: everything that can be known from the rows alone is worked out once: which items are compared, whether the
list merely appends, the first Fall-Through, and, when a list is the whole reply, how that reply looks on the wire.
Two users of one group then share one encoded reply.
"""

from collections.abc import Sequence
from typing import Final

from radiusd.dictionary.attributes import Attribute
from radiusd.policy.items import Item, ItemTable
from radiusd.protocol.attribute_types import (
    ACCT_INTERIM_INTERVAL,
    MS_MPPE_ENCRYPTION_POLICY,
    MS_MPPE_ENCRYPTION_TYPES,
    SESSION_TIMEOUT,
)


class Summary:
    """What a finished reply list comes to; read-only and shared.

    `sent` are attributes and values in wire form, before hiding; `wire` is all of them encoded, None when one has to be
    hidden for its request. The others are the first value of one attribute each, None where it is absent.
    """

    __slots__ = ("interim_interval", "mppe_policy", "mppe_types", "notes", "sent", "session_timeout", "wire")

    def __init__(self, items: Sequence[Item]) -> None:
        sendable = [item for item in items if item.wire]
        self.sent: list[tuple[Attribute, bytes]] = [item.sent for item in sendable]
        hidden = any(item.attribute.encrypt for item in sendable)
        self.wire = None if hidden else b"".join([item.wire for item in sendable])
        first = {item.identity: item for item in reversed(sendable)}
        timeout, interval = first.get(SESSION_TIMEOUT), first.get(ACCT_INTERIM_INTERVAL)
        policy, types = first.get(MS_MPPE_ENCRYPTION_POLICY), first.get(MS_MPPE_ENCRYPTION_TYPES)
        self.session_timeout = timeout.number if timeout else None
        self.interim_interval = interval.number if interval else None
        self.mppe_policy = policy.value if policy else None
        self.mppe_types = types.value if types else None
        self.notes = tuple(
            f"{item.attribute.name} is no reply attribute: in a reply list it has no effect"
            for item in items
            if item.attribute.internal and item.attribute.name != "Fall-Through"
        )


class RuleList:
    """The rows of one owner in one table: `entries` are (row id, item) in order of the ids.

    `bad` is (row id, message) of the first row that cannot be parsed: whoever reads the list is rejected.
    `fall_through` is the value of the first Fall-Through, None where there is none; its operator plays no part.
    """

    __slots__ = ("_summary", "bad", "cautions", "compared", "entries", "expands", "fall_through", "items", "simple")

    def __init__(self, entries: Sequence[tuple[int, Item]], bad: tuple[int, str] | None = None) -> None:
        self.entries = entries
        self.bad = bad
        self.items = [item for _, item in entries]
        self.compared = [entry for entry in entries if entry[1].compared]
        self.fall_through: bool | None = None
        for item in self.items:
            if item.attribute.name == "Fall-Through":
                self.fall_through = item.number == 1
                break
        self.expands = any(item.expansion is not None for item in self.items)
        # On an empty list, these operators just append.
        self.simple = not self.expands and all(item.op in (":=", "=", "+=") for item in self.items)
        self.cautions = [(row_id, item.caution) for row_id, item in entries if item.caution]
        self._summary: Summary | None = None

    def summary(self) -> Summary:
        """Return what these items come to when they are the whole reply."""
        if self._summary is None:
            self._summary = Summary(self.items)
        return self._summary


EMPTY_RULES: Final = RuleList(())


def parse_rows(table: ItemTable, rows: Sequence[tuple[int, str, str, str]]) -> RuleList:
    """Parse the rows (id, attribute, operator, value) of one owner in one table, up to the first bad one."""
    if not rows:
        return EMPTY_RULES
    entries: list[tuple[int, Item]] = []
    for row_id, attribute, op, value in rows:
        item = table.item(attribute, op, value)
        if isinstance(item, str):
            return RuleList(entries, (row_id, item))
        entries.append((row_id, item))
    return RuleList(entries)
