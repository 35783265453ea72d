import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from radiusd.errors import ApiError
from radiusd.store import audit, tokens
from radiusd.store.records import TokenIn

NOW = datetime(2030, 1, 1, tzinfo=UTC)


async def test_a_token_is_kept_as_its_hash(conn, actor):
    made = await tokens.create(conn, actor, TokenIn(name="ci", role="operator"))
    row = (await conn.execute(text("SELECT prefix, hash FROM radiusd.token"))).one()
    assert made.token.startswith(row.prefix)
    assert bytes(row.hash) == hashlib.sha256(made.token.encode()).digest()
    assert len(made.token) > len(row.prefix) + 40
    listed = (await tokens.find(conn)).items
    assert [(token.name, token.prefix) for token in listed] == [("ci", row.prefix)]
    log = (await audit.find(conn)).items
    assert made.token not in str([*listed, *log])


async def test_a_bearer_is_known_by_its_token_alone(conn, actor):
    made = await tokens.create(conn, actor, TokenIn(name="ci", role="operator"))
    bearer = await tokens.authenticate(conn, made.token, NOW)
    assert bearer is not None
    assert (bearer.id, bearer.name, bearer.role) == (made.id, "ci", "operator")
    for wrong in ("", made.prefix, made.token[:-1], made.token + "x", made.token.upper()):
        assert await tokens.authenticate(conn, wrong, NOW) is None


async def test_an_expired_token_is_nobodys(conn, actor):
    made = await tokens.create(conn, actor, TokenIn(name="ci", expires_at=NOW))
    assert await tokens.authenticate(conn, made.token, NOW - timedelta(seconds=1)) is not None
    assert await tokens.authenticate(conn, made.token, NOW) is None


async def test_a_revoked_token_is_nobodys_at_once(conn, actor):
    made = await tokens.create(conn, actor, TokenIn(name="ci"))
    revoked = await tokens.revoke(conn, actor, made.prefix)
    assert revoked.revoked_at is not None
    assert await tokens.authenticate(conn, made.token, NOW) is None
    assert await tokens.revoke(conn, actor, made.id) == revoked
    assert [change.action for change in (await audit.find(conn, kind="token")).items] == ["revoke", "create"]


async def test_the_last_use_is_noted_once_a_minute(conn, actor):
    made = await tokens.create(conn, actor, TokenIn(name="ci"))

    async def used(at):
        await tokens.authenticate(conn, made.token, at)
        return (await tokens.get(conn, made.id)).last_used_at

    assert await used(NOW) == NOW
    assert await used(NOW + timedelta(seconds=59)) == NOW
    assert await used(NOW + timedelta(seconds=60)) == NOW + timedelta(seconds=60)


async def test_the_bootstrap_token_is_made_once(conn, actor):
    text_ = await tokens.ensure_bootstrap_token(conn)
    assert text_ is not None
    bearer = await tokens.authenticate(conn, text_)
    assert bearer is not None
    assert bearer.role == "admin"
    assert await tokens.ensure_bootstrap_token(conn) is None
    await tokens.revoke(conn, actor, bearer.id)
    assert await tokens.ensure_bootstrap_token(conn) is not None


async def test_lists_page_by_name(conn, actor):
    for name in ("b", "a", "b"):
        await tokens.create(conn, actor, TokenIn(name=name))
    first = await tokens.find(conn, limit=2)
    rest = await tokens.find(conn, limit=2, cursor=first.next)
    assert [token.name for token in first.items + rest.items] == ["a", "b", "b"]
    assert len({token.prefix for token in first.items + rest.items}) == 3
    assert len((await tokens.find(conn, q="A", limit=1000)).items) >= 1


async def test_an_unknown_token_is_said_to_be_unknown(conn, actor):
    with pytest.raises(ApiError) as refused:
        await tokens.revoke(conn, actor, "radiusd_00000000")
    assert refused.value.status == 404


async def test_a_token_that_has_expired_already_is_refused(conn, actor):
    with pytest.raises(ApiError, match="past") as refused:
        await tokens.create(conn, actor, TokenIn(name="ci", expires_at=datetime.now(UTC)))
    assert (refused.value.status, refused.value.field) == (422, "expires_at")
    assert (await tokens.find(conn)).items == []
