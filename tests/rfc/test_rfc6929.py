"""RFC 6929 sections 2.1 and 2.2: extended and long extended attributes, laid out by hand."""

import pytest

from radiusd.protocol import encode
from radiusd.protocol.attribute_types import extended_key
from radiusd.protocol.packet import decode


def packet(*octets):
    body = b"".join(octets)
    return decode(bytes((1, 1)) + (20 + len(body)).to_bytes(2, "big") + bytes(16) + body).attributes


@pytest.mark.parametrize("number", [241, 242, 243, 244])
def test_extended(number):
    octets = bytes((number, 6, 1)) + b"bob"
    assert packet(octets) == [(extended_key(number, 1), b"bob")]
    assert encode.attribute(extended_key(number, 1), b"bob") == octets


@pytest.mark.parametrize("number", [245, 246])
def test_long_extended_in_one_piece(number):
    octets = bytes((number, 7, 4, 0)) + b"bob"
    assert packet(octets) == [(extended_key(number, 4), b"bob")]
    assert encode.attribute(extended_key(number, 4), b"bob") == octets


@pytest.mark.parametrize(
    ("size", "lengths"), [(251, [255]), (252, [255, 5]), (502, [255, 255]), (600, [255, 255, 102])]
)
def test_fragments(size, lengths):
    value = bytes(at % 251 for at in range(size))
    octets = encode.attribute(extended_key(245, 26), value)
    found, at = [], 0
    while at < len(octets):
        last = at + octets[at + 1] == len(octets)
        assert octets[at] == 245
        assert octets[at + 2 : at + 4] == bytes((26, 0 if last else 0x80))
        found.append(octets[at + 1])
        at += octets[at + 1]
    assert found == lengths
    assert packet(octets) == [(extended_key(245, 26), value)]


def test_a_joined_attribute_stands_where_its_first_fragment_stood():
    long = encode.attribute(extended_key(246, 1), bytes(300))
    assert packet(b"\x01\x03a", long, b"\x04\x06abcd") == [(1, b"a"), (extended_key(246, 1), bytes(300)), (4, b"abcd")]


MORE_A = bytes((245, 5, 1, 0x80, 97))
LAST_B = bytes((245, 5, 1, 0x00, 98))


@pytest.mark.parametrize(
    "octets",
    [
        [MORE_A],  # the packet ends before the last fragment
        [MORE_A, MORE_A],
        [MORE_A, b"\x01\x03x"],  # another attribute in between
        [MORE_A, bytes((245, 5, 2, 0, 98))],  # another extended type
        [MORE_A, bytes((246, 5, 1, 0, 98))],  # another space
        [bytes((245, 3, 1))],  # no room for the flags
        [bytes((245, 4, 0, 0))],  # extended type 0
        [bytes((241, 2))],  # no extended type
        [bytes((241, 4, 0, 1))],
    ],
)
def test_what_is_malformed_inside_stays_as_it_came(octets):
    found = packet(*octets)
    assert found[0] == (octets[0][0], octets[0][2:])
    assert len(found) == len(octets)


def test_a_run_that_never_ends_does_not_spoil_the_next():
    assert packet(MORE_A, b"\x01\x03x", LAST_B) == [
        (245, b"\x01\x80a"),
        (1, b"x"),
        (extended_key(245, 1), b"b"),
    ]
