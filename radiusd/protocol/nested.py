"""Attributes inside attributes: vendor-specific and extended ones, unfolded after the first pass.

The rule: nothing here fails. An attribute whose inside does not follow its format is left as it came, under its
outer type, as FreeRADIUS does; fragments are joined only when they follow one another without a gap and the last
one says that it is the last.

RFC 2865 section 5.26 (several vendor attributes in one), RFC 6929 section 2.1 (extended) and 2.2 (long extended),
the WiMAX continuation octet (WiMAX Forum NWG stage 3).
"""

from collections.abc import Mapping
from itertools import islice
from typing import Final

VendorFormat = tuple[int, int, bool]
"""Octets of the type, octets of the length, whether a continuation octet follows them."""

PLAIN_FORMAT: Final[VendorFormat] = (1, 1, False)
MAX_VENDOR: Final = 0xFFFFFF
"""RFC 2865 section 5.26: the high octet of a vendor's number is zero."""

MORE: Final = 0x80
"""The flag of long extended attributes and of the continuation octet: another fragment follows."""

_LONG_EXTENDED: Final = (245, 246)
_Attributes = list[tuple[int, bytes]]


def unfold(attributes: _Attributes, formats: Mapping[int, VendorFormat]) -> _Attributes:
    """Return the attributes with vendor-specific (26) and extended ones (241 to 246) taken apart.

    The order is kept; a joined attribute stands where its first fragment stood.
    """
    unfolded: _Attributes = []
    at, count = 0, len(attributes)
    while at < count:
        number, value = attributes[at]
        taken = 1
        if number == 26:
            inner = _vendor(value, formats)
            if inner is None:
                taken = _join_continued(attributes, at, formats, unfolded)
            else:
                unfolded += inner
        elif number in _LONG_EXTENDED:
            taken = _join_long(attributes, at, unfolded)
        elif 241 <= number <= 244 and value and value[0]:
            unfolded.append((number << 16 | value[0], value[1:]))
        else:
            unfolded.append((number, value))
        at += taken
    return unfolded


def _vendor(value: bytes, formats: Mapping[int, VendorFormat]) -> _Attributes | None:
    """Split the value of a Vendor-Specific attribute, or return None where a continuation octet has its say.

    A malformed value comes back whole under type 26.
    """
    whole = [(26, value)]
    size = len(value)
    vendor = int.from_bytes(value[:4], "big")
    # Five octets are the least that can hold a type. Vendor 0 is nobody, and its keys would be those of the RFC types.
    if size < 5 or not 0 < vendor <= MAX_VENDOR:
        return whole
    type_size, length_size, continued = formats.get(vendor, PLAIN_FORMAT)
    if continued:
        return None
    head = type_size + length_size
    inner: _Attributes = []
    at = 4
    while at < size:
        start = at + head
        if start > size:
            return whole
        # Without a length octet, one attribute takes all the rest.
        end = at + int.from_bytes(value[at + type_size : start], "big") if length_size else size
        if end < start or end > size:
            return whole
        inner.append((vendor << 32 | int.from_bytes(value[at : at + type_size], "big"), value[start:end]))
        at = end
    return inner


def _continued(value: bytes, formats: Mapping[int, VendorFormat]) -> tuple[int, bool, bytes] | None:
    """Read one vendor attribute with a continuation octet as (key, more, octets); None if it is malformed."""
    vendor = int.from_bytes(value[:4], "big")
    type_size, length_size, continued = formats.get(vendor, PLAIN_FORMAT)
    head = 4 + type_size + length_size + 1
    if not continued or len(value) < head:
        return None
    length = int.from_bytes(value[4 + type_size : head - 1], "big")
    if length_size and length != len(value) - 4:
        return None
    key = vendor << 32 | int.from_bytes(value[4 : 4 + type_size], "big")
    return key, bool(value[head - 1] & MORE), value[head:]


def _join_continued(
    attributes: _Attributes, at: int, formats: Mapping[int, VendorFormat], unfolded: _Attributes
) -> int:
    """Join the fragments that begin at `at`, append the result, return how many attributes were used."""
    key = -1
    parts: list[bytes] = []
    for number, value in islice(attributes, at, None):
        fragment = _continued(value, formats) if number == 26 else None
        if fragment is None or key not in (-1, fragment[0]):
            break
        key, more, octets = fragment
        parts.append(octets)
        if not more:
            unfolded.append((key, b"".join(parts)))
            return len(parts)
    return _leave(attributes, at, len(parts), unfolded)


def _join_long(attributes: _Attributes, at: int, unfolded: _Attributes) -> int:
    """Join the long extended fragments that begin at `at`, append the result, return how many were used."""
    first, head = attributes[at]
    parts: list[bytes] = []
    for number, value in islice(attributes, at, None):
        if number != first or len(value) < 2 or value[0] != head[0] or value[0] == 0:
            break
        parts.append(value[2:])
        if not value[1] & MORE:
            unfolded.append((first << 16 | head[0], b"".join(parts)))
            return len(parts)
    return _leave(attributes, at, len(parts), unfolded)


def _leave(attributes: _Attributes, at: int, fragments: int, unfolded: _Attributes) -> int:
    """Keep as they came the fragments of a run that never ends, or the one attribute that is none.

    The whole run at once: each of its fragments would fail in the same place, and a packet full of them would cost
    the square of its length.
    """
    count = max(fragments, 1)
    unfolded += attributes[at : at + count]
    return count
