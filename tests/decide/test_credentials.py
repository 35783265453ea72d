import pytest

from radiusd.decide import credentials
from radiusd.decide.engine import Engine
from radiusd.protocol import attribute_types as types
from radiusd.protocol import chap, codes, hiding, mschap
from radiusd.protocol.packet import decode
from tests.decide.requests import AUTHENTICATOR, HOST, NOW, SECRET, access_request, make_snapshot

CHALLENGE = bytes(range(100, 116))
PEER = bytes(range(50, 66))


def ask(engine, data):
    outcome = engine.handle("auth", data, HOST, 50000, NOW)
    return outcome, decode(outcome.data)


def mschapv2(user, password, hashed_name=None):
    nt_hash = mschap.nt_hash(password)
    name = (hashed_name or user).encode()
    nt_response = mschap.challenge_response(mschap.challenge_hash(PEER, CHALLENGE, name), nt_hash)
    response = b"\x07\x00" + PEER + bytes(8) + nt_response
    return (types.MS_CHAP_CHALLENGE, CHALLENGE), (types.MS_CHAP2_RESPONSE, response)


def mschapv1(password):
    response = b"\x05\x01" + bytes(24) + mschap.challenge_response(CHALLENGE[:8], mschap.nt_hash(password))
    return (types.MS_CHAP_CHALLENGE, CHALLENGE[:8]), (types.MS_CHAP_RESPONSE, response)


def number(packet, key):
    return int.from_bytes(packet.first(key), "big")


@pytest.mark.parametrize("challenge", [None, b"a challenge of its own"])
def test_chap_with_and_without_a_challenge_attribute(engine, challenge):
    response = b"\x09" + chap.response(9, b"password", AUTHENTICATOR if challenge is None else challenge)
    more = [(types.CHAP_PASSWORD, response)] + ([(types.CHAP_CHALLENGE, challenge)] if challenge else [])
    assert ask(engine, access_request("alice", *more))[1].code == codes.ACCESS_ACCEPT


def test_chap_needs_the_password_in_clear(engine):
    response = b"\x09" + chap.response(9, b"password", AUTHENTICATOR)
    outcome, _ = ask(engine, access_request("nthash", (types.CHAP_PASSWORD, response)))
    assert outcome.reason == "chap-needs-clear-password"


def test_pap_against_an_nt_hash(engine):
    assert ask(engine, access_request("nthash", password=b"password"))[1].code == codes.ACCESS_ACCEPT
    wrong = access_request("nthash", password=b"Password", identifier=2)
    assert ask(engine, wrong)[0].reason == "wrong-password"


@pytest.mark.parametrize("user", ["alice", "nthash"])
def test_mschapv2_brings_the_proof_and_both_keys(engine, user):
    _, packet = ask(engine, access_request(user, *mschapv2(user, b"password")))
    assert packet.code == codes.ACCESS_ACCEPT
    success = packet.first(types.MS_CHAP2_SUCCESS)
    assert (len(success), success[:3]) == (43, b"\x07S=")
    sent, received = packet.first(types.MS_MPPE_SEND_KEY), packet.first(types.MS_MPPE_RECV_KEY)
    nt_hash = mschap.nt_hash(b"password")
    nt_response = mschapv2(user, b"password")[1][1][26:]
    assert (
        hiding.salt_decrypt(sent, SECRET, AUTHENTICATOR),
        hiding.salt_decrypt(received, SECRET, AUTHENTICATOR),
    ) == mschap.mppe_v2_keys(nt_hash, nt_response)
    assert {len(sent), len(received)} == {34}
    assert sent[0] & received[0] & 0x80
    assert sent[:2] != received[:2]


def test_mschap_brings_its_keys(engine):
    _, packet = ask(engine, access_request("alice", *mschapv1(b"password")))
    assert packet.code == codes.ACCESS_ACCEPT
    keys = hiding.unhide(packet.first(types.MS_CHAP_MPPE_KEYS), SECRET, AUTHENTICATOR)
    assert keys == mschap.mppe_v1_keys(mschap.nt_hash(b"password"))


