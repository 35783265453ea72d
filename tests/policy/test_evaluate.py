"""Users, groups and profiles, as FreeRADIUS 3.2.1 walks through the same rows."""

import pytest

PASSWORD = ("Cleartext-Password", ":=", "pw")
WRONG_PORT = ("NAS-Port", "==", "9")
TWO_GROUPS = [("u", "g1", 1), ("u", "g2", 2)]
MESSAGES = [("g1", "Reply-Message", "+=", "1"), ("g2", "Reply-Message", "+=", "2")]


def falls(group, value):
    return (group, "Fall-Through", "=", value)


@pytest.fixture
def messages(replied):
    return lambda decision: "".join(line.removeprefix("Reply-Message ") for line in replied(decision))


def test_a_user_with_a_password(policy, replied):
    decision = policy(reply=[("Session-Timeout", "=", "60"), ("Reply-Message", "=", "hi")]).decide()
    assert decision.known
    assert decision.rejected is None
    assert decision.passwords == (b"pw",)
    assert decision.rule == "radcheck 1"
    assert replied(decision) == ["Session-Timeout 60", "Reply-Message hi"]
    assert decision.reply_wire == bytes((27, 6, 0, 0, 0, 60, 18, 4)) + b"hi"
    assert decision.session_timeout == 60
    assert decision.lasting


def test_an_unknown_user(policy):
    decision = policy().decide(name="nobody")
    assert not decision.known
    assert decision.rejected == "user-unknown"


def test_names_are_case_sensitive(policy):
    assert not policy().decide(name="U").known


def test_a_password_that_is_compared_never_authenticates_and_the_decision_says_so(policy):
    for op in ("==", "=", "!=", ">=", "-="):
        decision = policy(check=[("Cleartext-Password", op, "pw")]).decide(password=b"pw")
        assert decision.passwords == ()
        assert decision.rejected == "check-mismatch"
        assert "never authenticates" in decision.notes[0]
        assert decision.rule == "radcheck 1"


def test_appended_passwords_are_all_known_in_their_order(policy):
    decision = policy(check=[("Cleartext-Password", ":=", "one"), ("Cleartext-Password", ":=", "two")]).decide()
    assert decision.passwords == (b"one", b"two")


@pytest.mark.parametrize(("given", "matched"), [(b"pw", True), (b"no", False), (None, True)])
def test_user_password_is_compared_only_when_the_request_has_one(policy, given, matched):
    decision = policy(check=[PASSWORD, ("User-Password", "==", "pw")]).decide(password=given)
    assert (decision.rejected is None) is matched
    assert not decision.lasting


def test_reply_rows_need_matching_check_rows(policy, messages):
    hello = [("Reply-Message", "=", "mine")]
    groups = {"group_check": [("g1", *PASSWORD)], "group_reply": MESSAGES, "members": TWO_GROUPS}
    mismatch = policy(check=[PASSWORD, WRONG_PORT], reply=[*hello, ("Fall-Through", "=", "No")], **groups).decide()
    assert messages(mismatch) == "1"
    assert mismatch.passwords == (b"pw",)
    without = policy(check=[], reply=hello, **groups).decide()
    assert messages(without) == "1"
    assert "radreply is not read" in without.notes[0]


def test_a_mismatch_with_no_password_left_names_the_row(policy):
    decision = policy(check=[PASSWORD, WRONG_PORT]).decide([("NAS-Port", "7")])
    assert decision.rejected == "check-mismatch"
    assert decision.rule == "radcheck 2"


@pytest.mark.parametrize(
    ("group_check", "group_reply", "expected"),
    [
        ([], MESSAGES, "1"),
        ([], [falls("g1", "Yes"), *MESSAGES], "12"),
        ([], [falls("g1", "No"), *MESSAGES], "1"),
        ([], MESSAGES[1:], ""),
        ([("g1", "Simultaneous-Use", ":=", "1")], MESSAGES[1:], ""),
        ([("g1", *WRONG_PORT)], MESSAGES, "2"),
        ([("g1", *WRONG_PORT), ("g2", *WRONG_PORT)], MESSAGES, ""),
        ([("g1", "SQL-Group", "==", "g2")], MESSAGES, "1"),
        ([("g1", "SQL-Group", "==", "g3")], MESSAGES, "2"),
        ([("g2", "Nonsense", ":=", "9")], MESSAGES, "1"),
        ([("g1", *WRONG_PORT)], [("g1", "Nonsense", ":=", "9"), *MESSAGES], "2"),
    ],
)
def test_the_first_group_that_matches_ends_the_search_unless_it_falls_through(
    policy, messages, group_check, group_reply, expected
):
    decision = policy(group_check=group_check, group_reply=group_reply, members=TWO_GROUPS).decide()
    assert decision.rejected is None
    assert messages(decision) == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("=", "No")], ""),
        ([("=", "Yes")], "1"),
        ([("=", "Yes"), ("=", "No")], "1"),
        ([("+=", "1")], "1"),
        ([("==", "No")], ""),
    ],
)
def test_a_users_fall_through(policy, messages, rows, expected):
    reply = [("Fall-Through", op, value) for op, value in rows]
    assert messages(policy(reply=reply, group_reply=MESSAGES, members=TWO_GROUPS).decide()) == expected


