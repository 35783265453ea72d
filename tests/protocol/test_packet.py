"""Decoding: every malformed case of the compatibility list has its reason, and nothing else ever comes out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusd.errors import WireError
from radiusd.protocol.attribute_types import MS_CHAP_CHALLENGE, vendor_key
from radiusd.protocol.packet import REASONS, Packet, decode

AUTHENTICATOR = bytes(range(1, 17))


def datagram(body=b"", *, code=1, length=None, tail=b""):
    size = 20 + len(body) if length is None else length
    return bytes((code, 9)) + size.to_bytes(2, "big") + AUTHENTICATOR + body + tail


def tlv(number, value):
    return bytes((number, len(value) + 2)) + value


def reason(data):
    with pytest.raises(WireError) as caught:
        decode(data)
    return caught.value.reason


MALFORMED = [
    ("short-packet", b""),
    ("short-packet", datagram()[:19]),
    ("length-field-small", datagram(length=19)),
    ("length-field-small", datagram(length=0)),
    ("length-over-datagram", datagram(length=21)),
    ("length-over-datagram", datagram(tlv(1, b"bob"), length=26)),
    ("length-over-datagram", datagram(length=4096)),
    ("packet-too-long", datagram(length=4097)),
    ("packet-too-long", datagram(tlv(1, bytes(253)) * 19 + b"")),  # 4,865 octets
    ("attribute-length", datagram(b"\x01\x00")),
    ("attribute-length", datagram(b"\x01\x01")),
    ("attribute-length", datagram(tlv(1, b"bob") + b"\x04\x01" + bytes(4))),
    ("attribute-length", datagram(b"\x1a\x00")),
    ("attribute-overrun", datagram(b"\x01\x06bob")),
    ("attribute-overrun", datagram(b"\x01")),  # a type with no length behind it
    ("attribute-overrun", datagram(tlv(1, b"bob") + b"\x04\xff")),
    ("attribute-overrun", datagram(b"\x1a\x0a\x00\x00\x01\x37")),
    ("attribute-overrun", datagram(b"\x1a\x0a\x00\x00\x01\x37\x0b\x04\x01")),
    ("attribute-overrun", datagram(b"\xf1\x05\x01\x02")),
    ("attribute-overrun", datagram(b"\x50\x12" + bytes(15))),
    ("attribute-type-zero", datagram(tlv(0, b"x"))),
    ("too-many-attributes", datagram(tlv(1, b"x") * 201)),
    ("too-many-attributes", datagram(tlv(26, b"\0\0\x01\x37\x0b\x03x") * 201)),
    ("message-authenticator-length", datagram(tlv(80, bytes(15)))),
    ("message-authenticator-length", datagram(tlv(80, bytes(17)))),
    ("message-authenticator-length", datagram(tlv(80, b""))),
    ("message-authenticator-twice", datagram(tlv(80, bytes(16)) * 2)),
]


@pytest.mark.parametrize(("expected", "data"), MALFORMED)
def test_malformed(expected, data):
    assert reason(data) == expected


def test_every_reason_has_a_case():
    assert {expected for expected, _ in MALFORMED} == set(REASONS)
    assert len(set(REASONS)) == len(REASONS)


def test_the_header():
    packet = decode(datagram(tlv(1, b"bob"), code=4))
    assert (packet.code, packet.identifier, packet.authenticator) == (4, 9, AUTHENTICATOR)
    assert packet.attributes == [(1, b"bob")]
    assert packet.message_authenticator_at == -1


def test_an_empty_request_is_a_packet():
    assert decode(datagram()).attributes == []


def test_octets_after_length_are_ignored():
    whole = datagram(tlv(1, b"bob"))
    packet = decode(whole + b"\x01\x00\xff padding")
    assert packet.raw == whole
    assert packet.attributes == [(1, b"bob")]
    assert decode(whole + bytes(5000)).raw == whole


def test_the_limits_themselves_are_allowed():
    assert len(decode(datagram(tlv(1, b"x") * 200)).attributes) == 200
    full = datagram(tlv(79, bytes(253)) * 15 + tlv(79, bytes(249)))
    assert len(full) == 4096
    assert len(decode(full).attributes) == 16


def test_an_empty_value_is_kept():
    assert decode(datagram(tlv(79, b"") + tlv(1, b""))).attributes == [(79, b""), (1, b"")]


def test_message_authenticator_is_found_where_it_stands():
    packet = decode(datagram(tlv(1, b"bob") + tlv(80, AUTHENTICATOR) + tlv(4, bytes(4))))
    at = packet.message_authenticator_at
    assert packet.raw[at : at + 16] == AUTHENTICATOR
    assert packet.first(80) == AUTHENTICATOR


def test_first_and_all():
    packet = decode(datagram(tlv(25, b"one") + tlv(1, b"bob") + tlv(25, b"two")))
    assert packet.first(25) == b"one"
    assert packet.all(25) == [b"one", b"two"]
    assert packet.first(2) is None
    assert packet.all(2) == []


def test_proxy_states_are_whole_and_in_order():
    states = [tlv(33, b"first"), tlv(33, b""), tlv(33, bytes(253))]
    assert decode(datagram(states[0] + tlv(1, b"bob") + states[1] + states[2])).proxy_states == states
    assert decode(datagram(tlv(1, b"bob"))).proxy_states == []


def test_a_vendors_attribute():
    packet = decode(datagram(tlv(26, b"\0\0\x01\x37\x0b\x0a" + b"\x07" * 8)))
    assert packet.attributes == [(MS_CHAP_CHALLENGE, b"\x07" * 8)]


def test_formats_are_heeded():
    body = tlv(26, b"\0\0\x01\xad" + b"\0\0\x90\x01" + b"hello")
    assert decode(datagram(body), {429: (4, 0, False)}).attributes == [(vendor_key(429, 0x9001), b"hello")]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\0\0\x01",
        b"\0\0\x01\x37",
        b"\0\0\x01\x37\x0b",
        b"\0\0\x01\x37\x0b\x01",  # inner length below its own head
        b"\0\0\x01\x37\x0b\x00\x00",
        b"\0\0\x01\x37\x0b\x05ab",  # inner length past the outer
        b"\0\0\x01\x37\x0b\x04ab\x0c",  # an octet left over
        b"\x01\0\x01\x37\x0b\x04ab",  # a vendor number with its high octet set
    ],
)
@pytest.mark.parametrize("follower", [b"", tlv(1, b"bob")])
def test_a_malformed_vendors_attribute_is_kept_as_it_came(value, follower):
    packet = decode(datagram(tlv(26, value) + follower))
    assert packet.attributes[0] == (26, value)
    assert len(packet.attributes) == (2 if follower else 1)


def test_a_packet_shows_no_value():
    shown = repr(decode(datagram(tlv(2, b"sixteen octets!!") + tlv(1, b"bob"))))
    assert "octets" not in shown
    assert "bob" not in shown


formats = st.dictionaries(
    st.integers(0, 3),
    st.tuples(st.sampled_from([1, 2, 4]), st.sampled_from([0, 1, 2]), st.booleans()),
    max_size=3,
)
vendor_value = st.builds(
    lambda vendor, rest: vendor.to_bytes(4, "big") + rest, st.integers(0, 3), st.binary(max_size=30)
)
inner_value = st.builds(
    lambda vendor, parts: vendor.to_bytes(4, "big") + b"".join(tlv(n, v) for n, v in parts),
    st.integers(0, 3),
    st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=12)), max_size=5),
)
extended_value = st.builds(
    lambda head, rest: bytes(head) + rest,
    st.tuples(st.integers(0, 2), st.sampled_from([0, 128])),
    st.binary(max_size=9),
)
attributes = st.one_of(
    st.tuples(st.integers(0, 255), st.binary(max_size=40)),
    st.tuples(st.just(26), vendor_value | inner_value),
    st.tuples(st.integers(241, 246), extended_value),
    st.tuples(st.just(80), st.binary(min_size=15, max_size=17)),
)
bodies = st.lists(attributes, max_size=30).map(lambda pairs: b"".join(tlv(n, v) for n, v in pairs))


def check(data, layout):
    try:
        packet = decode(data, layout)
    except WireError as error:
        return error.reason in REASONS
    assert isinstance(packet, Packet)
    assert packet.raw == data[: len(packet.raw)]
    for key, value in packet.attributes:
        assert type(key) is int
        assert key > 0
        assert type(value) is bytes
    return True


@given(st.binary(max_size=200), formats)
def test_any_octets_give_a_packet_or_a_reason(data, layout):
    assert check(data, layout)


@given(bodies, formats, st.binary(max_size=4), st.integers(0, 300), st.integers(0, 255))
def test_almost_right_packets_give_a_packet_or_a_reason(body, layout, tail, position, octet):
    data = bytearray(datagram(body, tail=tail))
    assert check(bytes(data), layout)
    data[position % len(data)] = octet
    assert check(bytes(data), layout)


@given(st.lists(attributes.filter(lambda pair: pair[0] not in {0, 80}), max_size=30), formats)
def test_nothing_of_a_well_formed_packet_is_lost_added_or_moved(pairs, layout):
    packet = decode(datagram(b"".join(tlv(n, v) for n, v in pairs)), layout)
    plain = [(key, value) for key, value in pairs if key != 26 and key < 241]
    assert [(key, value) for key, value in packet.attributes if key != 26 and key < 241] == plain


def test_a_vendors_attribute_never_passes_for_one_of_the_rfcs():
    inner = tlv(26, bytes(4) + tlv(1, b"root") + tlv(80, bytes(16)))
    packet = decode(datagram(inner + tlv(26, bytes(4) + tlv(1, b"root")) + tlv(1, b"bob")))
    assert packet.first(1) == b"bob"
    assert packet.all(26) == [bytes(4) + tlv(1, b"root") + tlv(80, bytes(16)), bytes(4) + tlv(1, b"root")]


@given(
    st.lists(
        st.tuples(st.integers(1, 255).filter(lambda n: n not in {26, 80} and n < 241), st.binary(max_size=253)),
        max_size=15,
    )
)
def test_plain_attributes_come_out_as_they_went_in(pairs):
    assert decode(datagram(b"".join(tlv(n, v) for n, v in pairs))).attributes == pairs
