import pytest


@pytest.fixture
def staff(cli):
    cli("group", "add", "staff", "--session-timeout", "4h")
    return cli


def test_the_example_of_the_reference_works_as_written(staff, sql):
    made = staff("user", "add", "alice", "--group", "staff", "--password-stdin", stdin=b"wonder land\n")
    assert made == (0, "user alice added\n", "")
    assert sql("SELECT attribute, op, value FROM radcheck") == [("Cleartext-Password", ":=", "wonder land")]
    assert sql("SELECT username, groupname, priority FROM radusergroup") == [("alice", "staff", 1)]


def test_a_password_never_comes_out(staff):
    staff("user", "add", "alice", "--group", "staff", "--password-stdin", stdin=b"wonderland\n")
    for arguments in (["show", "alice"], ["show", "alice", "--json"], ["list"], ["list", "--json"]):
        told = staff("user", *arguments)
        assert told.code == 0
        assert "wonderland" not in told.out + told.err


def test_without_a_terminal_or_a_source_nothing_is_made(staff):
    told = staff("user", "add", "alice", "--group", "staff")
    assert told.code == 2
    assert "--password-stdin" in told.err
    assert staff("user", "list", "--json").json() == []


def test_an_account_s_fields_are_set_and_cleared(staff):
    staff("user", "add", "alice", "--no-password", "--group", "staff", "--static-ip", "192.0.2.9")
    changed = staff(
        "user", "set", "alice", "--disabled", "--expires-at", "2030-01-31T12:00:00Z", "--clear", "static-ip", "--json"
    ).json()
    assert changed["disabled"] is True
    assert changed["expires_at"].startswith("2030-01-31T12:00:00")
    assert changed["static_ip"] is None
    changed = staff("user", "set", "alice", "--enabled", "--clear", "expires-at", "--json").json()
    assert (changed["disabled"], changed["expires_at"]) == (False, None)


def test_groups_have_their_order_or_their_priority(staff):
    staff("group", "add", "late", "--idle-timeout", "5m")
    staff("user", "add", "alice", "--no-password", "--group", "late:9", "--group", "staff:2")
    assert staff("user", "show", "alice", "--json").json()["groups"] == [
        {"name": "staff", "priority": 2},
        {"name": "late", "priority": 9},
    ]
    assert "staff (priority 2)" in staff("user", "show", "alice").out
    assert staff("user", "set", "alice", "--group", "late", "--json").json()["groups"] == [
        {"name": "late", "priority": 1}
    ]


def test_a_password_is_changed_from_a_file(staff, sql, tmp_path):
    staff("user", "add", "alice", "--password", "old")
    file = tmp_path / "password"
    file.write_text("new\n")
    assert staff("user", "set", "alice", "--password-file", str(file)).code == 0
    assert sql("SELECT value FROM radcheck") == [("new",)]


def test_the_list_is_narrowed(staff):
    staff("user", "add", "alice", "--password", "x", "--group", "staff")
    staff("user", "add", "bob", "--password", "x", "--disabled")
    names = lambda *options: [user["username"] for user in staff("user", "list", "--json", *options).json()]  # noqa: E731
    assert names() == ["alice", "bob"]
    assert names("--group", "staff") == ["alice"]
    assert names("--disabled") == ["bob"]
    assert names("-q", "ALI") == ["alice"]


def test_who_changed_a_user_is_in_the_audit_log(staff, sql):
    staff("user", "add", "alice", "--password", "hush")
    ((actor, source, after),) = sql("SELECT actor, source, after::text FROM radiusd.audit WHERE name = 'alice'")
    assert actor.startswith("cli:")
    assert source == "cli"
    assert "hush" not in after


def test_an_unknown_group_is_refused_and_nothing_is_written(staff, sql):
    told = staff("user", "add", "alice", "--group", "stuff", "--password", "x")
    assert told.code == 2
    assert "stuff" in told.err
    assert sql("SELECT count(*) FROM radcheck") == [(0,)]


def test_a_user_is_removed(staff):
    staff("user", "add", "alice", "--password", "x")
    assert staff("user", "rm", "alice").out == "user alice removed\n"
    assert staff("user", "show", "alice").code == 1


def test_a_new_password_is_the_only_one(staff, sql):
    staff("user", "add", "alice", "--password", "old")
    sql("INSERT INTO radcheck (username, attribute, op, value) VALUES ('alice', 'NT-Password', ':=', 'x')")
    assert staff("user", "set", "alice", "--password-stdin", stdin=b"new\n").code == 0
    assert sql("SELECT attribute, value FROM radcheck") == [("Cleartext-Password", "new")]


def test_a_password_of_any_form_is_listed_and_cleared(staff, sql):
    sql("INSERT INTO radcheck (username, attribute, op, value) VALUES ('bob', 'Crypt-Password', ':=', 'x')")
    assert [user["has_password"] for user in staff("user", "list", "--json").json()] == [True]
    assert staff("user", "set", "bob", "--clear", "password", "--static-ip", "192.0.2.9").code == 0
    assert sql("SELECT attribute FROM radcheck") == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "bob", "--no-password"], "give a --group"),
        (["add", "bob", "--no-password", "--enabled"], "give a --group"),
        (["add", "bob", "--no-password", "--password", "x"], "--no-password and a password"),
        (["add", "bob", "--password", "x" * 129], "PAP carries at most 128"),
        (["add", "\u00e4" * 127, "--password", "x"], "253 octets"),
        (["set", "alice"], "nothing to change"),
    ],
)
def test_what_makes_or_changes_no_user_is_a_mistake_in_usage(staff, arguments, words):
    staff("user", "add", "alice", "--password", "x")
    told = staff("user", *arguments)
    assert (told.code, told.out) == (2, "")
    assert words in told.err
    assert told.err.endswith(f"(see `radiusd user {arguments[0]} --help`)\n")


def test_a_user_may_be_only_disabled(staff):
    assert staff("user", "add", "bob", "--no-password", "--disabled").code == 0


def test_a_time_without_zone_is_utc(staff, monkeypatch):
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    made = staff("user", "add", "alice", "--password", "x", "--expires-at", "2030-01-31T12:00:00", "--json").json()
    assert made["expires_at"] in ("2030-01-31T12:00:00Z", "2030-01-31T12:00:00+00:00")