def test_groups_by_priority_then_name(policy):
    members = [("u", "c", 1), ("u", "b", 2), ("u", "a", 2), ("u", "d", 0)]
    reply = [falls(group, "Yes") for group in "abcd"]
    assert policy(group_reply=reply, members=members).decide().groups == ("d", "c", "a", "b")


def test_a_group_met_twice_is_applied_twice(policy, messages):
    members = [("u", "g1", 1), ("u", "g1", 2), ("u", "g2", 3)]
    assert messages(policy(group_reply=[falls("g1", "Yes"), *MESSAGES], members=members).decide()) == "112"


def test_the_group_is_the_rule_that_decides(policy):
    decision = policy(group_reply=MESSAGES, members=TWO_GROUPS).decide()
    assert decision.rule == "group g1"
    assert decision.groups == ("g1",)


def test_a_group_may_give_the_password(policy):
    decision = policy(check=[], group_check=[("g1", *PASSWORD)], members=TWO_GROUPS).decide()
    assert decision.passwords == (b"pw",)


@pytest.mark.parametrize(
    ("group_reply", "expected"), [([], "1p"), ([falls("g1", "No")], "1"), ([falls("g1", "Yes")], "1p")]
)
def test_a_profile_is_read_after_the_groups(policy, messages, group_reply, expected):
    rows = [*MESSAGES[:1], ("gp", "Reply-Message", "+=", "p"), *group_reply]
    members = [("u", "g1", 1), ("prof", "gp", 1)]
    decision = policy(check=[PASSWORD, ("User-Profile", ":=", "prof")], group_reply=rows, members=members).decide()
    assert messages(decision) == expected


def test_a_profile_may_come_from_a_group_and_does_not_change_membership(policy, messages):
    rows = {
        "group_check": [("g1", "User-Profile", ":=", "prof"), ("gp", "SQL-Group", "==", "g1")],
        "group_reply": [*MESSAGES[:1], ("gp", "Reply-Message", "+=", "p")],
        "members": [("u", "g1", 1), ("prof", "gp", 1)],
    }
    assert messages(policy(**rows).decide()) == "1p"
    rows["group_check"][1] = ("gp", "SQL-Group", "==", "gp")
    assert messages(policy(**rows).decide()) == "1"


@pytest.mark.parametrize(
    "rows",
    [
        {"check": [PASSWORD, ("Nonsense", ":=", "1")]},
        {"check": [PASSWORD, ("NAS-Port", "==", "x")]},
        {"check": [PASSWORD, ("NAS-Port", "<>", "7")]},
        {"check": [PASSWORD, ("NAS-Identifier", "=~", "n[")]},
        {"reply": [("Session-Timeout", "=", "soon")]},
        {"group_check": [("g1", "Nonsense", ":=", "1")]},
        {"group_reply": [("g1", "Framed-IP-Address", ":=", "500.1.1.1")]},
    ],
)
def test_a_bad_row_in_a_list_that_is_read_rejects(policy, rows):
    made = policy(**{"members": TWO_GROUPS, **rows})
    decision = made.decide()
    assert decision.rejected == "bad-row"
    (problem,) = made.snapshot.problems
    assert problem.rejects
    assert decision.rule == f"{problem.table} {problem.row_id}"
    assert decision.notes[-1].startswith(decision.rule)


@pytest.mark.parametrize("op", [":=", "=", "+=", ">="])
def test_auth_type_reject(policy, op, messages):
    decision = policy(check=[PASSWORD, ("Auth-Type", op, "Reject")], reply=[("Reply-Message", "=", "no")]).decide()
    assert decision.rejected == "auth-type-reject"
    assert decision.rule == "radcheck 2"
    assert messages(decision) == "no"


def test_auth_type_accept_needs_no_password(policy):
    decision = policy(check=[("Auth-Type", ":=", "Accept")]).decide()
    assert decision.auth_type == "Accept"
    assert decision.rejected is None


def test_auth_type_compared_has_no_effect(policy):
    decision = policy(check=[PASSWORD, ("Auth-Type", "==", "Reject")]).decide()
    assert decision.auth_type is None
    assert "sets nothing" in decision.notes[0]


def test_a_group_replaces_the_users_auth_type(policy):
    decision = policy(
        check=[PASSWORD, ("Auth-Type", ":=", "Reject")],
        group_check=[("g1", "Auth-Type", ":=", "Accept")],
        members=TWO_GROUPS,
    ).decide()
    assert decision.auth_type == "Accept"
    assert decision.rule == "radgroupcheck 1"


