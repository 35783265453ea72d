"""Ascend's filters; the pairs were seen with FreeRADIUS 3.2.1's radclient."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusd.errors import PolicyError
from radiusd.protocol.ascend_filter import encode_filter, format_filter


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("ip in forward tcp dstport = 80", "010101000000000000000000000006000000005000020000"),
        (
            "ip out drop srcip 10.0.0.0/8 dstip 1.2.3.4/32 udp srcport > 1023 dstport != 53 est",
            "010000000a000000010203040820110103ff003503040000",
        ),
        ("ip in forward 0", "01010100"),
        ("ip in forward dstip 10.1.2.3/24 0", "01010100000000000a0102030018"),
        ("ip in forward icmp", "010101000000000000000000000001"),
        ("ip in forward 47", "01010100000000000000000000002f"),
        ("ip in forward ospf", "010101000000000000000000000059"),
        ("ip in forward tcp dstport < 80 est", "0101010000000000000000000000060100000050000100"),
        ("generic out drop 0 ffffffffffff 010203040506 == more", "00000000000000060001ffffffffffff010203040506"),
        ("generic in forward 14 ffff 0806 !=", "00010100000e00020000ffff00000000080600000000" + "01"),
    ],
)
def test_filters_in_both_directions(text, wire):
    octets = bytes.fromhex(wire).ljust(32, b"\x00")
    assert encode_filter(text) == octets
    assert format_filter(octets) == text


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("IP IN Forward TCP", "ip in forward tcp"),
        ("ip in forward tcp est dstport = 80", "ip in forward tcp dstport = 80 est"),
        ("ip in forward", "ip in forward 0"),
        ("ip in forward dstip 10.0.0.0", "ip in forward dstip 10.0.0.0/8 0"),
        ("ip in forward dstip 172.16.0.0", "ip in forward dstip 172.16.0.0/16 0"),
        ("ip in forward dstip 192.168.1.0", "ip in forward dstip 192.168.1.0/24 0"),
        ("generic out drop 0 ff 01", "generic out drop 0 ff 01 =="),
        ("0x0100", "ip out drop 0"),
    ],
)
def test_other_spellings(text, same):
    assert format_filter(encode_filter(text)) == same


@pytest.mark.parametrize(
    "text",
    [
        "",
        "forward in ip",
        "ip forward in",
        "ip in",
        "ip in forward foo",
        "ip in forward proto 47",
        "ip in forward tcp udp",
        "ip in forward tcp dstport == 80",
        "ip in forward tcp dstport = http",
        "ip in forward tcp dstport = 65536",
        "ip in forward tcp dstport =",
        "ip in forward 256",
        "ip in forward srcip 1.2.3.4/33",
        "ip in forward srcip 1.2.3.4/32 srcip 1.2.3.5/32",
        "generic out drop",
        "generic out drop 0 ff 0102",
        "generic out drop 0 ff 01 more more",
        "generic out drop 0 01020304050607 01020304050607",
        "ipx in forward",
        "0x0",
        "0x" + "00" * 33,
    ],
)
def test_what_is_no_filter_is_refused(text):
    with pytest.raises(PolicyError, match="Ascend filter"):
        encode_filter(text)


@given(st.binary(max_size=40))
def test_printing_never_fails(value):
    assert isinstance(format_filter(value), str)


def test_what_is_unknown_is_printed_in_hexadecimal():
    assert format_filter(b"\x02" + bytes(31)) == "0x02" + "00" * 31
    assert format_filter(b"\x01") == "0x01"
