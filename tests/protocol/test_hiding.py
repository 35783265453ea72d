"""Hidden values; the RFCs' examples and formulas are in tests/rfc (2548, 2865, 2868)."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrad.packet import AuthPacket

from radiusd.errors import WireError
from radiusd.protocol import hiding
from radiusd.protocol.authenticator import Secret

sixteen = st.binary(min_size=16, max_size=16)
SECRET = Secret(b"testing123")
ASKED = bytes(range(16))


@given(st.binary(max_size=128), st.binary(min_size=1, max_size=80), sixteen)
def test_a_password_comes_back_octet_for_octet_without_its_padding(password, secret, authenticator):
    hidden = hiding.hide_user_password(password, Secret(secret), authenticator)
    assert len(hidden) == max(16, -(-len(password) // 16) * 16)
    assert hiding.user_password(hidden, Secret(secret), authenticator) == password.rstrip(b"\0")
    assert hiding.unhide(hidden, Secret(secret), authenticator) == password.ljust(len(hidden), b"\0")


@given(st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=128), sixteen)
def test_pyrad_hides_alike(password, authenticator):
    theirs = AuthPacket(secret=SECRET.octets, authenticator=authenticator).PwCrypt(password)
    assert hiding.hide_user_password(password.encode(), SECRET, authenticator) == theirs


def test_octets_that_are_not_utf8_survive():
    password = b"pass\xffword"
    hidden = hiding.hide_user_password(password, SECRET, ASKED)
    assert hiding.user_password(hidden, SECRET, ASKED) == password != b"password"


def test_another_secret_gives_other_octets():
    hidden = hiding.hide_user_password(b"password", SECRET, ASKED)
    assert hiding.user_password(hidden, Secret(b"testing124"), ASKED) != b"password"
    assert hiding.user_password(hidden, SECRET, bytes(16)) != b"password"


@pytest.mark.parametrize("size", [0, 1, 15, 17, 31, 129, 144, 253])
def test_a_user_password_of_another_length_is_refused(size):
    with pytest.raises(WireError, match="user-password-length"):
        hiding.user_password(bytes(size), SECRET, ASKED)


def test_a_password_over_128_octets_cannot_be_hidden():
    with pytest.raises(WireError, match="user-password-length"):
        hiding.hide_user_password(bytes(129), SECRET, ASKED)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 17, 19, 33])
def test_a_salted_value_of_another_length_is_refused(size):
    with pytest.raises(WireError, match="salted-length"):
        hiding.salt_decrypt(bytes(size), SECRET, ASKED)


def test_a_salted_value_whose_inner_length_is_too_large_is_refused():
    salt = b"\x80\x01"
    stream = hashlib.md5(SECRET.octets + ASKED + salt).digest()
    for length, fits in ((15, True), (16, False), (255, False)):
        value = salt + bytes((stream[0] ^ length,)) + stream[1:]
        if fits:
            assert hiding.salt_decrypt(value, SECRET, ASKED) == bytes(15)
        else:
            with pytest.raises(WireError, match="salted-length"):
                hiding.salt_decrypt(value, SECRET, ASKED)


def test_a_value_over_239_octets_cannot_be_salted():
    with pytest.raises(WireError, match="salted-length"):
        hiding.salt_encrypt(bytes(240), SECRET, ASKED, b"\x80\x00")


def test_different_salts_hide_differently():
    one, two = (hiding.salt_encrypt(b"key", SECRET, ASKED, salt) for salt in (b"\x80\x01", b"\x80\x02"))
    assert one[2:] != two[2:]


@given(st.binary(max_size=16), sixteen)
def test_an_ascend_secret_is_hidden_and_revealed_alike(value, authenticator):
    hidden = hiding.ascend_secret(value, SECRET, authenticator)
    stream = hashlib.md5(authenticator + SECRET.octets).digest()
    assert hidden == bytes(a ^ b for a, b in zip(value.ljust(16, b"\0"), stream, strict=True))
    assert hiding.ascend_secret(hidden, SECRET, authenticator) == value.ljust(16, b"\0")


def test_an_ascend_secret_over_16_octets_is_refused():
    with pytest.raises(WireError, match="ascend-secret-length"):
        hiding.ascend_secret(bytes(17), SECRET, ASKED)
