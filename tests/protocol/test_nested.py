"""Vendor formats and fragments; the extended types are in tests/rfc/test_rfc6929.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusd.protocol.attribute_types import vendor_key
from radiusd.protocol.encode import attribute
from radiusd.protocol.nested import unfold

WIMAX = 24757
FORMATS = {WIMAX: (1, 1, True), 429: (4, 0, False), 4846: (2, 1, False), 8164: (2, 2, False)}


def vendor(number, octets):
    return 26, number.to_bytes(4, "big") + octets


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (vendor(429, b"\0\0\x90\x01abc"), [(vendor_key(429, 0x9001), b"abc")]),
        (vendor(429, b"\0\0\x90\x01"), [(vendor_key(429, 0x9001), b"")]),
        (
            vendor(4846, b"\x01\x02\x06abc\x01\x03\x04d"),
            [(vendor_key(4846, 0x102), b"abc"), (vendor_key(4846, 0x103), b"d")],
        ),
        (vendor(8164, b"\x01\x02\x00\x07abc"), [(vendor_key(8164, 0x102), b"abc")]),
        (
            vendor(9, b"\x01\x05abc\x01\x03d\x02\x02"),
            [(vendor_key(9, 1), b"abc"), (vendor_key(9, 1), b"d"), (vendor_key(9, 2), b"")],
        ),
        (vendor(WIMAX, b"\x01\x06\x00abc"), [(vendor_key(WIMAX, 1), b"abc")]),
    ],
)
def test_formats(given_, expected):
    assert unfold([given_], FORMATS) == expected


@pytest.mark.parametrize(
    "whole",
    [
        vendor(429, b"\0\0\x90"),
        vendor(4846, b"\x01\x02\x02abc"),
        vendor(4846, b"\x01\x02\x07abc"),
        vendor(8164, b"\x01\x02\x00\x08abc"),
        vendor(9, b"\x01\x05abc\x01"),
        vendor(9, b"\x01\x05abc\x01\x00"),
        vendor(WIMAX, b"\x01\x06"),
        vendor(WIMAX, b"\x01\x07\x00abc"),
        vendor(WIMAX, b"\x01\x06\x80abc"),  # more is promised and does not come
        vendor(1 << 24, b"\x01\x05abc"),
    ],
)
def test_what_does_not_follow_its_format_stays_whole(whole):
    assert unfold([(1, b"a"), whole, (4, b"b")], FORMATS) == [(1, b"a"), whole, (4, b"b")]


def test_continued_fragments_are_joined_in_place():
    first, second = vendor(WIMAX, b"\x01\x06\x80abc"), vendor(WIMAX, b"\x01\x05\x00de")
    other = vendor(WIMAX, b"\x02\x04\x00z")
    expected = [(1, b"a"), (vendor_key(WIMAX, 1), b"abcde"), (vendor_key(WIMAX, 2), b"z")]
    assert unfold([(1, b"a"), first, second, other], FORMATS) == expected


@pytest.mark.parametrize("between", [(1, b"x"), vendor(WIMAX, b"\x02\x04\x00z"), vendor(9, b"\x01\x03z")])
def test_fragments_with_something_between_are_not_joined(between):
    first, second = vendor(WIMAX, b"\x01\x06\x80abc"), vendor(WIMAX, b"\x01\x05\x00de")
    found = unfold([first, between, second], FORMATS)
    assert found[0] == first
    assert found[2] == (vendor_key(WIMAX, 1), b"de")


@pytest.mark.parametrize("run", [[(245, b"\x01\x80a")] * 200, [vendor(WIMAX, b"\x01\x04\x80a")] * 200])
def test_a_run_without_an_end_is_left_as_it_came(run):
    assert unfold(run, FORMATS) == run


@given(
    st.sampled_from([1, 2, 4]),
    st.sampled_from([0, 1, 2]),
    st.booleans(),
    st.integers(0, 255),
    st.binary(min_size=1, max_size=240),
    st.binary(max_size=1500),
)
def test_any_format_is_read_as_it_is_written(type_size, length_size, continued, number, value, longer):
    formats = {77: (type_size, length_size, continued)}
    key = vendor_key(77, number)
    written = attribute(key, value + longer if continued else value, formats)
    found, at = [], 0
    while at < len(written):
        found.append((written[at], written[at + 2 : at + written[at + 1]]))
        at += written[at + 1]
    assert unfold(found, formats) == [(key, value + longer if continued else value)]
