"""Sessions on the command line; their rows are those that the accounting writer leaves."""

import json

import pytest

ACCT = """
    INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime,
                         acctstoptime, acctsessiontime, acctinputoctets, acctoutputoctets, framedipaddress)
    VALUES (%(id)s, %(id)s, %(user)s, '192.0.2.10', now() - interval '1 hour', now() - %(ago)s::interval,
            CASE WHEN %(stopped)s THEN now() END, 3600, 2048, 5000000, '10.8.0.100')
"""
SESSION = """
    INSERT INTO radiusd.session (acctuniqueid, radacctid, client_name, group_name, state, started_at, last_seen,
                                 last_event, interval_s, expected_s)
    SELECT acctuniqueid, radacctid, 'vpn1', 'staff', %(state)s, acctstarttime, acctupdatetime, acctupdatetime, 300, 300
    FROM radacct WHERE acctuniqueid = %(id)s
"""


@pytest.fixture
def put(sql):
    def add(unique_id, user, state="active", ago="1 minute"):
        facts = {"id": unique_id, "user": user, "state": state, "ago": ago, "stopped": state == "closed"}
        sql(ACCT, facts)
        sql(SESSION, facts)

    return add


def users(told):
    return [session["username"] for session in told.json()]


def test_the_example_of_the_reference_works_as_written(cli, put):
    put("a", "alice")
    put("b", "bob", "closed")
    (session,) = cli("session", "list", "--state", "active", "--json").json()
    assert (session["username"], session["state"], session["client"]) == ("alice", "active", "vpn1")
    assert session["output_octets"] == 5000000


def test_sessions_are_narrowed(cli, put):
    put("a", "alice")
    put("b", "bob", "closed")
    put("c", "carol", "late")
    assert users(cli("session", "list", "--json")) == ["carol", "bob", "alice"]
    assert users(cli("session", "list", "--state", "active", "--state", "late", "--json")) == ["carol", "alice"]
    assert users(cli("session", "list", "--user", "bob", "--json")) == ["bob"]
    assert users(cli("session", "list", "--client", "vpn2", "--json")) == []
    assert users(cli("session", "list", "--since", "2030-01-01", "--json")) in ([], ["carol", "alice"])


def test_a_cut_list_says_so(cli, put):
    put("a", "alice")
    put("b", "bob")
    told = cli("session", "list", "--limit", "1", "--json")
    assert users(told) == ["bob"]
    assert "--limit" in told.err
    assert cli("session", "list", "--limit", "2").err == ""


def test_the_table_has_units(cli, put):
    put("a", "alice")
    line = cli("session", "list").out.splitlines()[1]
    assert "1h" in line
    assert "2.0 KiB" in line
    assert "4.8 MiB" in line


def test_a_session_is_shown_with_its_timeline(cli, put, sql):
    put("a", "alice")
    ((session_id,),) = sql("SELECT id FROM radiusd.session")
    sql("INSERT INTO radiusd.session_event (session_id, kind, detail) VALUES (%s, 'start', '{\"x\": 1}')", [session_id])
    told = cli("session", "show", str(session_id), "--json").json()
    assert told["username"] == "alice"
    assert [event["kind"] for event in told["timeline"]] == ["start"]
    text = cli("session", "show", str(session_id)).out
    assert "alice" in text
    assert "x=1" in text
    assert cli("session", "show", "nothing").code == 1


def test_the_reaper_says_what_is_over_and_then_closes_it(cli, put, sql):
    put("a", "alice", ago="1 minute")
    put("b", "bob", ago="40 minutes")
    before = cli("session", "reap", "--dry-run", "--json")
    assert users(before) == ["bob"]
    assert sql("SELECT count(*) FROM radacct WHERE acctstoptime IS NULL") == [(2,)]
    done = cli("session", "reap")
    assert "1 sessions closed" in done.err
    assert sql("SELECT username, acctstoptime = acctupdatetime FROM radacct WHERE acctstoptime IS NOT NULL") == [
        ("bob", True)
    ]
    assert json.loads(cli("session", "reap", "--json").out) == []
