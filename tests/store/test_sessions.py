from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import text

from radiusd.errors import ApiError
from radiusd.store import sessions


def at(hour, minute=0):
    return datetime(2030, 1, 1, hour, minute, tzinfo=UTC)


@pytest.fixture
def session(conn):
    """Add a session: `ours=False` for one that only FreeRADIUS saw."""

    async def session(unique, start, stop=None, ours=True, **fields):
        values = {
            "unique": unique,
            "start": start,
            "stop": stop,
            "username": "alice",
            "ip": "10.0.0.1",
            "calling": "198.51.100.1",
            "state": "closed" if stop else "active",
            "client": "vpn1",
            "group": "staff",
            "id": uuid4(),
            **fields,
        }
        await conn.execute(
            text(
                "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctstoptime,"
                " framedipaddress, callingstationid, acctinputoctets) VALUES"
                " ('s', :unique, :username, '192.0.2.1', :start, :stop, CAST(:ip AS inet), :calling, 5000000000)"
            ),
            values,
        )
        if ours:
            await conn.execute(
                text(
                    "INSERT INTO radiusd.session (acctuniqueid, id, client_name, group_name, state, last_seen)"
                    " VALUES (:unique, :id, :client, :group, :state, :start)"
                ),
                values,
            )
        return values["id"]

    return session


async def found(conn, **filters):
    return [session.acct_unique_id for session in (await sessions.find(conn, **filters)).items]


async def test_a_session_is_what_both_tables_know(conn, session):
    own = await session("a" * 32, at(8), client="vpn1")
    shown = await sessions.get(conn, own)
    assert shown == await sessions.get(conn, "a" * 32)
    assert (shown.id, shown.state, shown.client, shown.group) == (str(own), "active", "vpn1", "staff")
    assert (shown.framed_ip, shown.nas_ip, shown.input_octets) == ("10.0.0.1", "192.0.2.1", 5_000_000_000)


async def test_sessions_that_only_freeradius_saw_are_listed(conn, session):
    await session("b" * 32, at(8), ours=False)
    await session("c" * 32, at(8), at(9), ours=False)
    shown = (await sessions.find(conn)).items
    assert [(one.id, one.state, one.client) for one in shown] == [
        ("c" * 32, "closed", None),
        ("b" * 32, "active", None),
    ]
    assert (await sessions.get(conn, "b" * 32)).state == "active"
    assert (await sessions.timeline(conn, "b" * 32)).items == []


async def test_filters(conn, session):
    await session("a", at(8))
    await session("b", at(9), state="late", username="bob", client="vpn2", group="guests", ip="10.0.0.2")
    await session("c", at(7), at(8), calling="198.51.100.9")
    await session("d", at(10), ours=False, username="dora", ip="2001:db8::1")
    assert await found(conn) == ["d", "c", "b", "a"]
    assert await found(conn, state=["active"]) == ["d", "a"]
    assert await found(conn, state=["late", "closed"]) == ["c", "b"]
    assert await found(conn, username="bob") == ["b"]
    assert await found(conn, client="vpn2") == ["b"]
    assert await found(conn, group="staff") == ["c", "a"]
    assert await found(conn, framed_ip="2001:db8::1") == ["d"]
    assert await found(conn, calling_station_id="198.51.100.9") == ["c"]
    assert await found(conn, q="OB") == ["b"]
    assert await found(conn, q="10.0.0.2") == ["b"]


async def test_since_and_until_ask_who_was_there_then(conn, session):
    await session("a", at(8), at(9))
    await session("b", at(10))
    assert await found(conn, since=at(8, 30), until=at(8, 30)) == ["a"]
    assert await found(conn, since=at(9, 30), until=at(9, 40)) == []
    assert await found(conn, since=at(9), until=at(10)) == ["b", "a"]
    assert await found(conn, since=at(9, 1)) == ["b"]
    assert await found(conn, until=at(9)) == ["a"]


async def test_pages_are_newest_first_and_without_gaps(conn, session):
    for name in "abcde":
        await session(name, at(8))
    seen, cursor = [], None
    while True:
        page = await sessions.find(conn, limit=2, cursor=cursor)
        seen += [session.acct_unique_id for session in page.items]
        cursor = page.next
        if cursor is None:
            break
        if len(seen) == 2:
            await session("later", at(9))
    assert seen == list("edcba")


async def test_the_timeline_is_oldest_first(conn, session):
    own, other = await session("a", at(8)), await session("b", at(8))
    for number in range(3):
        for owner in (own, other):
            await conn.execute(
                text("INSERT INTO radiusd.session_event (session_id, kind, detail) VALUES (:id, 'interim', :detail)"),
                {"id": owner, "detail": f'{{"n": {number}}}'},
            )
    first = await sessions.timeline(conn, own, limit=2)
    rest = await sessions.timeline(conn, own, limit=2, cursor=first.next)
    assert [event.detail for event in first.items + rest.items] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert rest.next is None


@pytest.mark.parametrize("unknown", ["nothing", "00000000-0000-0000-0000-000000000000"])
async def test_an_unknown_session_is_said_to_be_unknown(conn, unknown):
    for attempt in (sessions.get(conn, unknown), sessions.timeline(conn, unknown)):
        with pytest.raises(ApiError) as refused:
            await attempt
        assert refused.value.status == 404
