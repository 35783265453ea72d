from datetime import UTC, datetime, timedelta

import pytest

from radiusd.store import audit
from radiusd.store.audit import Actor
from radiusd.store.resources import Item, UserIn


async def test_a_change_is_written_with_both_sides(conn, actor):
    before = Item(attribute="Class", op="=", value="0x01")
    await audit.record(conn, actor, "update", "user", "bob", before=before, after=before, secrets_changed=["X"])
    (change,) = (await audit.find(conn)).items
    assert (change.actor, change.source, change.action) == ("token:test", "192.0.2.1", "update")
    assert (change.kind, change.name) == ("user", "bob")
    assert change.before == {"attribute": "Class", "op": "=", "value": "0x01"}
    assert change.after == {"attribute": "Class", "op": "=", "value": "0x01", "secrets_changed": ["X"]}


async def test_a_password_given_by_mistake_is_not_written(conn, actor):
    await audit.record(conn, actor, "update", "user", "bob", after=UserIn(password="s3cret"))
    assert "s3cret" not in str((await audit.find(conn)).items)


@pytest.fixture
async def log(conn):
    for name, action in (("a", "create"), ("b", "create"), ("a", "delete")):
        await audit.record(conn, Actor(f"token:{name}", "cli"), action, "user", name)


async def names(conn, **filters):
    return [change.name + ":" + change.action for change in (await audit.find(conn, **filters)).items]


@pytest.mark.usefixtures("log")
async def test_filters(conn):
    assert await names(conn) == ["a:delete", "b:create", "a:create"]
    assert await names(conn, action="create", name="a") == ["a:create"]
    assert await names(conn, actor="token:b") == ["b:create"]
    assert await names(conn, kind="group") == []
    assert await names(conn, q="TOKEN:B") == ["b:create"]
    now = datetime.now(UTC)
    assert await names(conn, since=now + timedelta(hours=1)) == []
    assert len(await names(conn, until=now + timedelta(hours=1))) == 3


@pytest.mark.usefixtures("log")
async def test_pages_go_from_new_to_old(conn):
    first = await audit.find(conn, limit=2)
    assert len(first.items) == 2
    assert await names(conn, limit=2, cursor=first.next) == ["a:create"]
