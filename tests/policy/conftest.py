"""Policies from rows, and the question what they say to one user."""

import time
from collections.abc import Sequence

import pytest

from radiusd.policy.decision import Decision
from radiusd.policy.evaluate import evaluate
from radiusd.policy.items import ItemTable
from radiusd.policy.model import Request
from radiusd.policy.rows import Assembly
from radiusd.policy.snapshot import Snapshot
from radiusd.policy.trace import Trace

PASSWORD = ("Cleartext-Password", ":=", "pw")
# Friday, 15 March 2024, 12:30:40 local time.
NOON = time.mktime((2024, 3, 15, 12, 30, 40, 0, 0, -1))


class Rows:
    """What the five tables hold; a row is (attribute, op, value) of user u or group g, or has its owner first."""

    def __init__(self, dictionary, check, reply, group_check, group_reply, members):
        self.items = ItemTable(dictionary)
        assembly = Assembly(self.items)
        for table, rows in (
            ("radcheck", check),
            ("radreply", reply),
            ("radgroupcheck", group_check),
            ("radgroupreply", group_reply),
        ):
            owner = "g" if "group" in table else "u"
            complete = [row if len(row) == 4 else (owner, *row) for row in rows]
            assembly.put_rows(table, [(row[0], number, *row[1:]) for number, row in enumerate(complete, 1)])
        assembly.put_members(members)
        problems: dict = {}
        self.snapshot = Snapshot(
            dictionary, self.items, assembly.users(problems), assembly.groups(problems), {}, problems
        )

    def decide(self, request: Sequence[tuple[str, str]] = (), *, name="u", now=NOON, trace=None, **more) -> Decision:
        dictionary = self.items.dictionary
        attributes = [(dictionary.named("User-Name").key, name.encode())]
        for attribute, text in request:
            found, tag = dictionary.tagged(attribute)
            attributes.append((found.key, found.encode(text, tag)))
        asked = Request(attributes, more.get("code", 1), None, more.get("password"), more.get("host", "192.0.2.1"))
        return evaluate(self.snapshot, name, asked, now, trace)

    def story(self, *request, **more) -> str:
        trace = Trace()
        self.decide(request, trace=trace, **more)
        return str(trace)


@pytest.fixture
def policy(dictionary):
    def make(check=(PASSWORD,), reply=(), group_check=(), group_reply=(), members=()):
        return Rows(dictionary, check, reply, group_check, group_reply, members)

    return make


@pytest.fixture
def replied():
    """Print a decision's reply as `name value` lines."""

    def show(decision: Decision) -> list[str]:
        return [f"{attribute.name} {attribute.format(value)}" for attribute, value in decision.reply]

    return show


@pytest.fixture
def noon() -> float:
    return NOON
