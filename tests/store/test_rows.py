import pytest
from sqlalchemy import text

from radiusd.errors import ApiError
from radiusd.policy.typed import Row
from radiusd.store import rows
from radiusd.store.resources import Item
from radiusd.store.rows import GROUPS, USERS, Lists, Stored


async def insert(conn, *values):
    query = text("INSERT INTO radcheck (username, attribute, op, value) VALUES ('bob', 'Class', '==', :v) RETURNING id")
    return [(await conn.execute(query, {"v": value})).scalar_one() for value in values]


async def ids(conn):
    found = (await rows.read(conn, USERS, ["bob"]))["bob"]
    return [(stored.id, stored.row.value) for stored in found.check]


def check(*values):
    return [Row("Class", "==", value) for value in values]


async def test_only_rows_that_differ_are_touched(conn, engine):
    async with engine.begin() as first:
        one, two, three = await insert(first, "1", "2", "3")
    before = (await rows.read(conn, USERS, ["bob"]))["bob"]
    await rows.write(conn, "bob", before, {}, {"check": check("1", "x", "3", "4"), "reply": []})
    after = (await rows.read(conn, USERS, ["bob"]))["bob"]
    assert [(stored.id, stored.row.value) for stored in after.check[:3]] == [(one, "1"), (two, "x"), (three, "3")]
    changed = [new.xmin != old.xmin for old, new in zip(before.check, after.check, strict=False)]
    assert changed == [False, True, False]
    assert after.check[3].row.value == "4"


async def test_surplus_rows_go(conn):
    one, *_ = await insert(conn, "1", "2", "3")
    before = (await rows.read(conn, USERS, ["bob"]))["bob"]
    await rows.write(conn, "bob", before, {}, {"check": check("9"), "reply": []})
    assert await ids(conn) == [(one, "9")]


async def test_names_are_told_apart_by_case(conn):
    await insert(conn, "1")
    found = await rows.read(conn, USERS, ["bob", "BOB"])
    assert [bool(found["bob"]), bool(found["BOB"])] == [True, False]


def lists(*found):
    return Lists(GROUPS, [Stored(number, "1", row) for number, row in enumerate(found)], [])


def test_a_row_that_is_there_is_not_judged(dictionary):
    bad = Row("No-Such", "==", "1")
    item = Item(attribute="No-Such", op="==", value="1")
    assert rows.wanted(dictionary, "check", [item], lists(bad)) == [bad]
    with pytest.raises(ApiError) as refused:
        rows.wanted(dictionary, "check", [item, item], lists(bad))
    assert refused.value.field == "check[1].attribute"


def test_an_item_without_value_keeps_its_password(dictionary):
    kept = Row("NT-Password", ":=", "00")
    item = Item(attribute="NT-Password", op=":=", value=None)
    assert rows.wanted(dictionary, "check", [item], lists(kept)) == [kept]
    with pytest.raises(ApiError):
        rows.wanted(dictionary, "check", [Item(attribute="Class", op="==", value=None)], lists(Row("Class", "==", "1")))


@pytest.mark.parametrize(
    ("if_match", "current", "fits"),
    [
        (None, None, True),
        (None, "a", True),
        ('"a"', "a", True),
        ('W/"a"', "a", True),
        ('"b", "a"', "a", True),
        ("*", "a", True),
        ('"b"', "a", False),
        ('"ab"', "a", False),
        ("*", None, False),
        ('"a"', None, False),
        ("", "a", False),
    ],
)
def test_if_match(if_match, current, fits):
    if fits:
        rows.match(if_match, current)
        return
    with pytest.raises(ApiError) as refused:
        rows.match(if_match, current)
    assert refused.value.status == 412


def test_a_version_knows_tables_ids_and_transactions():
    versions = {
        rows.version(parts)
        for parts in ([], [("check", 1, "7")], [("reply", 1, "7")], [("check", 2, "7")], [("check", 1, "8")])
    }
    assert len(versions) == 5
    both = [("check", 1, "7"), ("reply", 2, "7")]
    assert rows.version(both) == rows.version(both[::-1])
