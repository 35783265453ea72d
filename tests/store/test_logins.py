from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from radiusd.store import logins


@pytest.fixture
async def log(conn):
    for hour, (username, outcome, reason) in enumerate(
        (("alice", "accept", ""), ("bob", "reject", "wrong-password"), ("alice", "reject", "expired"))
    ):
        await conn.execute(
            text(
                "INSERT INTO radiusd.auth_log (at, username, client, nas_ip, outcome, reason, rule, method)"
                " VALUES (:at, :username, 'vpn1', '192.0.2.1', :outcome, :reason, 'radcheck 1', 'pap')"
            ),
            {"at": datetime(2030, 1, 1, hour, tzinfo=UTC), "username": username, "outcome": outcome, "reason": reason},
        )


async def reasons(conn, **filters):
    return [entry.reason for entry in (await logins.find(conn, **filters)).items]


@pytest.mark.usefixtures("log")
async def test_filters(conn):
    assert await reasons(conn) == ["expired", "wrong-password", ""]
    assert await reasons(conn, username="alice") == ["expired", ""]
    assert await reasons(conn, outcome="reject", client="vpn1") == ["expired", "wrong-password"]
    assert await reasons(conn, reason="expired") == ["expired"]
    assert await reasons(conn, q="BOB") == ["wrong-password"]
    assert await reasons(conn, client="vpn2") == []
    between = {"since": datetime(2030, 1, 1, 1, tzinfo=UTC), "until": datetime(2030, 1, 1, 2, tzinfo=UTC)}
    assert await reasons(conn, **between) == ["wrong-password"]


@pytest.mark.usefixtures("log")
async def test_pages_go_from_new_to_old(conn):
    first = await logins.find(conn, limit=2)
    rest = await logins.find(conn, limit=2, cursor=first.next)
    assert [entry.reason for entry in first.items + rest.items] == ["expired", "wrong-password", ""]
    assert rest.next is None
    assert (first.items[0].nas_ip, first.items[0].rule) == ("192.0.2.1", "radcheck 1")
