"""Writing: round trips through the decoder, limits, and pyrad as a second reader."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrad.packet import AuthPacket, Packet

from radiusd.errors import WireError
from radiusd.protocol import attribute_types as types
from radiusd.protocol import codes, encode
from radiusd.protocol.attribute_types import extended_key, vendor_key
from radiusd.protocol.authenticator import Secret
from radiusd.protocol.packet import decode

SECRET = Secret(b"testing123")
ASKED = bytes(range(16))

plain = st.tuples(st.integers(1, 240).filter(lambda n: n not in (26, 80)), st.binary(min_size=1, max_size=253))
vendors = st.tuples(
    st.builds(vendor_key, st.integers(1, 0xFFFFFF), st.integers(0, 255)), st.binary(min_size=1, max_size=247)
)
short = st.tuples(
    st.builds(extended_key, st.integers(241, 244), st.integers(1, 255)), st.binary(min_size=1, max_size=252)
)
long = st.tuples(
    st.builds(extended_key, st.integers(245, 246), st.integers(1, 255)), st.binary(min_size=1, max_size=1000)
)


def reason(call, *arguments, **options):
    with pytest.raises(WireError) as caught:
        call(*arguments, **options)
    return caught.value.reason


@given(st.lists(plain | vendors | short | long, max_size=3), st.sampled_from(sorted(codes.NAMES)), st.integers(0, 255))
def test_what_is_written_is_read(pairs, code, identifier):
    body = b"".join(encode.attribute(key, value) for key, value in pairs)
    packet = decode(encode.response(code, identifier, ASKED, SECRET, body, message_authenticator=True))
    assert (packet.code, packet.identifier) == (code, identifier)
    assert packet.attributes[0] == (80, packet.raw[22:38])
    assert packet.attributes[1:] == pairs
    assert SECRET.response_ok(packet.raw, ASKED)
    assert SECRET.message_authenticator_ok(packet.raw, 22, ASKED)


@pytest.mark.parametrize(
    ("key", "room"),
    [(types.REPLY_MESSAGE, 253), (types.MS_CHAP_ERROR, 247), (extended_key(241, 1), 252), (types.EAP_MESSAGE, 253)],
)
def test_the_longest_value(key, room):
    assert len(encode.attribute(key, bytes(room))) == 255
    assert reason(encode.attribute, key, bytes(room + 1)) == "attribute-too-long"


def test_long_formats_shorten_the_room():
    formats = {429: (4, 0, False), 8164: (2, 2, False)}
    assert len(encode.attribute(vendor_key(429, 1), bytes(245), formats)) == 255
    assert reason(encode.attribute, vendor_key(429, 1), bytes(246), formats) == "attribute-too-long"
    assert len(encode.attribute(vendor_key(8164, 1), bytes(245), formats)) == 255
    assert reason(encode.attribute, vendor_key(8164, 1), bytes(246), formats) == "attribute-too-long"


@pytest.mark.parametrize(
    "key",
    [0, -1, 256, 65535, 240 << 16 | 1, 241 << 16, 241 << 16 | 256, 247 << 16 | 1, 311 << 32 | 256, 1 << 56 | 1],
)
def test_keys_without_a_place_on_the_wire(key):
    assert reason(encode.attribute, key, b"x") == "attribute-not-encodable"


def test_an_empty_value_is_omitted():
    assert encode.attribute(types.REPLY_MESSAGE, b"") == b""
    assert encode.attribute(types.MS_CHAP_ERROR, b"") == b""
    assert encode.attribute(types.EAP_MESSAGE, b"") == b"\x4f\x02"
    assert encode.attribute(types.CHARGEABLE_USER_IDENTITY, b"") == b"\x59\x02"


@given(st.binary(max_size=1200), st.sampled_from([types.EAP_MESSAGE, vendor_key(9, 1)]))
def test_a_split_value_is_whole_again_when_joined(value, key):
    octets = encode.split_attribute(key, value)
    packet = decode(encode.response(11, 1, ASKED, SECRET, octets, message_authenticator=False))
    assert b"".join(packet.all(key)) == value
    assert all(len(part) in (encode.MAX_VALUE, encode.MAX_VENDOR_VALUE) for part in packet.all(key)[:-1])


def test_a_packet_over_4096_octets_is_refused():
    body = encode.split_attribute(types.EAP_MESSAGE, bytes(4000))
    room = 4096 - 20 - len(body)
    full = body + encode.attribute(types.REPLY_MESSAGE, bytes(room - 2))
    assert len(encode.response(2, 1, ASKED, SECRET, full, message_authenticator=False)) == 4096
    for signed, octets in ((True, full), (False, full + b"\x4f\x02")):
        assert reason(encode.response, 2, 1, ASKED, SECRET, octets, message_authenticator=signed) == "packet-too-long"
        assert reason(encode.request, 1, 1, SECRET, octets, message_authenticator=signed) == "packet-too-long"


def test_requests():
    body = encode.attribute(types.USER_NAME, b"bob")
    access = encode.request(codes.ACCESS_REQUEST, 5, SECRET, body, authenticator=ASKED)
    assert access[4:20] == ASKED
    assert access[38:] == body
    for code in (codes.ACCOUNTING_REQUEST, codes.COA_REQUEST, codes.DISCONNECT_REQUEST):
        bare = encode.request(code, 5, SECRET, body, authenticator=ASKED, message_authenticator=False)
        assert SECRET.accounting_ok(bare)
        assert bare[20:] == body


def test_pyrad_accepts_our_answer_and_we_accept_its_request():
    asked = AuthPacket(secret=SECRET.octets, id=7, authenticator=ASKED)
    asked[1] = [b"bob"]
    raw = asked.RequestPacket()
    assert decode(raw).first(types.USER_NAME) == b"bob"
    answer = encode.response(2, 7, ASKED, SECRET, b"\x12\x04hi", message_authenticator=True)
    assert asked.VerifyReply(Packet(secret=SECRET.octets, packet=answer), answer)
    assert not asked.VerifyReply(Packet(secret=SECRET.octets, packet=answer), answer[:-1] + b"!")
