import pytest
from sqlalchemy import text

from radiusd.errors import ApiError
from radiusd.store import audit, groups
from radiusd.store.resources import GroupCreate, GroupIn, GroupPatch


async def rows(conn, table):
    query = text(f"SELECT attribute, op, value FROM {table} WHERE groupname = 'staff' ORDER BY id")
    return [tuple(row) for row in await conn.execute(query)]


@pytest.fixture
def create(conn, dictionary, actor):
    async def create(**fields):
        return await groups.create(conn, dictionary, actor, GroupCreate(name="staff", **fields))

    return create


async def test_a_policy_becomes_freeradius_rows(conn, create):
    made = await create(
        session_timeout=14400,
        idle_timeout=600,
        interim_interval=300,
        simultaneous_use=1,
        login_time="Wk0800-1800",
        max_daily_session=7200,
        max_monthly_bytes=10**12,
        framed_pool="main",
        mppe="required",
        mppe_bits=[128],
        dns=["192.0.2.53", "192.0.2.54"],
        fall_through=True,
    )
    assert await rows(conn, "radgroupcheck") == [
        ("Simultaneous-Use", ":=", "1"),
        ("Login-Time", ":=", "Wk0800-1800"),
        ("Max-Daily-Session", ":=", "7200"),
        ("Max-Monthly-Octets", ":=", "1000000000000"),
    ]
    assert await rows(conn, "radgroupreply") == [
        ("Session-Timeout", "=", "14400"),
        ("Idle-Timeout", "=", "600"),
        ("Acct-Interim-Interval", "=", "300"),
        ("Framed-Pool", "=", "main"),
        ("MS-MPPE-Encryption-Policy", "=", "2"),
        ("MS-MPPE-Encryption-Types", "=", "4"),
        ("MS-Primary-DNS-Server", "=", "192.0.2.53"),
        ("MS-Secondary-DNS-Server", "=", "192.0.2.54"),
        ("Fall-Through", "=", "Yes"),
    ]
    assert made == await groups.get(conn, "staff")
    assert (made.session_timeout, made.mppe, made.mppe_bits) == (14400, "required", [128])
    assert made.dns == ["192.0.2.53", "192.0.2.54"]
    assert (made.check, made.reply) == ([], [])


async def test_an_empty_group_is_held_by_a_row_that_comes_and_goes(conn, dictionary, actor, create):
    made = await create()
    assert (made.check, made.reply, made.fall_through) == ([], [], None)
    assert await rows(conn, "radgroupcheck") == [("Fall-Through", ":=", "No")]
    await groups.patch(conn, dictionary, actor, "staff", GroupPatch(session_timeout=60))
    assert (await rows(conn, "radgroupcheck"), await rows(conn, "radgroupreply")) == (
        [],
        [("Session-Timeout", "=", "60")],
    )
    await groups.patch(conn, dictionary, actor, "staff", GroupPatch(session_timeout=None))
    assert (await rows(conn, "radgroupcheck"), await rows(conn, "radgroupreply")) == (
        [("Fall-Through", ":=", "No")],
        [],
    )


async def test_a_group_with_nothing_but_members_is_listed(conn):
    await conn.execute(text("INSERT INTO radusergroup (username, groupname) VALUES ('a', 'staff'), ('b', 'staff')"))
    page = await groups.find(conn)
    assert [(group.name, group.members) for group in page.items] == [("staff", 2)]


async def test_what_was_read_may_be_sent_back(conn, dictionary, actor, create):
    await create(session_timeout=60, mppe="off", dns=["192.0.2.53"], fall_through=False)
    await conn.execute(
        text(
            "INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES"
            " ('staff', 'Session-Timeout', ':=', '90'), ('staff', 'Nonsense', ':=', '1')"
        )
    )
    staff = await groups.get(conn, "staff")
    assert [item.attribute for item in staff.reply] == ["Session-Timeout", "Nonsense"]
    before = await rows(conn, "radgroupreply")
    sent = GroupIn.model_validate(staff.model_dump(mode="json"))
    assert await groups.put(conn, dictionary, actor, "staff", sent) == (staff, False)
    assert await rows(conn, "radgroupreply") == before
    assert len((await audit.find(conn)).items) == 1


async def test_mppe_changes_as_one(conn, dictionary, actor, create):
    await create(mppe="required", mppe_bits=[128])

    async def patch(**fields):
        made = await groups.patch(conn, dictionary, actor, "staff", GroupPatch(**fields))
        return made.mppe, made.mppe_bits

    assert await patch(mppe="allowed") == ("allowed", [128])
    assert await patch(mppe="off") == ("off", None)
    assert await patch(mppe="required") == ("required", [40, 128])
    assert await patch(mppe=None) == (None, None)
    assert await rows(conn, "radgroupreply") == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"login_time": "office hours"}, "login_time"),
        ({"mppe": "off", "mppe_bits": [40]}, "mppe_bits"),
        ({"check": [{"attribute": "Nope", "value": "1"}]}, "check[0].attribute"),
    ],
)
async def test_a_wrong_field_is_named(create, fields, field):
    with pytest.raises(ApiError) as refused:
        await create(**fields)
    assert (refused.value.status, refused.value.field) == (422, field)


async def test_a_second_group_of_the_same_name_is_refused(create):
    await create()
    with pytest.raises(ApiError) as refused:
        await create()
    assert (refused.value.status, refused.value.field) == (409, "name")


async def test_a_group_is_not_renamed(conn, dictionary, actor, create):
    await create()
    with pytest.raises(ApiError) as refused:
        await groups.patch(conn, dictionary, actor, "staff", GroupPatch(name="crew"))
    assert refused.value.field == "name"


async def test_a_group_with_members_is_not_deleted_by_chance(conn, actor, create):
    await create(session_timeout=1)
    await conn.execute(text("INSERT INTO radusergroup (username, groupname) VALUES ('a', 'staff')"))
    with pytest.raises(ApiError) as refused:
        await groups.remove(conn, actor, "staff")
    assert refused.value.status == 409
    await groups.remove(conn, actor, "staff", with_members=True)
    assert (await groups.find(conn)).items == []


async def test_lists_go_by_name(conn, dictionary, actor):
    for name in ("b", "a", "c"):
        await groups.create(conn, dictionary, actor, GroupCreate(name=name))
    first = await groups.find(conn, limit=2)
    rest = await groups.find(conn, limit=2, cursor=first.next)
    assert [group.name for group in first.items + rest.items] == ["a", "b", "c"]
    assert rest.next is None
    assert [group.name for group in (await groups.find(conn, q="B")).items] == ["b"]


async def test_an_unknown_group_is_said_to_be_unknown(conn, dictionary, actor):
    for attempt in (
        groups.get(conn, "staff"),
        groups.patch(conn, dictionary, actor, "staff", GroupPatch()),
        groups.remove(conn, actor, "staff"),
    ):
        with pytest.raises(ApiError) as refused:
            await attempt
        assert refused.value.status == 404
