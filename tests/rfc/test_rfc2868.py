"""RFC 2868 section 3.5: Tunnel-Password, against the formulas of the RFC written out plainly."""

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from radiusd.protocol import attribute_types as types
from radiusd.protocol import encode, hiding
from radiusd.protocol.authenticator import Secret
from radiusd.protocol.packet import decode

sixteen = st.binary(min_size=16, max_size=16)


def plainly(value, secret, authenticator, salt):
    plain = bytes((len(value),)) + value
    plain += bytes(-len(plain) % 16)
    hidden, block = b"", authenticator + salt
    for at in range(0, len(plain), 16):
        stream = hashlib.md5(secret + block).digest()
        block = bytes(a ^ b for a, b in zip(plain[at : at + 16], stream, strict=True))
        hidden += block
    return salt + hidden


@settings(deadline=None)
@given(st.binary(max_size=239), st.binary(min_size=1), sixteen, st.binary(min_size=2, max_size=2))
def test_round_trip(value, secret, authenticator, salt):
    hidden = hiding.salt_encrypt(value, Secret(secret), authenticator, salt)
    assert hidden[0] & 0x80
    assert hidden == plainly(value, secret, authenticator, hidden[:2])
    assert hiding.salt_decrypt(hidden, Secret(secret), authenticator) == value


@settings(deadline=None)
@given(st.binary(min_size=239, max_size=239), sixteen)
def test_the_longest_value_fits_behind_its_tag(value, authenticator):
    hidden = hiding.salt_encrypt(value, Secret(b"s"), authenticator, b"\x80\x00")
    octets = encode.attribute(types.TUNNEL_PASSWORD, b"\x01" + hidden)
    packet = decode(bytes((2, 1)) + (20 + len(octets)).to_bytes(2, "big") + bytes(16) + octets)
    tagged = packet.first(types.TUNNEL_PASSWORD)
    assert tagged[0] == 1
    assert hiding.salt_decrypt(tagged[1:], Secret(b"s"), authenticator) == value
