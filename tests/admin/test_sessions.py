from uuid import uuid4

import pytest

UNIQUE = "0123456789abcdef0123456789abcdef"


@pytest.fixture
async def session(sql):
    """Add one session that fell silent an hour ago."""
    await sql(
        "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime,"
        " framedipaddress, acctsessiontime) VALUES ('s1', '" + UNIQUE + "', 'alice', '192.0.2.1',"
        " now() - interval '2 hours', now() - interval '1 hour', '10.0.0.1', 3600)"
    )
    ((own,),) = await sql(
        "INSERT INTO radiusd.session (acctuniqueid, radacctid, client_name, group_name, state, started_at, last_seen,"
        " last_event, interval_s, expected_s, framed_ip) SELECT acctuniqueid, radacctid, 'vpn1', 'staff', 'active',"
        " acctstarttime, acctupdatetime, acctupdatetime, 60, 60, framedipaddress FROM radacct RETURNING id"
    )
    return str(own)


async def test_a_session_is_listed_and_read(api, session):
    params = {"state": ["active", "late"], "username": "alice", "framed_ip": "10.0.0.1", "client": "vpn1"}
    (listed,) = (await api.get("sessions", params=params)).json()["items"]
    assert (listed["id"], listed["group"], listed["interim_interval"]) == (session, "staff", 60)
    assert (await api.get(f"sessions/{session}")).json() == listed
    assert (await api.get(f"sessions/{UNIQUE}")).json() == listed
    assert (await api.get("sessions", params={"state": "closed"})).json()["items"] == []


async def test_the_timeline_is_read(api, session, sql):
    await sql(f"INSERT INTO radiusd.session_event (session_id, kind) VALUES ('{session}', 'start')")
    (event,) = (await api.get(f"sessions/{session}/timeline")).json()["items"]
    assert (event["kind"], event["detail"]) == ("start", {})


async def test_reaping_may_be_tried_first(api, session):
    tried = (await api.post("sessions/reap", params={"dry_run": "1"})).json()
    assert (tried["dry_run"], [one["id"] for one in tried["items"]]) == (True, [session])
    assert (await api.get(f"sessions/{session}")).json()["state"] == "active"
    done = (await api.post("sessions/reap")).json()
    assert [one["id"] for one in done["items"]] == [session]
    closed = (await api.get(f"sessions/{session}")).json()
    assert (closed["state"], closed["closed_by"]) == ("closed", "reaper")
    assert closed["stopped_at"] == closed["last_seen"]
    (change,) = (await api.get("audit")).json()["items"]
    assert (change["action"], change["kind"]) == ("reap", "session")
    assert (await api.post("sessions/reap")).json()["items"] == []


async def test_wrong_filters_are_named(api):
    for params, field in (
        ({"state": "asleep"}, "state[0]"),
        ({"framed_ip": "10.0.0"}, "framed_ip"),
        ({"until": "soon"}, "until"),
        ({"user": "alice"}, "user"),
    ):
        answer = await api.get("sessions", params=params)
        assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_an_unknown_session_is_not_found(api):
    for path in (f"sessions/{uuid4()}", "sessions/nothing", "sessions/nothing/timeline"):
        assert (await api.get(path)).status_code == 404
