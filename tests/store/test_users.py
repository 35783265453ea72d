import asyncio
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from radiusd.errors import ApiError
from radiusd.policy import passwords
from radiusd.store import audit, groups, users
from radiusd.store.resources import GroupCreate, Item, Membership, UserCreate, UserIn, UserPatch


async def rows(conn, table, owner="username"):
    query = text(f"SELECT {owner}, attribute, op, value FROM {table} ORDER BY id")
    return [tuple(row) for row in await conn.execute(query)]


async def insert(conn, table, *values):
    owner = "groupname" if "group" in table else "username"
    query = text(f"INSERT INTO {table} ({owner}, attribute, op, value) VALUES (:a, :b, :c, :d)")
    await conn.execute(query, dict(zip("abcd", values, strict=True)))


async def test_a_user_becomes_freeradius_rows(conn, dictionary, actor):
    await groups.create(conn, dictionary, actor, GroupCreate(name="staff"))
    made = await users.create(
        conn,
        dictionary,
        actor,
        UserCreate(
            username="alice",
            password="s3cret",
            groups=["staff"],
            disabled=True,
            expires_at=datetime(2030, 1, 1, tzinfo=UTC),
            static_ip="10.0.0.7",
            reply=[Item(attribute="Reply-Message", op="+=", value="hello")],
        ),
    )
    assert await rows(conn, "radcheck") == [
        ("alice", "Cleartext-Password", ":=", "s3cret"),
        ("alice", "Auth-Type", ":=", "Reject"),
        ("alice", "Expiration", ":=", "1893456000"),
    ]
    assert await rows(conn, "radreply") == [
        ("alice", "Framed-IP-Address", ":=", "10.0.0.7"),
        ("alice", "Reply-Message", "+=", "hello"),
    ]
    assert made == await users.get(conn, "alice")
    assert made.has_password
    assert made.groups == [Membership(name="staff", priority=1)]
    assert "s3cret" not in made.model_dump_json()


async def test_rows_of_other_tools_are_shown_without_passwords(conn):
    await insert(conn, "radcheck", "bob", "NT-Password", ":=", "0123456789abcdef0123456789abcdef")
    await insert(conn, "radcheck", "bob", "Cleartext-Password", "==", "never")
    await insert(conn, "radcheck", "bob", "No-Such-Attribute", "==", "x")
    bob = await users.get(conn, "bob")
    assert bob.has_password
    assert [(item.attribute, item.op, item.value) for item in bob.check] == [
        ("NT-Password", ":=", None),
        ("Cleartext-Password", "==", None),
        ("No-Such-Attribute", "==", "x"),
    ]


async def test_what_was_read_may_be_sent_back(conn, dictionary, actor):
    await insert(conn, "radcheck", "bob", "Cleartext-Password", ":=", "s3cret")
    await insert(conn, "radcheck", "bob", "NT-Password", ":=", "0123456789abcdef0123456789abcdef")
    await insert(conn, "radcheck", "bob", "No-Such-Attribute", "==", "x")
    await insert(conn, "radreply", "bob", "Framed-IP-Address", "=", "10.0.0.9")
    before = await rows(conn, "radcheck"), await rows(conn, "radreply")
    bob = await users.get(conn, "bob")
    again, created = await users.put(conn, dictionary, actor, "bob", UserIn.model_validate(bob.model_dump(mode="json")))
    assert not created
    assert again == bob
    assert (await rows(conn, "radcheck"), await rows(conn, "radreply")) == before
    assert (await audit.find(conn)).items == []


async def test_a_patch_leaves_other_rows_where_they_are(conn, dictionary, actor):
    await insert(conn, "radcheck", "bob", "Huntgroup-Name", "==", "east")
    await insert(conn, "radcheck", "bob", "Cleartext-Password", ":=", "old")
    await insert(conn, "radcheck", "bob", "Class", "==", "ab")
    await users.patch(conn, dictionary, actor, "bob", UserPatch(password="new"))
    assert await rows(conn, "radcheck") == [
        ("bob", "Huntgroup-Name", "==", "east"),
        ("bob", "Cleartext-Password", ":=", "new"),
        ("bob", "Class", "==", "ab"),
    ]


