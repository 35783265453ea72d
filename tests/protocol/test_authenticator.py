"""Secrets; the packets signed with them are in tests/rfc (2865, 3579, 5997) and in the captures."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusd.protocol.authenticator import Secret

octets = st.binary(min_size=1, max_size=150)


@given(octets, st.binary(max_size=300))
def test_digests_are_those_of_the_standard_library(secret, data):
    made = Secret(secret)
    assert made.hmac(data) == hmac.digest(secret, data, "md5")
    assert made.stream(data) == hashlib.md5(secret + data).digest()
    assert made.digest(data) == hashlib.md5(data + secret).digest()
    # The cached states are copied, never fed.
    assert made.hmac(data) == hmac.digest(secret, data, "md5")
    assert made.stream(data) == hashlib.md5(secret + data).digest()


@pytest.mark.parametrize("size", [1, 63, 64, 65, 128])
def test_secrets_around_the_block_of_hmac(size):
    secret = bytes(range(1, size + 1))
    assert Secret(secret).hmac(b"data") == hmac.digest(secret, b"data", "md5")


@given(octets)
def test_a_secret_is_not_shown(secret):
    made = Secret(b"hush" + secret)
    assert repr(made) == str(made) == "Secret(...)"
    assert repr([made]) == "[Secret(...)]"


def test_equality():
    assert Secret(b"one") == Secret(b"one")
    assert Secret(b"one") != Secret(b"two")
    assert Secret(b"one") != b"one"
    assert len({Secret(b"one"), Secret(b"one"), Secret(b"two")}) == 2


def test_an_accounting_request_is_checked_to_the_last_octet():
    secret = Secret(b"testing123")
    head, body = bytes((4, 1, 0, 26)), bytes.fromhex("280600000001")
    raw = head + secret.request_authenticator(head, body) + body
    assert secret.accounting_ok(raw)
    for position in range(len(raw)):
        changed = bytearray(raw)
        changed[position] ^= 0x80
        assert not secret.accounting_ok(bytes(changed))


def test_a_response_is_bound_to_its_request():
    secret, asked, body = Secret(b"testing123"), bytes(range(16)), b"\x12\x04hi"
    head = bytes((2, 1, 0, 24))
    raw = head + secret.response_authenticator(head, asked, body) + body
    assert secret.response_ok(raw, asked)
    assert not secret.response_ok(raw, bytes(16))
    assert not Secret(b"testing124").response_ok(raw, asked)
