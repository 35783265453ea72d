import pytest

from radiusd.decide.engine import Engine
from radiusd.decide.outcome import Drop, Record, Reply
from radiusd.protocol import attribute_types as types
from radiusd.protocol import codes
from radiusd.protocol.authenticator import Secret
from radiusd.protocol.encode import attribute, request
from radiusd.protocol.packet import decode
from tests.decide.requests import AUTHENTICATOR, HOST, NOW, SECRET, access_request, accounting_request, make_snapshot


def handle(engine, data, service="auth", host=HOST, port=50000, now=NOW):
    return engine.handle(service, data, host, port, now)


def answered(outcome, authenticator=AUTHENTICATOR):
    assert isinstance(outcome, Reply)
    packet = decode(outcome.data)
    assert SECRET.response_ok(packet.raw, authenticator)
    return packet


def test_the_right_password_is_accepted_with_the_groups_timeouts(engine):
    outcome = handle(engine, access_request("alice", password=b"password"))
    packet = answered(outcome)
    assert packet.code == codes.ACCESS_ACCEPT
    assert outcome.delay == 0
    assert packet.first(types.SESSION_TIMEOUT) == (14400).to_bytes(4, "big")
    assert packet.first(types.IDLE_TIMEOUT) == (600).to_bytes(4, "big")
    assert packet.first(types.ACCT_INTERIM_INTERVAL) == (300).to_bytes(4, "big")
    login = outcome.login
    assert (login.user_name, login.client, login.outcome, login.method) == ("alice", "vpn1", "accept", "pap")
    assert login.groups == "staff"


def test_message_authenticator_stands_first_and_fits_in_accept_and_reject(engine):
    for number, password in enumerate((b"password", b"wrong")):
        packet = answered(handle(engine, access_request("alice", password=password, identifier=number)))
        assert packet.message_authenticator_at == 22
        assert SECRET.message_authenticator_ok(packet.raw, 22, AUTHENTICATOR)


def test_a_wrong_password_is_rejected_after_the_delay(engine):
    outcome = handle(engine, access_request("alice", password=b"wrong"))
    assert answered(outcome).code == codes.ACCESS_REJECT
    assert outcome.delay == 1.0
    assert (outcome.reason, outcome.login.reason) == ("wrong-password", "wrong-password")


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        ("nobody", "user-unknown"),
        ("blocked", "auth-type-reject"),
        ("expired", "expired"),
        ("broken", "bad-row"),
        ("crypted", "password-form-not-supported"),
        ("groupless", "no-known-password"),
    ],
)
def test_every_refusal_has_its_reason_and_looks_alike(engine, user, reason):
    outcome = handle(engine, access_request(user, password=b"password"))
    packet = answered(outcome)
    assert packet.code == codes.ACCESS_REJECT
    assert outcome.reason == reason
    assert [key for key, _ in packet.attributes] == [types.MESSAGE_AUTHENTICATOR]
    assert outcome.delay == 1.0


def test_auth_type_accept_asks_for_no_password(engine):
    assert answered(handle(engine, access_request("open"))).code == codes.ACCESS_ACCEPT


def test_a_request_without_credentials_or_name_is_rejected(engine):
    assert handle(engine, access_request("alice")).reason == "no-credentials"
    assert handle(engine, access_request("", identifier=2)).reason == "no-user-name"
    assert handle(engine, access_request(b"\xff\xfe", identifier=3)).reason == "user-name-not-utf8"


def test_proxy_states_come_back_in_order_at_the_end(engine):
    states = [(types.PROXY_STATE, b"first"), (types.PROXY_STATE, b"second")]
    packet = answered(handle(engine, access_request("alice", *states, password=b"password")))
    assert packet.attributes[-2:] == states


@pytest.mark.parametrize(
    ("name", "password"),
    [("CORP\\alice", b"password"), ("alice@example.org", b"password"), ("CORP\\alice@example.org", b"password")],
)
def test_domain_and_realm_are_stripped_when_nobody_has_the_whole_name(engine, name, password):
    assert answered(handle(engine, access_request(name, password=password))).code == codes.ACCESS_ACCEPT


def test_the_whole_name_goes_before_the_bare_one(engine):
    whole, bare = (
        handle(engine, access_request("dom\\carol", password=p, identifier=p[0])) for p in (b"whole", b"bare")
    )
    assert answered(whole).code == codes.ACCESS_ACCEPT
    assert answered(bare).code == codes.ACCESS_REJECT