async def with_passwords(conn):
    """Give bob a password row of every form, some twice and under operators of all kinds."""
    await insert(conn, "radcheck", "bob", "Huntgroup-Name", "==", "east")
    await insert(conn, "radcheck", "bob", "Cleartext-Password", "==", "never")
    await insert(conn, "radcheck", "bob", "Cleartext-Password", ":=", "old")
    await insert(conn, "radcheck", "bob", "Cleartext-Password", ":=", "older")
    await insert(conn, "radcheck", "bob", "nt-password", "+=", "0123456789abcdef0123456789abcdef")
    for attribute in sorted(passwords.ALL - {"Cleartext-Password"}):
        await insert(conn, "radcheck", "bob", attribute, ":=", "s3cret")
    await insert(conn, "radcheck", "bob", "Class", "==", "ab")


OTHERS = [("bob", "Huntgroup-Name", "==", "east"), ("bob", "Class", "==", "ab")]
NEW = ("bob", "Cleartext-Password", ":=", "new")


@pytest.mark.parametrize("whole", [False, True])
async def test_a_password_that_is_set_is_the_only_one(conn, dictionary, actor, whole):
    await with_passwords(conn)
    if whole:
        bob = (await users.get(conn, "bob")).model_dump(mode="json")
        user = UserIn.model_validate({**bob, "password": "new"})
        bob, _ = await users.put(conn, dictionary, actor, "bob", user)
    else:
        bob = await users.patch(conn, dictionary, actor, "bob", UserPatch(password="new"))
    assert sorted(await rows(conn, "radcheck")) == sorted([*OTHERS, NEW])
    assert bob.has_password
    (change,) = (await audit.find(conn)).items
    assert set(change.after["secrets_changed"]) >= passwords.ALL
    assert "s3cret" not in str(change)


async def test_a_password_that_stays_while_others_go_is_a_changed_secret(conn, dictionary, actor):
    for attribute in ("Cleartext-Password", "Cleartext-Password", "Crypt-Password"):
        await insert(conn, "radcheck", "bob", attribute, ":=", "new")
    await users.patch(conn, dictionary, actor, "bob", UserPatch(password="new"))
    assert await rows(conn, "radcheck") == [NEW]
    (change,) = (await audit.find(conn)).items
    assert change.after["secrets_changed"] == ["Cleartext-Password", "Crypt-Password"]


async def test_without_a_password_none_is_left(conn, dictionary, actor):
    await with_passwords(conn)
    bob = await users.patch(conn, dictionary, actor, "bob", UserPatch(password=None))
    assert await rows(conn, "radcheck") == OTHERS
    assert not bob.has_password


@pytest.mark.parametrize("attribute", sorted(passwords.ALL))
async def test_a_password_of_any_form_is_one(conn, attribute):
    await insert(conn, "radcheck", "bob", attribute.upper(), "==", "x")
    assert (await users.get(conn, "bob")).has_password
    assert [user.has_password for user in (await users.find(conn)).items] == [True]


async def test_a_new_password_goes_before_rows_that_are_sent_to_be_kept(conn, dictionary, actor):
    await insert(conn, "radcheck", "bob", "NT-Password", ":=", "0123456789abcdef0123456789abcdef")
    kept = [Item(attribute="NT-Password", op=":=", value=None), Item(attribute="Class", op="==", value="ab")]
    await users.patch(conn, dictionary, actor, "bob", UserPatch(check=kept))
    assert [row[1] for row in await rows(conn, "radcheck")] == ["NT-Password", "Class"]
    await users.patch(conn, dictionary, actor, "bob", UserPatch(check=kept, password="new"))
    assert sorted(await rows(conn, "radcheck")) == sorted([NEW, ("bob", "Class", "==", "ab")])


async def test_a_second_password_beside_a_new_one_is_refused(conn, dictionary, actor):
    hashed = Item(attribute="nt-password", op=":=", value="0123456789abcdef0123456789abcdef")
    both = UserCreate(username="bob", password="new", check=[Item(attribute="Class", op="==", value="ab"), hashed])
    with pytest.raises(ApiError, match="second password") as refused:
        await users.create(conn, dictionary, actor, both)
    assert (refused.value.status, refused.value.field) == (422, "check[1].attribute")
    assert await rows(conn, "radcheck") == []


async def test_a_hash_may_take_the_place_of_every_password(conn, dictionary, actor):
    await insert(conn, "radcheck", "bob", "Cleartext-Password", ":=", "old")
    await insert(conn, "radcheck", "bob", "Crypt-Password", ":=", "old")
    hashed = Item(attribute="NT-Password", op=":=", value="0123456789abcdef0123456789abcdef")
    await users.patch(conn, dictionary, actor, "bob", UserPatch(password=None, check=[hashed]))
    assert await rows(conn, "radcheck") == [("bob", "NT-Password", ":=", "0123456789abcdef0123456789abcdef")]


