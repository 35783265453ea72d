from radiusd.policy.decision import NO_REPLY, UNKNOWN, Decision


def test_a_fresh_decision_refuses_nothing_and_sends_nothing():
    decision = Decision(known=True)
    assert decision.rejected is None
    assert decision.reply is NO_REPLY
    assert decision.reply_wire == b""
    assert not decision.lasting


def test_an_unknown_user_is_refused():
    assert UNKNOWN.rejected == "user-unknown"
    assert not UNKNOWN.known


def test_a_decision_is_printed_without_its_passwords():
    decision = Decision(known=True, rule="radcheck 1")
    decision.passwords = (b"hunter2",)
    assert "radcheck 1" in repr(decision)
    assert "hunter2" not in repr(decision)