def test_a_client_may_forbid_stripping(dictionary):
    engine = Engine(reject_delay=0.0, cleanup_delay=5.0, random_octets=bytes)
    engine.use(make_snapshot(dictionary, strip_user_name=False))
    assert handle(engine, access_request("CORP\\alice", password=b"password")).reason == "user-unknown"


def test_tunnel_password_is_hidden_behind_its_tag(engine):
    from radiusd.protocol import hiding

    packet = answered(handle(engine, access_request("tunnel", password=b"password")))
    assert packet.first(types.TUNNEL_TYPE) == b"\x01\x00\x00\x03"
    value = packet.first(types.TUNNEL_PASSWORD)
    assert value[0] == 1
    assert hiding.salt_decrypt(value[1:], SECRET, AUTHENTICATOR) == b"opensesame"


def test_reply_messages_never_outgrow_pppds_buffer(engine):
    for number, password in enumerate((b"password", b"wrong")):
        packet = answered(handle(engine, access_request("chatty", password=password, identifier=number)))
        messages = packet.all(types.REPLY_MESSAGE)
        assert messages == [str(digit).encode() * 200 for digit in range(5)]


def test_a_retransmission_gets_the_same_bytes_and_a_new_authenticator_a_new_answer(engine):
    data = access_request("alice", password=b"password")
    first = handle(engine, data)
    engine.answered(first.key, first.data, NOW)
    again = handle(engine, data, now=NOW + 2)
    assert (again.data, again.reason, again.login) == (first.data, "duplicate", None)
    other = handle(engine, access_request("alice", password=b"password", authenticator=bytes(16)))
    assert other.reason == "access-accept"
    assert other.data != first.data


def test_while_the_answer_waits_a_retransmission_is_silent(engine):
    data = access_request("alice", password=b"wrong")
    handle(engine, data)
    assert handle(engine, data, now=NOW + 0.5) == Drop("duplicate-pending", "vpn1")


def test_a_forged_request_does_not_displace_the_real_one(engine):
    real = access_request("alice", password=b"password")
    forged = real[:22] + bytes(16) + real[38:]
    assert handle(engine, forged) == Drop("message-authenticator-wrong", "vpn1")
    assert answered(handle(engine, real)).code == codes.ACCESS_ACCEPT


def test_unknown_client_wrong_port_and_wrong_signatures_are_silent(engine):
    data = access_request("alice", password=b"password")
    assert handle(engine, data, host="198.51.100.1") == Drop("unknown-client", "")
    assert handle(engine, data, service="acct") == Drop("wrong-code", "vpn1")
    assert handle(engine, accounting_request("alice", 1)) == Drop("wrong-code", "vpn1")
    wrong = accounting_request("alice", 1, secret=Secret(b"other"))
    assert handle(engine, wrong, service="acct") == Drop("request-authenticator-wrong", "vpn1")
    reply = b"\x02" + data[1:]
    assert handle(engine, reply) == Drop("wrong-code", "vpn1")
    assert handle(engine, data[:-1]) == Drop("length-over-datagram", "vpn1")


def test_before_the_first_policy_there_is_silence():
    engine = Engine(reject_delay=1.0, cleanup_delay=5.0, random_octets=bytes)
    assert handle(engine, access_request("alice", password=b"password")) == Drop("policy-not-loaded", "")


@pytest.mark.parametrize(("policy", "served"), [("auto", True), ("no", True), ("yes", False)])
def test_unsigned_requests_are_served_unless_the_client_must_sign(dictionary, policy, served):
    engine = Engine(reject_delay=1.0, cleanup_delay=5.0, random_octets=bytes)
    engine.use(make_snapshot(dictionary, require_message_authenticator=policy))
    outcome = handle(engine, access_request("alice", password=b"password", signed=False))
    assert isinstance(outcome, Reply) is served
    if not served:
        assert outcome == Drop("message-authenticator-missing", "vpn1")


def test_eap_without_a_signature_is_dropped_and_with_one_is_refused(engine):
    eap = (types.EAP_MESSAGE, b"\x02\x01\x00\x05\x01")
    assert handle(engine, access_request("alice", eap, signed=False)) == Drop("message-authenticator-missing", "vpn1")
    assert handle(engine, access_request("alice", eap)).reason == "eap-not-supported"


