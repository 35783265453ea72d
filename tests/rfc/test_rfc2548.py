"""RFC 2548 section 2.4: the MPPE keys, against the formulas of the RFC written out plainly.

The RFC has no example; those of FreeRADIUS are in test_captures.py.
"""

import hashlib

from radiusd.protocol import attribute_types as types
from radiusd.protocol import encode, hiding, mschap
from radiusd.protocol.authenticator import Secret
from radiusd.protocol.packet import decode

SECRET = b"xyzzy5461"
AUTHENTICATOR = bytes(range(16))
KEY = bytes(range(100, 116))
SALT = b"\x9a\x01"


def xor(left, right):
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def test_send_and_recv_key_follow_section_2_4_2():
    plain = b"\x10" + KEY + bytes(15)
    first = xor(plain[:16], hashlib.md5(SECRET + AUTHENTICATOR + SALT).digest())
    second = xor(plain[16:], hashlib.md5(SECRET + first).digest())
    hidden = hiding.salt_encrypt(KEY, Secret(SECRET), AUTHENTICATOR, SALT)
    assert hidden == SALT + first + second
    assert hiding.salt_decrypt(hidden, Secret(SECRET), AUTHENTICATOR) == KEY


def test_a_key_is_34_octets_in_an_attribute_of_42():
    hidden = hiding.salt_encrypt(KEY, Secret(SECRET), AUTHENTICATOR, SALT)
    octets = encode.attribute(types.MS_MPPE_SEND_KEY, hidden)
    assert octets[:8] == bytes((26, 42, 0, 0, 1, 55, 16, 36))
    assert octets[8:] == hidden


def test_mschap_mppe_keys_follow_section_2_4_1():
    hashed = mschap.nt_hash(b"clientPass")
    plain = mschap.mppe_v1_keys(hashed)
    assert plain == bytes(8) + bytes.fromhex("41C00C584BD2D91C4017A2A12FA59F3F") + bytes(8)
    first = xor(plain[:16], hashlib.md5(SECRET + AUTHENTICATOR).digest())
    second = xor(plain[16:], hashlib.md5(SECRET + first).digest())
    hidden = hiding.hide_user_password(plain, Secret(SECRET), AUTHENTICATOR)
    assert hidden == first + second
    assert hiding.unhide(hidden, Secret(SECRET), AUTHENTICATOR) == plain


def test_several_vendor_attributes_in_one_are_taken_apart():
    # RFC 2548 section 2: one Vendor-Specific may hold more than one of Microsoft's attributes.
    value = bytes((0, 0, 1, 55, 7, 6, 0, 0, 0, 1, 8, 6, 0, 0, 0, 6))
    raw = bytes((2, 1, 0, 38)) + AUTHENTICATOR + bytes((26, 18)) + value
    assert decode(raw).attributes == [
        (types.MS_MPPE_ENCRYPTION_POLICY, b"\0\0\0\x01"),
        (types.MS_MPPE_ENCRYPTION_TYPES, b"\0\0\0\x06"),
    ]