async def test_a_whole_user_without_password_and_rows_keeps_the_password_of_any_form(conn, dictionary, actor):
    await insert(conn, "radcheck", "bob", "NT-Password", ":=", "0123456789abcdef0123456789abcdef")
    await insert(conn, "radcheck", "bob", "Class", "==", "ab")
    bob, _ = await users.put(conn, dictionary, actor, "bob", UserIn(disabled=True))
    assert bob.has_password
    assert [row[1] for row in await rows(conn, "radcheck")] == ["NT-Password", "Auth-Type"]
    bob, _ = await users.put(conn, dictionary, actor, "bob", UserIn(disabled=True, check=[]))
    assert not bob.has_password


async def test_a_name_that_no_user_name_can_hold_is_refused(conn, dictionary, actor):
    name = "\u00e4" * 127
    with pytest.raises(ApiError, match="253 octets") as refused:
        await users.put(conn, dictionary, actor, name, UserIn(password="x"))
    assert (refused.value.status, refused.value.field) == (422, "username")


async def test_none_takes_a_field_away(conn, dictionary, actor):
    made = UserCreate(username="bob", password="x", static_ip="10.0.0.1", disabled=True)
    await users.create(conn, dictionary, actor, made)
    bob = await users.patch(conn, dictionary, actor, "bob", UserPatch(static_ip=None, disabled=False))
    assert (bob.static_ip, bob.disabled, bob.has_password) == (None, False, True)
    assert await rows(conn, "radreply") == []


async def test_put_takes_away_what_it_does_not_name_but_the_password(conn, dictionary, actor):
    made = UserCreate(username="bob", password="x", static_ip="10.0.0.1")
    await users.create(conn, dictionary, actor, made)
    bob, created = await users.put(conn, dictionary, actor, "bob", UserIn())
    assert not created
    assert (bob.static_ip, bob.has_password) == (None, True)
    with pytest.raises(ApiError) as refused:
        await users.put(conn, dictionary, actor, "bob", UserIn(password=None))
    assert refused.value.status == 422


async def test_a_password_in_quotes_is_kept_so_that_it_reads_as_given(conn, dictionary, actor):
    await users.create(conn, dictionary, actor, UserCreate(username="bob", password='"x"'))
    assert await rows(conn, "radcheck") == [("bob", "Cleartext-Password", ":=", "'\"x\"'")]


@pytest.mark.parametrize(
    ("user", "field"),
    [
        ({"groups": ["nowhere"]}, "groups[0].name"),
        ({"password": "x", "reply": [{"attribute": "Nope", "value": "1"}]}, "reply[0].attribute"),
        ({"check": [{"attribute": "Cleartext-Password", "op": "==", "value": "x"}]}, "check[0].op"),
        ({"check": [{"attribute": "NT-Password", "op": ":=", "value": None}]}, "check[0].value"),
        (
            {"reply": [{"attribute": "Class", "value": "0x00"}, {"attribute": "Session-Timeout", "value": "soon"}]},
            "reply[1].value",
        ),
        ({"disabled": False}, "password"),
    ],
)
async def test_a_wrong_field_is_named(conn, dictionary, actor, user, field):
    with pytest.raises(ApiError) as refused:
        await users.create(conn, dictionary, actor, UserCreate.model_validate({"username": "bob", **user}))
    assert (refused.value.status, refused.value.field) == (422, field)


@pytest.mark.parametrize("user", [{}, {"username": ""}, {"username": "a\nb"}, {"username": "a", "colour": "red"}])
def test_a_wrong_model_is_refused(user):
    with pytest.raises(ValidationError):
        UserCreate.model_validate(user)


async def test_a_second_user_of_the_same_name_is_refused(conn, dictionary, actor):
    await users.create(conn, dictionary, actor, UserCreate(username="bob", password="x"))
    with pytest.raises(ApiError) as refused:
        await users.create(conn, dictionary, actor, UserCreate(username="bob", password="y"))
    assert (refused.value.status, refused.value.field) == (409, "username")


async def test_of_two_who_create_at_once_one_wins(engine, dictionary, actor):
    async def create(password):
        async with engine.begin() as conn:
            await users.create(conn, dictionary, actor, UserCreate(username="bob", password=password))

    done = await asyncio.gather(create("a"), create("b"), return_exceptions=True)
    assert sorted(type(result).__name__ for result in done) == ["ApiError", "NoneType"]


