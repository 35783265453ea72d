"""Expiration, Login-Time and the passwords of a finished control list."""

import time

import pytest

PASSWORD = ("Cleartext-Password", ":=", "pw")
# Friday, 12:30:40 local time.
NOW = time.mktime((2024, 3, 15, 12, 30, 40, 0, 0, -1))
AT = int(NOW)


def timeouts(decision):
    return [int.from_bytes(value, "big") for attribute, value in decision.reply if attribute.name == "Session-Timeout"]


@pytest.mark.parametrize(
    ("control", "reply", "expected"),
    [
        ([("Expiration", ":=", str(AT + 1000))], [], [1000]),
        ([("Expiration", "=", str(AT + 1000))], [], [1000]),
        ([("Expiration", "==", str(AT + 1000))], [], []),
        ([("Expiration", ":=", str(AT + 1000)), ("Expiration", ":=", str(AT + 500))], [], [1000]),
        ([("Expiration", ":=", str(AT + 1000))], ["300"], [300]),
        ([("Expiration", ":=", str(AT + 1000))], ["3000", "2000"], [1000, 2000]),
        ([("Login-Time", ":=", "Fr1200-1239")], [], [600]),
        ([("Login-Time", ":=", "Fr1200-1239")], ["60"], [60]),
        ([("Login-Time", ":=", "Any")], ["60"], [60]),
        ([("Login-Time", ":=", "Any")], [], []),
        ([("Login-Time", ":=", "Fr1200-1239"), ("Expiration", ":=", str(AT + 90))], ["900"], [90]),
        ([("Login-Time", ":=", "Fr1200-1239"), ("Expiration", ":=", str(AT + 9000))], ["900"], [600]),
    ],
)
def test_the_session_is_bounded_by_the_least(policy, control, reply, expected):
    made = policy(check=[PASSWORD, *control], reply=[("Session-Timeout", "+=", value) for value in reply])
    decision = made.decide(now=NOW)
    assert decision.rejected is None
    assert timeouts(decision) == expected
    assert decision.session_timeout == (expected[0] if expected else None)
    assert decision.reply_wire is not None
    assert decision.reply_wire.count(b"\x1b\x06") == len(expected)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("Expiration", ":=", str(AT)), "expired"),
        (("Expiration", ":=", "1 Jan 2020"), "expired"),
        (("Expiration", ":=", "2020-01-01"), "expired"),
        (("Expiration", "==", "1 Jan 2020"), "check-mismatch"),
        (("Login-Time", ":=", "Sa,Su"), "outside-login-time"),
        (("Login-Time", ":=", "Never"), "outside-login-time"),
    ],
)
def test_refused_by_the_clock(policy, row, reason):
    decision = policy(check=[PASSWORD, row], reply=[("Reply-Message", "=", "hi")]).decide(now=NOW)
    assert decision.rejected == reason
    assert decision.rule == "radcheck 2"


def test_the_rejecting_auth_type_counts_among_several(policy):
    rows = [("Auth-Type", ":=", value) for value in ("Accept", "Reject", "PAP")]
    decision = policy(check=[PASSWORD, *rows, ("Expiration", ":=", "1 Jan 2020")]).decide(now=NOW)
    assert decision.rejected == "auth-type-reject"
    assert decision.rule == "radcheck 3"


def test_otherwise_the_last_auth_type_counts(policy):
    rows = [("Auth-Type", ":=", value) for value in ("Accept", "PAP")]
    assert policy(check=[PASSWORD, *rows]).decide().auth_type == "PAP"


def test_passwords_of_every_kind(policy):
    digest = "8846f7eaee8fb117ad06bdd830b7586c"
    decision = policy(
        check=[
            PASSWORD,
            ("NT-Password", ":=", digest),
            ("NT-Password", "+=", "0x" + digest),
            ("Crypt-Password", ":=", "x"),
        ]
    ).decide()
    assert decision.passwords == (b"pw",)
    assert decision.nt_hashes == (bytes.fromhex(digest),) * 2
    assert decision.unsupported == ("Crypt-Password",)


def test_other_control_items_are_kept_by_key(policy, dictionary):
    decision = policy(check=[PASSWORD, ("Simultaneous-Use", ":=", "2"), ("Pool-Name", ":=", "main")]).decide()
    assert decision.control == {
        dictionary.named("Simultaneous-Use").key: (b"\0\0\0\2",),
        dictionary.named("Pool-Name").key: (b"main",),
    }


def test_mppe_rows_are_exposed(policy):
    reply = [("MS-MPPE-Encryption-Policy", ":=", "2"), ("MS-MPPE-Encryption-Types", ":=", "4")]
    decision = policy(group_reply=[("g", *row) for row in reply], members=[("u", "g", 1)]).decide()
    assert (decision.mppe_policy, decision.mppe_types) == (b"\0\0\0\2", b"\0\0\0\4")
    assert policy().decide().mppe_policy is None


def test_users_of_one_group_share_its_encoded_reply(policy):
    made = policy(
        check=[("a", *PASSWORD), ("b", *PASSWORD)],
        group_reply=[("g", "Session-Timeout", ":=", "60")],
        members=[("a", "g", 1), ("b", "g", 1)],
    )
    assert made.decide(name="a").reply_wire is made.decide(name="b").reply_wire
    assert made.decide(name="a").reply is made.decide(name="b").reply
