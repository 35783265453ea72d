"""Attributes by name, key and number; tags; the tables' rules."""

import pytest

from radiusd.dictionary.attributes import Attribute, Dictionary, oid_of
from radiusd.errors import PolicyError

TUNNEL_TYPE = Attribute(
    "Tunnel-Type", 64, "integer", number=64, oid=(64,), has_tag=True, values={"pptp": 1, "l2tp": 3}, names={1: "PPTP"}
)
TUNNEL_GROUP = Attribute("Tunnel-Private-Group-Id", 81, "string", number=81, oid=(81,), has_tag=True)
TUNNEL_PASSWORD = Attribute("Tunnel-Password", 69, "string", number=69, oid=(69,), has_tag=True, encrypt=2)
USER_NAME = Attribute("User-Name", 1, "string", number=1, oid=(1,))
AV_PAIR = Attribute("Cisco-AVPair", 9 << 32 | 1, "string", vendor=9, number=1, oid=(26, 9, 1))
INNER = Attribute("WiMAX-Release", -1, "string", vendor=24757, number=1, oid=(26, 24757, 1, 1))
RESPONSE = Attribute("MS-CHAP-Response", 311 << 32 | 1, "octets", vendor=311, number=1, oid=(26, 311, 1), length=3)
SERVERS = Attribute("Servers", 90, "ipaddr", number=90, oid=(90,), array=True)


@pytest.fixture
def small() -> Dictionary:
    known = (TUNNEL_TYPE, TUNNEL_GROUP, TUNNEL_PASSWORD, USER_NAME, AV_PAIR, INNER)
    return Dictionary(
        {attribute.name.lower(): attribute for attribute in known},
        {attribute.oid: attribute for attribute in known},
        {"Cisco": 9},
        {429: (4, 0, False), 8164: (2, 2, False)},
    )


def test_names_are_found_whatever_their_case(small):
    assert small.named("user-NAME") is USER_NAME
    assert small.named("no-such") is None
    assert len(small) == len(list(small)) == 6


def test_keys_are_found_and_inner_attributes_only_by_oid(small):
    assert small.keyed(9 << 32 | 1) is AV_PAIR
    assert small.keyed(-1) is None
    assert small.at((26, 24757, 1, 1)) is INNER


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Attr-200", 200),
        ("attr-1", 1),
        ("Attr-26.9.1", 9 << 32 | 1),
        ("Vendor-9999-Attr-1", 9999 << 32 | 1),
        ("Attr-26.429.4294967295", 429 << 32 | 0xFFFFFFFF),
        ("Attr-26.8164.65535", 8164 << 32 | 65535),
        ("Attr-241.7", 241 << 16 | 7),
    ],
)
def test_attributes_by_number_take_hexadecimal(small, name, key):
    found = small.named(name)
    assert (found.key, found.type, found.unknown) == (key, "octets", True)
    assert found.encode("0x6162") == b"ab"
    with pytest.raises(PolicyError, match="must be hexadecimal"):
        found.encode("ab")


@pytest.mark.parametrize(
    "name",
    [
        *("Attr-0", "Attr-256", "Attr-26.9.256", "Attr-26.16777216.1", "Attr-1.2", "Attr-241.256"),
        *("Attr-26.8164.65536", "Attr-", "Attr-x", "Vendor-9-Attr-", "Xattr-1", "Attr-26.9.1.2"),
    ],
)
def test_numbers_that_cannot_travel_are_unknown(small, name):
    assert small.named(name) is None


def test_an_attribute_of_a_dictionary_is_not_unknown():
    assert not USER_NAME.unknown


def test_a_name_may_end_in_a_tag_where_the_attribute_has_tags(small):
    assert small.tagged("Tunnel-Type:3") == (TUNNEL_TYPE, 3)
    assert small.tagged("tunnel-type") == (TUNNEL_TYPE, None)
    assert [small.tagged(name) for name in ("User-Name:1", "Tunnel-Type:32", "Tunnel-Type:", "No:1")] == [None] * 4


@pytest.mark.parametrize(
    ("attribute", "text", "tag", "wire"),
    [
        (TUNNEL_TYPE, "PPTP", None, "00000001"),
        (TUNNEL_TYPE, "PPTP", 0, "00000001"),
        (TUNNEL_TYPE, "PPTP", 1, "01000001"),
        (TUNNEL_TYPE, ":2:L2TP", None, "02000003"),
        (TUNNEL_TYPE, "0x01000003", 2, "02000003"),
        (TUNNEL_GROUP, "100", None, "313030"),
        (TUNNEL_GROUP, "100", 0, "313030"),
        (TUNNEL_GROUP, "100", 31, "1f313030"),
        (TUNNEL_GROUP, ":2:100", None, "02313030"),
        (TUNNEL_GROUP, ":2:100", 1, "013a323a313030"),
        (TUNNEL_PASSWORD, "ab", None, "006162"),
        (TUNNEL_PASSWORD, "ab", 1, "016162"),
    ],
)
def test_tags_on_the_wire(attribute, text, tag, wire):
    assert attribute.encode(text, tag).hex() == wire


def test_tags_are_checked():
    with pytest.raises(PolicyError, match="tag 32 is not between 0 and 31"):
        TUNNEL_TYPE.encode("PPTP", 32)
    with pytest.raises(PolicyError, match="takes no tag"):
        USER_NAME.encode("bob", 1)
    assert USER_NAME.encode(":1:bob") == b":1:bob"


@pytest.mark.parametrize(
    ("attribute", "wire", "tag", "bare", "text"),
    [
        (TUNNEL_TYPE, "01000001", 1, "00000001", "PPTP"),
        (TUNNEL_TYPE, "00000003", 0, "00000003", "3"),
        (TUNNEL_GROUP, "01313030", 1, "313030", "100"),
        (TUNNEL_GROUP, "313030", 0, "313030", "100"),
        (TUNNEL_PASSWORD, "006162", 0, "6162", "ab"),
        (TUNNEL_GROUP, "", 0, "", ""),
        (USER_NAME, "016162", 0, "016162", "\\001ab"),
    ],
)
def test_tags_are_read(attribute, wire, tag, bare, text):
    value = bytes.fromhex(wire)
    assert (attribute.tag(value), attribute.untagged(value).hex(), attribute.format(value)) == (tag, bare, text)


def test_an_error_names_the_attribute_and_not_a_password():
    with pytest.raises(PolicyError, match="Tunnel-Type: 'x' is not a number or one of its names"):
        TUNNEL_TYPE.encode("x")
    with pytest.raises(PolicyError, match="MS-CHAP-Response takes exactly 3 octets, not 2"):
        RESPONSE.encode("0x0102")


def test_arrays_print_each_value():
    assert SERVERS.format(bytes((10, 0, 0, 1, 10, 0, 0, 2))) == "10.0.0.1, 10.0.0.2"
    assert SERVERS.format(bytes((10, 0, 0, 1))) == "10.0.0.1"
    assert SERVERS.format(bytes(5)) == "0x0000000000"


def test_keys_are_spelt_out_for_people(small):
    assert small.name_of(1) == "User-Name"
    assert small.name_of(9 << 32 | 250) == "Attr-26.9.250"
    assert small.name_of(241 << 16 | 7) == "Attr-241.7"
    assert oid_of(1) == (1,)


def test_an_attribute_cannot_be_changed():
    with pytest.raises(AttributeError):
        USER_NAME.name = "x"