async def test_a_version_changes_with_every_row_even_a_password(conn, engine, dictionary, actor):
    async with engine.begin() as first:
        made = await users.create(first, dictionary, actor, UserCreate(username="bob", password="x"))
    await conn.execute(text("UPDATE radcheck SET value = 'y' WHERE username = 'bob'"))
    assert (await users.get(conn, "bob")).version != made.version
    with pytest.raises(ApiError) as refused:
        await users.patch(conn, dictionary, actor, "bob", UserPatch(disabled=True), if_match=f'"{made.version}"')
    assert refused.value.status == 412
    now = (await users.get(conn, "bob")).version
    assert (await users.patch(conn, dictionary, actor, "bob", UserPatch(disabled=True), if_match=f'"{now}"')).disabled


async def test_if_match_refuses_to_create(conn, dictionary, actor):
    with pytest.raises(ApiError) as refused:
        await users.put(conn, dictionary, actor, "bob", UserIn(password="x"), if_match="*")
    assert refused.value.status == 412


async def test_groups_keep_their_order_and_lose_doubles(conn, dictionary, actor):
    for name in ("a", "b", "c"):
        await groups.create(conn, dictionary, actor, GroupCreate(name=name))
    await users.create(conn, dictionary, actor, UserCreate(username="bob", groups=["b", {"name": "a", "priority": 9}]))
    await conn.execute(text("INSERT INTO radusergroup (username, groupname, priority) VALUES ('bob', 'a', 10)"))
    bob = await users.patch(conn, dictionary, actor, "bob", UserPatch(groups=["a", "c"]))
    assert [(group.name, group.priority) for group in bob.groups] == [("a", 1), ("c", 2)]


async def test_lists_go_by_name_and_take_filters(conn, dictionary, actor):
    await groups.create(conn, dictionary, actor, GroupCreate(name="staff"))
    for name in ("alice", "bob", "carol"):
        await users.create(conn, dictionary, actor, UserCreate(username=name, password="x", disabled=name == "bob"))
    await insert(conn, "radreply", "dave", "Class", "=", "0x01")
    await conn.execute(
        text("INSERT INTO radusergroup (username, groupname) VALUES ('erin', 'staff'), ('bob', 'staff')")
    )

    async def names(**filters):
        found, cursor = [], None
        while True:
            page = await users.find(conn, limit=2, cursor=cursor, **filters)
            assert len(page.items) <= 2
            found += [user.username for user in page.items]
            cursor = page.next
            if cursor is None:
                return found

    assert await names() == ["alice", "bob", "carol", "dave", "erin"]
    assert await names(q="A") == ["alice", "carol", "dave"]
    assert await names(q="%") == []
    assert await names(group="staff") == ["bob", "erin"]
    assert await names(disabled=True) == ["bob"]
    assert await names(group="staff", disabled=False) == ["erin"]


async def test_a_cursor_that_is_none_is_refused(conn):
    for cursor in ("x", "WzFd", "bnVsbA", ""):
        with pytest.raises(ApiError) as refused:
            await users.find(conn, cursor=cursor)
        assert refused.value.field == "cursor"


async def test_a_deleted_user_leaves_no_row(conn, dictionary, actor):
    await groups.create(conn, dictionary, actor, GroupCreate(name="staff"))
    made = UserCreate(username="bob", password="x", static_ip="10.0.0.1", groups=["staff"])
    await users.create(conn, dictionary, actor, made)
    await users.remove(conn, actor, "bob")
    with pytest.raises(ApiError) as refused:
        await users.get(conn, "bob")
    assert refused.value.status == 404
    for table in ("radcheck", "radreply", "radusergroup"):
        assert (await conn.execute(text(f"SELECT count(*) FROM {table} WHERE username = 'bob'"))).scalar() == 0


async def test_each_change_is_in_the_audit_log_without_passwords(conn, dictionary, actor):
    await users.create(conn, dictionary, actor, UserCreate(username="bob", password="first-s3cret"))
    await users.patch(conn, dictionary, actor, "bob", UserPatch(password="second-s3cret"))
    await users.patch(conn, dictionary, actor, "bob", UserPatch(disabled=True))
    await users.remove(conn, actor, "bob")
    changes = (await audit.find(conn, kind="user", name="bob")).items
    assert [change.action for change in changes] == ["delete", "update", "update", "create"]
    removed, disabled, password, created = changes
    assert (created.actor, created.source, created.before) == ("token:test", "192.0.2.1", None)
    assert password.after["secrets_changed"] == ["Cleartext-Password"]
    assert (disabled.before["disabled"], disabled.after["disabled"]) == (False, True)
    assert "secrets_changed" not in disabled.after
    assert removed.after is None
    assert "s3cret" not in str([change.model_dump() for change in changes])