def test_a_password_hidden_under_another_secret_is_named_in_the_log(engine):
    data = access_request("alice", password=b"password", secret=Secret(b"another"), signed=False)
    assert handle(engine, data).reason == "wrong-password-or-secret"


@pytest.mark.parametrize(("service", "code"), [("auth", codes.ACCESS_ACCEPT), ("acct", codes.ACCOUNTING_RESPONSE)])
def test_status_server_is_answered_on_both_ports_if_signed(engine, service, code):
    signed = request(codes.STATUS_SERVER, 9, SECRET, b"", authenticator=AUTHENTICATOR)
    packet = answered(handle(engine, signed, service=service))
    assert packet.code == code
    unsigned = request(codes.STATUS_SERVER, 10, SECRET, b"", authenticator=AUTHENTICATOR, message_authenticator=False)
    assert handle(engine, unsigned, service=service) == Drop("message-authenticator-missing", "vpn1")


def test_accounting_waits_for_the_commit(engine):
    data = accounting_request("alice", 1, (types.PROXY_STATE, b"p"))
    outcome = handle(engine, data, service="acct")
    assert isinstance(outcome, Record)
    packet = decode(outcome.reply)
    assert (packet.code, packet.attributes) == (codes.ACCOUNTING_RESPONSE, [(types.PROXY_STATE, b"p")])
    assert SECRET.response_ok(packet.raw, data[4:20])
    assert (outcome.record.interval_granted, outcome.record.group_name) == (300, "staff")
    assert handle(engine, data, service="acct") == Drop("duplicate-pending", "vpn1")
    engine.unanswered(outcome.key)
    assert isinstance(handle(engine, data, service="acct"), Record)
    engine.answered(outcome.key, outcome.reply, NOW)
    assert handle(engine, data, service="acct") == Reply(outcome.reply, 0.0, "duplicate", None, None)


def test_a_granted_interval_is_asked_at_the_start_only(engine):
    outcome = handle(engine, accounting_request("alice", 3), service="acct")
    assert (outcome.record.interval_granted, outcome.record.group_name) == (None, "staff")


def test_accounting_without_a_known_status_is_answered_and_forgotten(engine):
    body = attribute(types.USER_NAME, b"alice")
    outcome = handle(engine, request(codes.ACCOUNTING_REQUEST, 5, SECRET, body, message_authenticator=False), "acct")
    assert (type(outcome), outcome.reason) == (Reply, "accounting-without-row")


def test_a_signed_accounting_request_is_checked(engine):
    data = accounting_request("alice", 1, signed=True)
    assert isinstance(handle(engine, data, service="acct"), Record)


def test_what_cannot_be_granted_whole_is_not_granted(engine):
    states = [(types.PROXY_STATE, b"x" * 253)] * 15
    outcome = handle(engine, access_request("chatty", *states, password=b"password"))
    assert answered(outcome).code == codes.ACCESS_REJECT
    assert (outcome.reason, outcome.login.outcome) == ("reply-too-long", "reject")


@pytest.mark.parametrize(
    ("auth_type", "methods"),
    [
        ("PAP", {"pap"}),
        ("CHAP", {"chap"}),
        ("MS-CHAP", {"mschap", "mschapv2"}),
        ("EAP", set()),
        ("Local", set()),
        ("System", set()),
        (None, {"pap", "chap", "mschap", "mschapv2"}),
    ],
)
def test_an_auth_type_leaves_its_own_method_only(auth_type, methods):
    from radiusd.decide.credentials import allows

    assert {method for method in ("pap", "chap", "mschap", "mschapv2") if allows(auth_type, method)} == methods


def test_an_auth_type_that_the_request_does_not_fit_is_refused(engine):
    assert handle(engine, access_request("mschaponly", password=b"password")).reason == "auth-type-mismatch"


def test_the_two_ports_do_not_share_their_answers(engine):
    data = request(codes.STATUS_SERVER, 9, SECRET, b"", authenticator=AUTHENTICATOR)
    first = handle(engine, data, service="auth")
    engine.answered(first.key, first.data, NOW)
    assert decode(handle(engine, data, service="acct").data).code == codes.ACCOUNTING_RESPONSE
