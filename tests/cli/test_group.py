import pytest


def test_the_example_of_the_reference_works_as_written(cli, sql):
    made = cli(
        "group", "add", "staff", "--session-timeout", "4h", "--idle-timeout", "10m", "--interim-interval", "5m",
        "--simultaneous-use", "1",
    )  # fmt: skip
    assert made == (0, "group staff added\n", "")
    assert sql("SELECT attribute, value FROM radgroupreply ORDER BY attribute") == [
        ("Acct-Interim-Interval", "300"),
        ("Idle-Timeout", "600"),
        ("Session-Timeout", "14400"),
    ]
    assert sql("SELECT attribute, op, value FROM radgroupcheck") == [("Simultaneous-Use", ":=", "1")]


def test_all_fields_of_a_policy_can_be_given_and_are_shown(cli):
    cli(
        "group", "add", "all", "--login-time", "Wk0800-1800", "--max-daily-session", "1h30m",
        "--max-weekly-session", "1d", "--max-monthly-session", "2d", "--max-all-session", "1w",
        "--max-monthly-bytes", "1000", "--framed-pool", "main",
        "--mppe", "required", "--mppe-bits", "128", "--dns", "192.0.2.53", "--dns", "192.0.2.54", "--fall-through",
        "--check", "NAS-Port-Type == Virtual", "--reply", "Framed-Route += 192.0.2.0/24 0.0.0.0 1",
    )  # fmt: skip
    shown = cli("group", "show", "all", "--json").json()
    assert shown["max_daily_session"] == 5400
    assert shown["login_time"] == "Wk0800-1800"
    assert (shown["mppe"], shown["mppe_bits"]) == ("required", [128])
    assert shown["dns"] == ["192.0.2.53", "192.0.2.54"]
    assert shown["fall_through"] is True
    assert shown["check"] == [{"attribute": "NAS-Port-Type", "op": "==", "value": "Virtual"}]
    assert shown["reply"] == [{"attribute": "Framed-Route", "op": "+=", "value": "192.0.2.0/24 0.0.0.0 1"}]
    text = cli("group", "show", "all").out
    assert "1h30m" in text
    assert "Framed-Route" in text


def test_set_changes_what_is_named_and_clear_takes_it_away(cli):
    cli("group", "add", "staff", "--session-timeout", "4h", "--idle-timeout", "10m")
    changed = cli("group", "set", "staff", "--session-timeout", "8h", "--clear", "idle-timeout", "--json").json()
    assert (changed["session_timeout"], changed["idle_timeout"]) == (28800, None)


def test_the_list_is_a_table_or_json(cli):
    cli("group", "add", "b", "--session-timeout", "4h")
    cli("group", "add", "a", "--session-timeout", "90s")
    table = cli("group", "list").out.splitlines()
    assert [line.split()[0] for line in table] == ["name", "a", "b"]
    assert "1m30s" in table[1]
    assert [group["name"] for group in cli("group", "list", "--json").json()] == ["a", "b"]
    assert [group["name"] for group in cli("group", "list", "-q", "b", "--json").json()] == ["b"]


def test_what_is_there_already_or_not_there_is_exit_code_1(cli):
    cli("group", "add", "staff", "--session-timeout", "4h")
    again = cli("group", "add", "staff", "--session-timeout", "4h")
    assert again.code == 1
    assert "staff" in again.err
    for command in ("show", "rm"):
        assert cli("group", command, "nobody").code == 1
    assert cli("group", "set", "nobody", "--session-timeout", "1").code == 1


def test_a_bad_row_is_refused_and_named(cli, sql):
    told = cli("group", "add", "staff", "--reply", "No-Such-Attribute := 1")
    assert told.code == 2
    assert "reply[0].attribute" in told.err
    assert "No-Such-Attribute" in told.err
    assert sql("SELECT count(*) FROM radgroupreply") == [(0,)]


def test_a_group_with_members_stays_unless_they_may_go_too(cli, sql):
    cli("group", "add", "staff", "--session-timeout", "4h")
    cli("user", "add", "alice", "--group", "staff", "--password", "hello")
    assert cli("group", "rm", "staff").code == 1
    assert cli("group", "rm", "staff", "--with-members").out == "group staff removed\n"
    assert sql("SELECT count(*) FROM radusergroup") == [(0,)]


@pytest.mark.parametrize("option", ["--idle-timeout=-1", "--simultaneous-use=-1", "--mppe-bits=56", "--dns=nowhere"])
def test_a_value_out_of_bounds_is_a_mistake_in_usage(cli, option):
    assert cli("group", "add", "staff", option).code == 2


def test_a_refused_field_is_named_as_the_option_is(cli):
    told = cli("group", "add", "staff", "--login-time", "Xx0800")
    assert told.code == 2
    assert told.err.startswith("radiusd: login-time: 'Xx0800' ")
    assert told.err.endswith("(see `radiusd group add --help`)\n")


def test_nothing_to_change_is_a_mistake_in_usage(cli):
    cli("group", "add", "staff")
    told = cli("group", "set", "staff")
    assert told == (2, "", "radiusd: nothing to change: give at least one option (see `radiusd group set --help`)\n")
