import pytest


@pytest.fixture
def staff(cli):
    cli("client", "add", "vpn1", "192.0.2.10", "--secret", "0123456789abcdef", "--kind", "pptpd")
    cli("group", "add", "staff", "--session-timeout", "4h", "--check", "NAS-Port-Type == Virtual")
    cli("user", "add", "alice", "--password", "wonderland", "--group", "staff")
    return cli


def test_a_login_that_would_be_accepted_is_told_with_its_reply(staff):
    told = staff("explain", "alice", "NAS-Port-Type=Virtual", "--json").json()
    assert told["policy"] == "accept"
    assert told["client"] == "vpn1"
    assert told["groups"] == ["staff"]
    assert {"attribute": "Session-Timeout", "value": "14400"} in told["reply"]
    assert told["steps"]


def test_a_password_that_is_missing_is_no_reject(staff):
    told = staff("explain", "alice", "NAS-Port-Type=Virtual")
    assert told.code == 0
    assert "\nneeds-password by group staff: a right one is accepted\n" in told.out
    told = staff("explain", "alice", "--json").json()
    assert (told["outcome"], told["reason"], told["policy"]) == ("needs-password", "needs-password", "accept")


def test_explain_and_doctor_agree_on_what_cannot_be_checked(staff, sql):
    sql("UPDATE radcheck SET attribute = 'Crypt-Password' WHERE username = 'alice'")
    told = staff("explain", "alice", "NAS-Port-Type=Virtual")
    assert told.code == 1
    assert "\nreject by group staff: password-form-not-supported" in told.out
    assert "Crypt-Password" in staff("doctor").out


def test_a_user_without_a_password_is_rejected_unless_none_is_asked_for(staff, sql):
    sql("DELETE FROM radcheck")
    assert "no-known-password" in staff("explain", "alice", "NAS-Port-Type=Virtual").out
    sql("INSERT INTO radcheck (username, attribute, op, value) VALUES ('alice', 'Auth-Type', ':=', 'Accept')")
    told = staff("explain", "alice")
    assert told.code == 0
    assert "\naccept by radcheck" in told.out


def test_what_does_not_match_shows_in_the_reply(staff):
    told = staff("explain", "alice", "NAS-Port-Type=Async", "--json").json()
    assert told["groups"] == []
    assert told["reply"] == []


def test_the_password_decides_when_it_is_given(staff):
    right = staff("explain", "alice", "User-Password=wonderland", "--json").json()
    assert right["outcome"] == "accept"
    wrong = staff("explain", "alice", "User-Password=looking-glass")
    assert wrong.code == 1
    assert "reject" in wrong.out


def test_a_password_is_in_no_answer(staff):
    for arguments in (["alice"], ["alice", "User-Password=wonderland"], ["alice", "--json"]):
        assert "wonderland" not in staff("explain", *arguments).out


def test_an_unknown_user_is_rejected(staff):
    told = staff("explain", "nobody")
    assert told.code == 1
    assert "reject" in told.out


def test_a_bad_row_is_named(staff, sql):
    ((row_id,),) = sql(
        "INSERT INTO radreply (username, attribute, op, value) VALUES ('alice', 'No-Such', ':=', '1') RETURNING id"
    )
    told = staff("explain", "alice")
    assert told.code == 1
    assert f"radreply {row_id}" in told.out


def test_another_time_may_be_asked_about(staff):
    staff("group", "set", "staff", "--login-time", "Wk0800-1800", "--clear", "check")
    monday, sunday = "2030-01-07T12:00:00", "2030-01-06T12:00:00"
    assert staff("explain", "alice", "--at", monday).code == 0
    assert staff("explain", "alice", "--at", sunday).code == 1


def test_who_asks_is_named_or_found(staff):
    staff("client", "add", "vpn2", "198.51.100.0/24", "--secret", "0123456789abcdef")
    client = lambda *options: staff("explain", "alice", "--json", *options).json()["client"]  # noqa: E731
    assert client("NAS-IP-Address=198.51.100.7") == "vpn2"
    assert client("--client", "vpn1") == "vpn1"
    assert client() == "(any client)"
    assert staff("explain", "alice", "--client", "vpn3").code == 2


def test_nothing_is_written(staff, sql):
    staff("explain", "alice", "User-Password=wonderland")
    assert sql("SELECT count(*) FROM radpostauth") == [(0,)]
    assert sql("SELECT count(*) FROM radiusd.auth_log") == [(0,)]
