"""RFC 5997 section 6: Status-Server and its answers, and with them Message-Authenticator (RFC 3579 section 3.2)."""

import pytest

from radiusd.protocol import attribute_types as types
from radiusd.protocol import codes, encode
from radiusd.protocol.authenticator import Secret
from radiusd.protocol.packet import decode

SECRET = Secret(b"xyzzy5461")
AUTHENTICATION = bytes.fromhex("0cda0026 8a54f4686fb394c52866e302185d0623 50125a665e2e1e8411f3e243822097c84fa3")
ACCEPT = bytes.fromhex("02da0014 ef0d552a4bf2d693ec2b6fe8b5411d66")
ACCOUNTING = bytes.fromhex("0cb30026 925f6b66dd5fed571fcb1db7ad388260 5012e8d6eabda910875cd91fdade26367858")
ACCOUNTING_RESPONSE = bytes.fromhex("05b30014 0f6f92145f107e2f504e860a4860669c")


@pytest.mark.parametrize("raw", [AUTHENTICATION, ACCOUNTING])
def test_message_authenticator_of_the_request(raw):
    packet = decode(raw)
    assert packet.code == codes.STATUS_SERVER
    assert packet.message_authenticator_at == 22
    assert SECRET.message_authenticator_ok(raw, 22)
    assert not Secret(b"xyzzy5462").message_authenticator_ok(raw, 22)
    assert packet.first(types.MESSAGE_AUTHENTICATOR) == raw[22:]
    assert encode.request(12, raw[1], SECRET, b"", authenticator=raw[4:20]) == raw


@pytest.mark.parametrize(("raw", "answer"), [(AUTHENTICATION, ACCEPT), (ACCOUNTING, ACCOUNTING_RESPONSE)])
def test_the_answer(raw, answer):
    assert SECRET.response_ok(answer, raw[4:20])
    assert encode.response(answer[0], raw[1], raw[4:20], SECRET, b"", message_authenticator=False) == answer
