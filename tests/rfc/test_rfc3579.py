"""RFC 3579 section 3.2: Message-Authenticator, against the standard library's HMAC.

The examples of RFC 5997 and the replies in the captures are vectors of it, too.
"""

import hashlib
import hmac

import pytest

from radiusd.protocol import codes, encode
from radiusd.protocol.authenticator import Secret
from radiusd.protocol.packet import decode

OCTETS = b"testing123"
SECRET = Secret(OCTETS)
ASKED = bytes(range(200, 216))
BODY = bytes.fromhex("0107616c696365 0406c0a80110 2105abcdef")


def signature(signed):
    return hmac.new(OCTETS, signed, hashlib.md5).digest()


@pytest.mark.parametrize("code", [codes.ACCESS_ACCEPT, codes.ACCESS_REJECT, codes.ACCESS_CHALLENGE, codes.COA_ACK])
def test_a_response_is_signed_over_the_requests_authenticator_and_the_signature_comes_first(code):
    raw = encode.response(code, 7, ASKED, SECRET, BODY, message_authenticator=True)
    assert raw[20:22] == b"\x50\x12"
    assert raw[22:38] == signature(raw[:4] + ASKED + b"\x50\x12" + bytes(16) + BODY)
    assert raw[38:] == BODY
    assert raw[4:20] == hashlib.md5(raw[:4] + ASKED + raw[20:] + OCTETS).digest()
    assert SECRET.message_authenticator_ok(raw, 22, ASKED)


@pytest.mark.parametrize("code", [codes.ACCESS_REQUEST, codes.STATUS_SERVER])
def test_a_request_is_signed_over_its_own_authenticator(code):
    raw = encode.request(code, 7, SECRET, BODY, authenticator=ASKED)
    assert raw[22:38] == signature(raw[:4] + ASKED + b"\x50\x12" + bytes(16) + BODY)
    assert SECRET.message_authenticator_ok(raw, decode(raw).message_authenticator_at)


@pytest.mark.parametrize("code", [codes.ACCOUNTING_REQUEST, codes.DISCONNECT_REQUEST, codes.COA_REQUEST])
def test_a_digested_request_is_signed_over_zeros(code):
    # RFC 5176 section 2.3: sign first, with zeros in the authenticator; the authenticator then covers the signature.
    raw = encode.request(code, 7, SECRET, BODY)
    assert raw[22:38] == signature(raw[:4] + bytes(16) + b"\x50\x12" + bytes(16) + BODY)
    assert SECRET.message_authenticator_ok(raw, 22)
    assert SECRET.accounting_ok(raw)
    assert raw[4:20] == hashlib.md5(raw[:4] + bytes(16) + raw[20:] + OCTETS).digest()


def test_the_signature_may_stand_anywhere():
    header = bytes((1, 7, 0, 20 + len(BODY) + 18 + 6)) + ASKED
    tail = bytes.fromhex("050600000003")
    made = signature(header + BODY + b"\x50\x12" + bytes(16) + tail)
    raw = header + BODY + b"\x50\x12" + made + tail
    packet = decode(raw)
    assert raw[packet.message_authenticator_at :][:16] == made
    assert SECRET.message_authenticator_ok(raw, packet.message_authenticator_at)


@pytest.mark.parametrize("position", [0, 1, 3, 4, 19, 21, 22, 37, 38, 55])
def test_any_changed_octet_breaks_it(position):
    raw = bytearray(encode.request(codes.ACCESS_REQUEST, 7, SECRET, BODY, authenticator=ASKED))
    raw[position] ^= 1
    assert not SECRET.message_authenticator_ok(bytes(raw), 22)
