"""Reading a datagram: one pass from octets to `(key, value)` tuples.

The rule: `decode` gives a Packet or raises WireError with a fixed reason; it knows no dictionary and judges no
value. Keys are those of `attribute_types`; a value is the attribute's octets, tag included. Octets after Length are
padding and are ignored (RFC 2865 section 3). What is malformed *inside* a Vendor-Specific or extended attribute is
no reason to drop a packet: the attribute is kept whole, as `(26, value)` or `(241 to 246, value)`.

The common case is read here; what has a structure of its own (several vendor attributes in one, unusual vendor
formats, extended types, fragments) is unfolded by `nested`, and only when the first pass has met it.

RFC 2865 sections 3 and 5, RFC 2869 section 5.14, RFC 6929.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from radiusd.errors import WireError
from radiusd.protocol.attribute_types import PROXY_STATE
from radiusd.protocol.nested import MAX_VENDOR, VendorFormat, unfold

HEADER_LENGTH: Final = 20
MAX_LENGTH: Final = 4096
MAX_ATTRIBUTES: Final = 200

REASONS: Final = (
    "short-packet",
    "length-field-small",
    "packet-too-long",
    "length-over-datagram",
    "attribute-length",
    "attribute-overrun",
    "attribute-type-zero",
    "too-many-attributes",
    "message-authenticator-length",
    "message-authenticator-twice",
)

NO_FORMATS: Final[Mapping[int, VendorFormat]] = MappingProxyType({})

# Types that are more than "a type and its octets". A bytes table would be no faster than this set.
_SPECIAL: Final = frozenset({0, 26, 80, 241, 242, 243, 244, 245, 246})


class Packet:
    """A decoded packet.

    `raw` is the datagram cut to Length; `message_authenticator_at` is the offset in `raw` of the sixteen octets of
    Message-Authenticator, or -1. A packet is read, never changed: `first` looks in an index that it makes once.
    """

    __slots__ = ("_index", "attributes", "authenticator", "code", "identifier", "message_authenticator_at", "raw")

    def __init__(self, raw: bytes, attributes: list[tuple[int, bytes]], message_authenticator_at: int = -1) -> None:
        self.code = raw[0]
        self.identifier = raw[1]
        self.authenticator = raw[4:20]
        self.attributes = attributes
        self.raw = raw
        self.message_authenticator_at = message_authenticator_at
        self._index: dict[int, bytes] | None = None

    def __repr__(self) -> str:
        # Values may be passwords: none is shown.
        return f"Packet(code={self.code}, identifier={self.identifier}, attributes={len(self.attributes)})"

    def first(self, key: int) -> bytes | None:
        """Return the value of the first attribute with this key, or None."""
        index = self._index
        if index is None:
            # Filled from the back, so that the first of several instances stays.
            index = self._index = dict(reversed(self.attributes))
        return index.get(key)

    def all(self, key: int) -> list[bytes]:
        """Return the values of all attributes with this key, in the packet's order."""
        return [value for found, value in self.attributes if found == key]

    @property
    def proxy_states(self) -> list[bytes]:
        """The Proxy-State attributes as on the wire, type and length included, in order, ready to end a reply."""
        if self.first(PROXY_STATE) is None:
            return []
        return [bytes((PROXY_STATE, len(value) + 2)) + value for value in self.all(PROXY_STATE)]


def decode(data: bytes, formats: Mapping[int, VendorFormat] = NO_FORMATS) -> Packet:
    """Decode one datagram.

    `formats` gives the layout of each vendor that does not use one octet for type and one for length: octets of the
    type (1, 2, 4), octets of the length (0, 1, 2), whether a continuation octet follows.
    Raises WireError with one of `REASONS`.
    """
    # One loop with its branches in place: a call for each attribute would double the time that this takes.
    data = _trimmed(data)
    length = len(data)
    attributes: list[tuple[int, bytes]] = []
    append = attributes.append
    folded = False
    mac_at = -1
    at = HEADER_LENGTH
    try:
        while at < length:
            number = data[at]
            start = at + 2
            end = at + data[at + 1]
            if end < start:
                raise WireError("attribute-length")
            if number not in _SPECIAL:
                append((number, data[start:end]))
            elif number == 26:
                # An inner length that fills the whole: one attribute of an ordinary vendor, by far the usual case.
                vendor = int.from_bytes(data[start : at + 6], "big")
                inner = end - at - 6
                if inner >= 2 and data[at + 7] == inner and vendor not in formats and 0 < vendor <= MAX_VENDOR:
                    append((vendor << 32 | data[at + 6], data[at + 8 : end]))
                else:
                    append((26, data[start:end]))
                    folded = True
            elif number == 80:
                _check_message_authenticator(end - at, mac_at)
                mac_at = start
                append((80, data[start:end]))
            elif number == 0:
                raise WireError("attribute-type-zero")
            else:
                append((number, data[start:end]))
                folded = True
            at = end
    except IndexError:
        # The packet ends in the head of an attribute.
        raise WireError("attribute-overrun") from None
    if at != length:
        # The last attribute claims more than there is; its value was cut short, and goes nowhere.
        raise WireError("attribute-overrun")
    if len(attributes) > MAX_ATTRIBUTES:
        raise WireError("too-many-attributes")
    return Packet(data, unfold(attributes, formats) if folded else attributes, mac_at)


def _trimmed(data: bytes) -> bytes:
    """Return the datagram without what follows Length (RFC 2865 section 3)."""
    size = len(data)
    if size < HEADER_LENGTH:
        raise WireError("short-packet")
    length = data[2] << 8 | data[3]
    if length < HEADER_LENGTH:
        raise WireError("length-field-small")
    if length > MAX_LENGTH:
        raise WireError("packet-too-long")
    if length > size:
        raise WireError("length-over-datagram")
    return data if length == size else data[:length]


def _check_message_authenticator(size: int, seen_at: int) -> None:
    """Refuse a Message-Authenticator that is not 18 octets in all, or that is the second (RFC 3579 section 3.2)."""
    if size != 18:
        raise WireError("message-authenticator-length")
    if seen_at >= 0:
        raise WireError("message-authenticator-twice")
