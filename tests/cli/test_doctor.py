"""Each thing that doctor finds is made here, in the way that an operator or another tool would make it."""

import json

import pytest

GOOD_SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def healthy(cli):
    """Run commands on a database with nothing to find but what every client of kind auto has."""
    cli("client", "add", "vpn1", "192.0.2.1", "--secret", GOOD_SECRET, "--require-message-authenticator", "yes")
    cli("group", "add", "staff", "--session-timeout", "4h")
    cli("user", "add", "alice", "--password", "wonderland", "--group", "staff")
    return cli


def found(told):
    return [(finding["level"], finding["subject"], finding["message"]) for finding in json.loads(told.out)]


def test_nothing_is_found_where_all_is_well(healthy):
    assert healthy("doctor") == (0, "nothing found: all is well\n", "")
    assert healthy("doctor", "--json").json() == []


@pytest.mark.parametrize(
    ("table", "owner", "row", "words"),
    [
        ("radcheck", "username", ("No-Such-Thing", ":=", "1"), "No-Such-Thing"),
        ("radreply", "username", ("Session-Timeout", ":=", "soon"), "Session-Timeout"),
        ("radgroupreply", "groupname", ("Session-Timeout", ":*", "5"), "operator"),
        ("radgroupcheck", "groupname", ("NAS-IP-Address", "==", "nowhere"), "NAS-IP-Address"),
        ("radcheck", "username", ("Cleartext-Password", "==", "hush"), "never"),
        ("radcheck", "username", ("Cleartext-Password", "=", "hush"), "never"),
        ("radcheck", "username", ("Crypt-Password", ":=", "$1$hush"), "cannot check"),
    ],
)
def test_a_row_that_cannot_do_what_it_says_is_broken_and_named(healthy, sql, table, owner, row, words):
    ((row_id,),) = sql(
        f"INSERT INTO {table} ({owner}, attribute, op, value) VALUES ('alice', %s, %s, %s) RETURNING id", row
    )
    told = healthy("doctor", "--json")
    assert told.code == 1
    (finding,) = json.loads(told.out)
    assert (finding["level"], finding["table"], finding["row_id"]) == ("broken", table, row_id)
    assert "alice" in finding["subject"]
    assert words in finding["message"]
    assert "hush" not in told.out
    assert f"{table} {row_id}" in healthy("doctor").out


@pytest.mark.parametrize(
    ("secret", "level", "words"),
    [("", "broken", "no shared secret"), ("testing123", "warning", "try first"), ("short", "warning", "fewer than 16")],
)
def test_a_poor_secret_is_found_and_not_told(healthy, sql, secret, level, words):
    sql("UPDATE nas SET secret = %s", [secret])
    told = healthy("doctor", "--json")
    ((found_level, subject, message),) = found(told)
    assert (found_level, subject) == (level, "client vpn1")
    assert words in message
    assert not secret or secret not in told.out
    assert told.code == (1 if level == "broken" else 0)


@pytest.mark.parametrize(
    ("kind", "required", "level"),
    [("other", "no", "warning"), ("other", "auto", "note"), ("pptpd", "auto", "note"), ("pptpd", "no", "note")],
)
def test_a_client_that_may_be_unsigned_is_found(healthy, kind, required, level):
    healthy("client", "set", "vpn1", "--kind", kind, "--require-message-authenticator", required)
    told = healthy("doctor", "--json")
    assert told.code == 0
    assert [finding[0] for finding in found(told)] == [level]


def test_a_client_without_an_address_and_two_with_one_are_broken(healthy, sql):
    sql("INSERT INTO nas (nasname, shortname, secret) VALUES ('192.0.2.300/40', 'named', %s)", [GOOD_SECRET])
    sql("INSERT INTO nas (nasname, shortname, secret) VALUES ('192.0.2.1/32', 'twin', %s)", [GOOD_SECRET])
    broken = {subject: message for level, subject, message in found(healthy("doctor", "--json")) if level == "broken"}
    assert broken.keys() == {"client named", "client twin"}
    assert "192.0.2.300/40" in broken["client named"]
    assert "vpn1" in broken["client twin"]


def test_no_client_at_all_and_one_for_all_the_world_are_found(healthy):
    healthy("client", "set", "vpn1", "--address", "0.0.0.0/0")
    assert "every address" in found(healthy("doctor", "--json"))[0][2]
    healthy("client", "rm", "vpn1")
    assert found(healthy("doctor", "--json"))[0][:2] == ("warning", "clients")


def test_members_of_a_group_without_rows_are_found(healthy, sql):
    sql("INSERT INTO radusergroup (username, groupname, priority) VALUES ('alice', 'stuff', 2)")
    assert found(healthy("doctor", "--json")) == [
        ("warning", "group stuff", "has no rows, so that its 1 member gets nothing from it")
    ]


def test_limits_that_are_only_stored_are_said(healthy):
    healthy("group", "set", "staff", "--simultaneous-use", "1", "--max-daily-session", "2h")
    told = healthy("doctor", "--json")
    assert told.code == 0
    assert [(level, subject) for level, subject, _ in found(told)] == [
        ("note", "Max-Daily-Session"),
        ("note", "Simultaneous-Use"),
    ]


def test_sessions_that_nobody_can_end_are_found(healthy, sql):
    sql(
        "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime)"
        " VALUES ('s', 'ours', 'alice', '192.0.2.1', now()), ('t', 'theirs', 'alice', '192.0.2.1', now())"
    )
    sql(
        "INSERT INTO radiusd.session (acctuniqueid, client_name, state, last_seen)"
        " VALUES ('ours', 'vpn1', 'active', now())"
    )
    levels = {subject: level for level, subject, _ in found(healthy("doctor", "--json"))}
    assert levels == {"client vpn1": "warning", "sessions": "note"}


def test_a_schema_that_does_not_fit_is_broken(run, empty_database):
    told = run("--database-url", empty_database, "doctor", "--json")
    assert told.code == 1
    assert found(told)[0][:2] == ("broken", "database")
    assert "radiusd db upgrade" in found(told)[0][2]


def test_a_database_that_is_away_is_broken(run):
    told = run("--database-url", "postgresql://127.0.0.1:1/x", "doctor", "--json")
    assert told.code == 1
    assert found(told)[0][:2] == ("broken", "database")


def test_a_mistake_in_a_dictionary_is_broken_and_has_its_line(cli, monkeypatch, tmp_path):
    extra = tmp_path / "dictionary.extra"
    extra.write_text("ATTRIBUTE Too-Few\n")
    monkeypatch.setenv("RADIUSD_DICTIONARIES", str(extra))
    told = cli("doctor", "--json")
    assert told.code == 1
    assert f"{extra}:1" in found(told)[0][2]


def test_an_open_rest_side_is_noted(healthy, monkeypatch):
    monkeypatch.setenv("RADIUSD_ADMIN_BIND", "0.0.0.0")
    assert [finding[:2] for finding in found(healthy("doctor", "--json"))] == [("note", "REST side")]