def test_the_packets_source_stands_in_for_a_missing_nas_address(policy):
    made = policy(check=[PASSWORD, ("NAS-IP-Address", "==", "192.0.2.7")])
    assert made.decide(host="192.0.2.7").rejected is None
    assert made.decide(host="192.0.2.8").rejected == "check-mismatch"
    assert made.decide([("NAS-IP-Address", "192.0.2.7")], host="192.0.2.8").rejected is None
    assert made.decide(host="2001:db8::1").rejected == "check-mismatch"
    assert policy(check=[PASSWORD, ("Client-IP-Address", "==", "192.0.2.7")]).decide(host="192.0.2.7").rejected is None


def test_internal_attributes_are_never_in_a_request(policy):
    decision = policy(check=[PASSWORD, ("Stripped-User-Name", "==", "u")]).decide()
    assert decision.rejected == "check-mismatch"
    assert decision.lasting


def test_event_timestamp_is_now_where_the_nas_says_nothing(policy, noon):
    made = policy(check=[PASSWORD, ("Event-Timestamp", "<=", str(int(noon)))])
    assert made.decide(now=noon).rejected is None
    assert made.decide(now=noon + 60).rejected == "check-mismatch"


def test_values_in_back_quotes_are_filled_in_from_the_request(policy, replied):
    made = policy(reply=[("Reply-Message", "=", "`hi %{User-Name}`"), ("Session-Timeout", "=", "`%{NAS-Port}`")])
    decision = made.decide([("NAS-Port", "7")])
    assert replied(decision) == ["Reply-Message hi u", "Session-Timeout 7"]
    assert decision.session_timeout == 7
    assert not decision.lasting
    without = made.decide()
    assert replied(without) == ["Reply-Message hi u", "Session-Timeout 0"]


def test_an_expansion_that_does_not_fit_is_left_out(policy, replied):
    decision = policy(reply=[("Session-Timeout", "=", "`%{NAS-Identifier}`")]).decide([("NAS-Identifier", "x")])
    assert replied(decision) == []
    assert "cannot be used" in decision.notes[0]


def test_a_compared_expansion(policy):
    made = policy(check=[PASSWORD, ("NAS-Identifier", "==", "`%{User-Name}`")])
    assert made.decide([("NAS-Identifier", "u")]).rejected is None
    assert made.decide([("NAS-Identifier", "v")]).rejected == "check-mismatch"


def test_what_never_travels_is_dropped_with_a_note(policy, replied):
    rows = [("Simultaneous-Use", ":=", "1"), ("Cleartext-Password", ":=", "x"), ("Auth-Type", ":=", "Reject")]
    decision = policy(reply=[*rows, ("Fall-Through", "=", "Yes"), ("Session-Timeout", "=", "5")]).decide()
    assert replied(decision) == ["Session-Timeout 5"]
    assert decision.rejected is None
    assert len(decision.notes) == 3
    assert decision.notes[0].startswith("Simultaneous-Use is no reply attribute")


def test_a_decision_is_made_once_when_neither_request_nor_time_plays_a_part(policy):
    made = policy(group_reply=MESSAGES, members=TWO_GROUPS)
    assert made.decide() is made.decide([("NAS-Port", "1")])
    depending = policy(group_check=[("g1", "NAS-Port", "!=", "3")], group_reply=MESSAGES, members=TWO_GROUPS)
    assert depending.decide([("NAS-Port", "1")]).groups == ("g1",)
    assert depending.decide([("NAS-Port", "3")]).groups == ("g2",)


@pytest.mark.parametrize(
    "row",
    [
        ("NAS-Port", "!*", ""),
        ("Packet-Type", "==", "Access-Request"),
        ("Prefix", "==", "u"),
        ("Current-Time", "==", "Any"),
        ("Time-Of-Day", ">", "00:00"),
        ("Expiration", ":=", "1 Jan 2090"),
        ("Login-Time", ":=", "Any"),
        ("Client-IP-Address", "!=", "0.0.0.1"),
    ],
)
def test_what_depends_on_request_or_time_is_not_remembered(policy, row):
    made = policy(check=[PASSWORD, row])
    first = made.decide()
    assert first.rejected is None
    assert not first.lasting
    assert made.decide() is not first


def test_the_trace_tells_each_row_and_no_password(policy):
    made = policy(
        check=[("Cleartext-Password", ":=", "hunter2"), ("NAS-Port", "==", "7")],
        reply=[("Tunnel-Password", "=", "hunter3")],
        group_check=[("g1", *WRONG_PORT)],
        group_reply=MESSAGES,
        members=TWO_GROUPS,
    )
    story = made.story(("NAS-Port", "7"))
    assert "hunter" not in story
    for line in (
        "radcheck 2: NAS-Port == 7: matches",
        "radgroupcheck 1: NAS-Port == 9: does not match",
        "group 'g2' matches",
        "reply: Reply-Message = 2",
        "reply: Tunnel-Password = (hidden)",
        "the policy lets the user in, by group g2",
    ):
        assert line in story
    assert "user-unknown" not in story
    assert "no row of any table names the user 'x'" in made.story(name="x")
    assert "rejected: auth-type-reject by radcheck 1" in policy(check=[("Auth-Type", ":=", "Reject")]).story()
