import os

import pytest

from radiusd.decide.explain import explain
from radiusd.errors import PolicyError
from tests.decide.requests import HOST, NOW


def ask(snapshot, *attributes):
    return explain(snapshot, snapshot.clients[0], HOST, attributes, NOW, os.urandom)


def test_with_the_password_it_is_the_answer_of_the_wire(snapshot):
    told = ask(snapshot, ("User-Name", "alice"), ("User-Password", "password"))
    assert (told.outcome, told.rule, told.groups) == ("accept", "group staff", ("staff",))
    assert ("Session-Timeout", "14400") in told.reply
    assert any("'staff' matches" in step for step in told.steps)
    assert any("password fits" in step for step in told.steps)


def test_without_a_password_the_policy_is_told(snapshot):
    told = ask(snapshot, ("User-Name", "alice"))
    assert (told.outcome, told.reason, told.policy) == ("needs-password", "needs-password", "accept")
    assert ("Idle-Timeout", "600") in told.reply
    assert told.steps[-1] == "the question holds no password"


@pytest.mark.parametrize(
    ("user", "outcome", "reason", "policy"),
    [
        ("nthash", "needs-password", "needs-password", "accept"),
        ("open", "accept", "accept", "accept"),
        ("crypted", "reject", "password-form-not-supported", "reject"),
        ("groupless", "reject", "no-known-password", "reject"),
        ("blocked", "reject", "auth-type-reject", "reject"),
    ],
)
def test_without_a_password_only_a_user_who_has_one_lacks_it(snapshot, user, outcome, reason, policy):
    told = ask(snapshot, ("User-Name", user))
    assert (told.outcome, told.reason, told.policy) == (outcome, reason, policy)
    if reason in ("password-form-not-supported", "no-known-password"):
        assert told.steps[-1] == f"none would be right: {reason}"
        given = ask(snapshot, ("User-Name", user), ("User-Password", "guess"))
        assert (given.outcome, given.reason, given.policy) == (outcome, reason, policy)


def test_a_refusal_names_its_row(snapshot):
    told = ask(snapshot, ("User-Name", "blocked"), ("User-Password", "password"))
    assert (told.outcome, told.reason, told.policy) == ("reject", "auth-type-reject", "reject")
    assert told.rule == "radcheck 4"


def test_no_password_is_shown(snapshot):
    told = ask(snapshot, ("User-Name", "tunnel"), ("User-Password", "password"))
    assert ("Tunnel-Password", "(hidden)") in told.reply
    everything = repr(told)
    assert "opensesame" not in everything
    assert "'password'" not in everything


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("No-Such", "1", "No-Such"),
        ("Cleartext-Password", "x", "never in a packet"),
        ("NAS-Port", "many", "NAS-Port"),
        ("Class", "0x" + "00" * 300, "too long"),
    ],
)
def test_what_cannot_be_asked_is_named(snapshot, name, value, words):
    with pytest.raises(PolicyError, match=words):
        ask(snapshot, ("User-Name", "alice"), (name, value))


def test_more_than_a_packet_holds_is_said(snapshot):
    with pytest.raises(PolicyError, match="4096"):
        ask(snapshot, *[("Proxy-State", "0x" + "00" * 250)] * 17)


def test_a_signature_of_ones_own_is_refused(snapshot):
    with pytest.raises(PolicyError, match="message-authenticator-twice"):
        ask(snapshot, ("User-Name", "alice"), ("Message-Authenticator", "0x" + "00" * 16))
