"""What a client sends and what it believes, with both ends in memory; and silence, over a real socket."""

import secrets
import socket
import threading

import pytest

from radiusd.cli import exchange
from radiusd.errors import ConfigError, WireError
from radiusd.protocol import attribute_types as types
from radiusd.protocol import chap, codes, hiding, mschap
from radiusd.protocol.authenticator import Secret
from radiusd.protocol.encode import attribute, request, response
from radiusd.protocol.packet import decode

SECRET = Secret(b"testing123")
AUTHENTICATOR = bytes(range(16))
REQUEST = request(codes.ACCESS_REQUEST, 7, SECRET, attribute(types.USER_NAME, b"u"), authenticator=AUTHENTICATOR)


def answer(code=codes.ACCESS_ACCEPT, identifier=7, secret=SECRET, body=b"", *, signed=True, fits=AUTHENTICATOR):
    return response(code, identifier, fits, secret, body, message_authenticator=signed)


@pytest.mark.parametrize("signed", [True, False])
def test_an_answer_that_fits_is_believed(signed):
    packet, was_signed = exchange.verified(answer(signed=signed), REQUEST, SECRET, {})
    assert (packet.code, was_signed) == (codes.ACCESS_ACCEPT, signed)


def test_what_does_not_fit_is_not_believed():
    forged = bytearray(answer(body=attribute(types.SESSION_TIMEOUT, bytes(4))))
    forged[-1] ^= 1
    resigned = bytearray(answer())
    resigned[22] ^= 1
    resigned[4:20] = SECRET.response_authenticator(bytes(resigned[:4]), AUTHENTICATOR, bytes(resigned[20:]))
    for data, reason in (
        (answer(identifier=8), "identifier"),
        (answer(secret=Secret(b"other")), "response-authenticator"),
        (answer(fits=bytes(16)), "response-authenticator"),
        (bytes(forged), "response-authenticator"),
        (bytes(resigned), "message-authenticator"),
        (b"\2", "short-packet"),
    ):
        with pytest.raises(WireError) as error:
            exchange.verified(data, REQUEST, SECRET, {})
        assert error.value.reason == reason


def made(method, password=b"password"):
    built = exchange.credentials(method, b"DOM\\alice", password, SECRET, AUTHENTICATOR)
    packet = decode(request(codes.ACCESS_REQUEST, 7, SECRET, built.body, authenticator=AUTHENTICATOR))
    return packet, built.proofs


def test_pap_hides_the_password():
    packet, _ = made("pap", "p\xe4ss".encode())
    assert hiding.user_password(packet.first(types.USER_PASSWORD), SECRET, AUTHENTICATOR) == "p\xe4ss".encode()


def test_pap_has_an_end():
    with pytest.raises(ConfigError, match="128"):
        exchange.credentials("pap", b"u", b"x" * 129, SECRET, AUTHENTICATOR)


def test_chap_proves_the_password():
    packet, _ = made("chap")
    assert chap.verify(packet.first(types.CHAP_PASSWORD), packet.first(types.CHAP_CHALLENGE), b"password")


def test_mschap_proves_the_password():
    packet, _ = made("mschap")
    challenge = packet.first(types.MS_CHAP_CHALLENGE)
    assert mschap.verify_v1(packet.first(types.MS_CHAP_RESPONSE), challenge, mschap.nt_hash(b"password"))


def test_mschapv2_proves_the_password_and_checks_the_server_s_proofs():
    packet, proofs = made("mschapv2")
    given, challenge = packet.first(types.MS_CHAP2_RESPONSE), packet.first(types.MS_CHAP_CHALLENGE)
    nt_hash = mschap.nt_hash(b"password")
    assert mschap.verify_v2(given, challenge, b"alice", nt_hash)
    success = given[:1] + mschap.authenticator_response(given, challenge, b"alice", nt_hash)
    send, receive = (
        hiding.salt_encrypt(key, SECRET, AUTHENTICATOR, secrets.token_bytes(2))
        for key in mschap.mppe_v2_keys(nt_hash, given[26:])
    )

    def told(*attributes, code=codes.ACCESS_ACCEPT):
        body = b"".join(attribute(key, value) for key, value in attributes)
        return proofs(decode(answer(code, body=body)))

    proof = (types.MS_CHAP2_SUCCESS, success)
    keys = ((types.MS_MPPE_SEND_KEY, send), (types.MS_MPPE_RECV_KEY, receive))
    assert told(proof, *keys) == {"MS-CHAP2-Success": True, "MPPE keys": True}
    assert told(proof) == {"MS-CHAP2-Success": True}
    assert told(proof, keys[0]) == {"MS-CHAP2-Success": True, "MPPE keys": False}
    swapped = ((types.MS_MPPE_SEND_KEY, receive), (types.MS_MPPE_RECV_KEY, send))
    assert told(proof, *swapped) == {"MS-CHAP2-Success": True, "MPPE keys": False}
    assert told() == {"MS-CHAP2-Success": False}
    assert told(code=codes.ACCESS_REJECT) == {}


@pytest.fixture
def peer():
    """A socket of the test's own, to answer from or to be silent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(20)
        yield sock


def ask(peer, *, timeout=5.0, tries=1):
    return exchange.exchange(REQUEST, SECRET, peer.getsockname(), {}, timeout=timeout, tries=tries)


def test_silence_is_said_and_each_try_sends_the_same_octets(peer):
    with pytest.raises(exchange.NoAnswerError, match="no answer"):
        ask(peer, timeout=0.05, tries=3)
    assert [peer.recv(4096) for _ in range(3)] == [REQUEST] * 3


def test_a_forged_answer_is_waited_past(peer):
    def forge_then_answer():
        _, address = peer.recvfrom(4096)
        peer.sendto(answer(secret=Secret(b"other")), address)
        peer.sendto(answer(codes.ACCESS_REJECT), address)

    answering = threading.Thread(target=forge_then_answer)
    answering.start()
    got = ask(peer, timeout=20)
    answering.join()
    assert (got.packet.code, got.sends) == (codes.ACCESS_REJECT, 1)


def test_answers_that_cannot_be_believed_ask_about_the_secret(peer):
    def forge():
        _, address = peer.recvfrom(4096)
        peer.sendto(answer(secret=Secret(b"other")), address)

    forging = threading.Thread(target=forge)
    forging.start()
    with pytest.raises(exchange.NoAnswerError, match=r"response-authenticator.*secret"):
        ask(peer, timeout=1)
    forging.join()


def test_a_port_where_nobody_listens_is_said():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        free = sock.getsockname()
    with pytest.raises(exchange.NoAnswerError, match="does the server run"):
        exchange.exchange(REQUEST, SECRET, free, {}, timeout=5, tries=2)


def test_a_server_that_has_no_address_is_a_mistake_in_usage():
    with pytest.raises(ConfigError, match="no-such-host"):
        exchange.exchange(REQUEST, SECRET, ("no-such-host.invalid", 1812), {}, timeout=1, tries=1)