def test_encryption_is_allowed_unless_the_policy_says_more(engine):
    _, packet = ask(engine, access_request("alice", *mschapv2("alice", b"password")))
    assert (number(packet, types.MS_MPPE_ENCRYPTION_POLICY), number(packet, types.MS_MPPE_ENCRYPTION_TYPES)) == (1, 6)
    _, packet = ask(engine, access_request("nthash", *mschapv2("nthash", b"password"), identifier=2))
    assert (number(packet, types.MS_MPPE_ENCRYPTION_POLICY), number(packet, types.MS_MPPE_ENCRYPTION_TYPES)) == (2, 4)
    assert len(packet.all(types.MS_MPPE_ENCRYPTION_POLICY)) == 1


def test_mppe_is_for_mschap_alone(engine):
    _, packet = ask(engine, access_request("alice", password=b"password"))
    assert packet.first(types.MS_MPPE_ENCRYPTION_POLICY) is None


def test_the_domain_is_no_part_of_the_mschapv2_hash(engine):
    request = access_request("CORP\\alice", *mschapv2("CORP\\alice", b"password", hashed_name="alice"))
    assert ask(engine, request)[1].code == codes.ACCESS_ACCEPT


@pytest.mark.parametrize(
    ("user", "code", "retry"),
    [("alice", 691, 1), ("nobody", 691, 1), ("blocked", 647, 0), ("expired", 648, 0)],
)
def test_a_refused_mschapv2_says_why_in_its_error(engine, user, code, retry):
    _, packet = ask(engine, access_request(user, *mschapv2(user, b"wrong")))
    assert packet.code == codes.ACCESS_REJECT
    error = packet.first(types.MS_CHAP_ERROR)
    challenge = bytes(range(1, 17)).hex()
    assert error == b"\x07" + f"E={code} R={retry} C={challenge} V=3 M=Authentication rejected".encode()


def test_a_refused_mschap_says_why_in_version_two(engine):
    _, packet = ask(engine, access_request("alice", *mschapv1(b"wrong")))
    assert packet.first(types.MS_CHAP_ERROR) == b"\x05" + f"E=691 R=1 C={bytes(range(1, 9)).hex()} V=2".encode()


def test_pppd_gets_the_error_as_the_text_that_it_passes_on(dictionary):
    engine = Engine(reject_delay=0.0, cleanup_delay=5.0, random_octets=bytes)
    engine.use(make_snapshot(dictionary, kind="pptpd"))
    _, packet = ask(engine, access_request("alice", *mschapv2("alice", b"wrong")))
    assert packet.first(types.REPLY_MESSAGE) == packet.first(types.MS_CHAP_ERROR)[1:]


@pytest.mark.parametrize("length", [0, 1, 49, 51, 100])
def test_a_response_of_another_length_fits_nothing(engine, length):
    more = [(types.MS_CHAP_CHALLENGE, CHALLENGE), (types.MS_CHAP2_RESPONSE, bytes(length))]
    outcome, packet = ask(engine, access_request("alice", *more))
    assert packet.code == codes.ACCESS_REJECT
    assert outcome.reason == ("no-credentials" if length == 0 else "wrong-password")


def test_a_password_longer_than_the_rfc_allows_is_no_password():
    request = decode(access_request("alice", (types.USER_PASSWORD, bytes(144))))
    assert credentials.clear_password(request, SECRET) is None


@pytest.mark.parametrize(
    ("user", "password", "pap", "mschap"),
    [
        ("twice", b"first", True, True),
        ("twice", b"second", False, False),
        ("both", b"password", True, True),
        ("both", b"clear", False, False),
    ],
)
def test_of_several_passwords_one_counts_as_in_freeradius(engine, user, password, pap, mschap):
    accept = {True: codes.ACCESS_ACCEPT, False: codes.ACCESS_REJECT}
    assert ask(engine, access_request(user, password=password))[1].code == accept[pap]
    assert ask(engine, access_request(user, *mschapv2(user, password), identifier=2))[1].code == accept[mschap]


def test_an_empty_password_never_logs_in_by_pap(engine):
    outcome, packet = ask(engine, access_request("empty", password=b""))
    assert (packet.code, outcome.reason) == (codes.ACCESS_REJECT, "empty-password")
