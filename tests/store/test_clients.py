import pytest
from pydantic import ValidationError
from sqlalchemy import text

from radiusd.errors import ApiError
from radiusd.policy.model import KINDS as POLICY_KINDS
from radiusd.store import audit, clients
from radiusd.store.resources import KINDS, ClientCreate, ClientIn, ClientPatch


@pytest.fixture
def create(conn, actor):
    async def create(name="vpn1", address="192.0.2.10", secret="s3cret", **fields):
        return await clients.create(conn, actor, ClientCreate(name=name, address=address, secret=secret, **fields))

    return create


async def one(conn, query):
    return tuple((await conn.execute(text(query))).one())


def test_the_kinds_are_those_of_the_policy():
    assert set(KINDS) == POLICY_KINDS


async def test_a_client_is_a_row_of_nas_and_ours(conn, create):
    made = await create(address="192.0.2.10/32", kind="pptpd", reap_grace=30, description="in the cellar")
    assert await one(conn, "SELECT nasname, shortname, type, secret, description FROM nas") == (
        "192.0.2.10",
        "vpn1",
        "other",
        "s3cret",
        "in the cellar",
    )
    assert await one(conn, "SELECT name, kind, reap_grace FROM radiusd.client") == ("vpn1", "pptpd", 30)
    assert made == await clients.get(conn, "vpn1")
    assert (made.address, made.kind, made.has_secret, made.nas_hold) == ("192.0.2.10", "pptpd", True, 1800)
    assert "s3cret" not in made.model_dump_json()


async def test_a_row_of_another_tool_is_a_client_with_the_defaults(conn, actor):
    await conn.execute(
        text(
            "INSERT INTO nas (nasname, shortname, type, secret) VALUES"
            " ('10.0.0.0/8', 'east', 'mikrotik', 'x'), ('10.1.1.1', '', 'cisco', 'y')"
        )
    )
    found = (await clients.find(conn)).items
    assert [(client.name, client.kind) for client in found] == [("10.1.1.1", "other"), ("east", "mikrotik")]
    changed = await clients.patch(conn, actor, "east", ClientPatch(reap_grace=5))
    assert (changed.name, changed.kind, changed.reap_grace) == ("east", "mikrotik", 5)


@pytest.mark.parametrize("address", ["192.0.2.10", "192.0.2.10/32"])
async def test_an_address_is_taken_once(create, conn, address):
    await conn.execute(text("INSERT INTO nas (nasname, shortname, secret) VALUES ('192.0.2.10/32', 'old', 'x')"))
    with pytest.raises(ApiError) as refused:
        await create(address=address)
    assert (refused.value.status, refused.value.field) == (409, "address")


async def test_a_name_is_taken_once(create):
    await create()
    with pytest.raises(ApiError) as refused:
        await create(address="192.0.2.11")
    assert (refused.value.status, refused.value.field) == (409, "name")


async def test_networks_may_lie_in_each_other(create):
    await create(name="wide", address="192.0.2.0/24")
    await create(name="narrow", address="192.0.2.0/25")
    assert (await create(name="six", address="2001:DB8::0/32")).address == "2001:db8::/32"


@pytest.mark.parametrize(
    "fields",
    [
        {"address": "192.0.2.10/24"},
        {"address": "vpn.example.net"},
        {"secret": ""},
        {"kind": "toaster"},
        {"reap_missed_interims": 0},
        {"dynauth_port": 70000},
    ],
)
def test_a_wrong_field_is_refused(fields):
    with pytest.raises(ValidationError) as refused:
        ClientCreate.model_validate({"name": "vpn1", "address": "192.0.2.10", "secret": "x", **fields})
    assert [error["loc"][0] for error in refused.value.errors()] == list(fields)


def test_a_secret_is_required_at_creation():
    with pytest.raises(ValidationError, match="secret"):
        ClientCreate.model_validate({"name": "vpn1", "address": "192.0.2.10"})


async def test_put_takes_the_defaults_but_keeps_the_secret(conn, actor, create):
    await create(kind="pptpd", reap_grace=5)
    made, created = await clients.put(conn, actor, "vpn1", ClientIn(name="vpn1", address="192.0.2.99"))
    assert not created
    assert (made.kind, made.reap_grace, made.address) == ("other", 60, "192.0.2.99")
    assert await one(conn, "SELECT secret FROM nas") == ("s3cret",)


async def test_put_of_a_new_client_needs_a_secret(conn, actor):
    with pytest.raises(ApiError) as refused:
        await clients.put(conn, actor, "vpn1", ClientIn(name="vpn1", address="192.0.2.99"))
    assert refused.value.field == "secret"
    made, created = await clients.put(conn, actor, "vpn1", ClientIn(name="vpn1", address="192.0.2.99", secret="x"))
    assert (made.name, created) == ("vpn1", True)


async def test_a_client_may_be_renamed(conn, actor, create):
    await create()
    await clients.patch(conn, actor, "vpn1", ClientPatch(name="vpn2"))
    assert await one(conn, "SELECT shortname FROM nas") == ("vpn2",)
    assert (await clients.get(conn, "vpn2")).address == "192.0.2.10"
    with pytest.raises(ApiError):
        await clients.get(conn, "vpn1")


async def test_nothing_may_be_taken_away_but_the_description(conn, actor, create):
    await create(description="x")
    assert (await clients.patch(conn, actor, "vpn1", ClientPatch(description=None))).description is None
    with pytest.raises(ApiError) as refused:
        await clients.patch(conn, actor, "vpn1", ClientPatch(secret=None))
    assert refused.value.field == "secret"


async def test_if_match(engine, conn, actor):
    async with engine.begin() as first:
        client = ClientCreate(name="vpn1", address="192.0.2.1", secret="x")
        made = await clients.create(first, actor, client)
    changed = await clients.patch(conn, actor, "vpn1", ClientPatch(secret="y"), if_match=f'"{made.version}"')
    assert changed.version != made.version
    with pytest.raises(ApiError) as refused:
        await clients.remove(conn, actor, "vpn1", if_match=f'"{made.version}"')
    assert refused.value.status == 412


async def test_a_deleted_client_leaves_no_row(conn, actor, create):
    await create()
    await clients.remove(conn, actor, "vpn1")
    assert await one(conn, "SELECT (SELECT count(*) FROM nas), (SELECT count(*) FROM radiusd.client)") == (0, 0)


async def test_changes_are_in_the_audit_log_without_the_secret(conn, actor, create):
    await create()
    await clients.patch(conn, actor, "vpn1", ClientPatch(secret="other-s3cret"))
    await clients.patch(conn, actor, "vpn1", ClientPatch(secret="other-s3cret"))
    await clients.remove(conn, actor, "vpn1")
    changes = (await audit.find(conn, kind="client")).items
    assert [change.action for change in changes] == ["delete", "update", "create"]
    assert changes[1].after["secrets_changed"] == ["secret"]
    assert "s3cret" not in str([change.model_dump() for change in changes])


async def test_lists_page_by_name_and_take_filters(conn, create):
    for number, name in enumerate(("b", "a", "c")):
        await create(name=name, address=f"192.0.2.{number}", kind="pptpd" if name == "a" else "other")
    first = await clients.find(conn, limit=2)
    rest = await clients.find(conn, limit=2, cursor=first.next)
    assert [client.name for client in first.items + rest.items] == ["a", "b", "c"]
    assert rest.next is None
    assert [client.name for client in (await clients.find(conn, kind="pptpd")).items] == ["a"]
    assert [client.name for client in (await clients.find(conn, q="192.0.2.2")).items] == ["c"]
