"""Writing attributes and packets.

The rule: a reply is one concatenation. `body` is attributes that are already encoded (most of them long before the
request came), Message-Authenticator stands first where it is asked for, and the caller ends the body with the
Proxy-State of the request. What cannot be put on the wire raises WireError; nothing is shortened in silence.

RFC 2865 sections 3 and 5, RFC 3579 section 3.2, RFC 5176 section 2.3, RFC 5997, RFC 6929 sections 2.1 and 2.2.
"""

from collections.abc import Mapping
from typing import Final

from radiusd.errors import WireError
from radiusd.protocol.attribute_types import CHARGEABLE_USER_IDENTITY, EAP_MESSAGE
from radiusd.protocol.authenticator import ZEROS, Secret
from radiusd.protocol.codes import DIGEST_REQUESTS
from radiusd.protocol.nested import MAX_VENDOR, MORE, PLAIN_FORMAT, VendorFormat
from radiusd.protocol.packet import HEADER_LENGTH, MAX_LENGTH, NO_FORMATS

MAX_VALUE: Final = 253
"""The most octets that fit behind a type and a length octet."""

MAX_VENDOR_VALUE: Final = 247
"""The most octets of a vendor's attribute in the ordinary format."""

_MESSAGE_AUTHENTICATOR_HEAD: Final = b"\x50\x12"
_UNSIGNED: Final = _MESSAGE_AUTHENTICATOR_HEAD + ZEROS
# These two say something by being there, even empty (RFC 3579 section 2.1: EAP-Start; RFC 4372 section 2.2).
_MAY_BE_EMPTY: Final = frozenset({EAP_MESSAGE, CHARGEABLE_USER_IDENTITY})


def attribute(key: int, value: bytes, formats: Mapping[int, VendorFormat] = NO_FORMATS) -> bytes:
    """Encode one attribute, with its vendor or extended wrapping.

    `key` is one of `attribute_types`, `formats` as for `packet.decode`. Long extended attributes and those of
    vendors with a continuation octet become as many fragments as they need. An empty value gives no octets at all
    (RFC 2865 section 5: omit the attribute), but for EAP-Message and Chargeable-User-Identity.
    Raises WireError: "attribute-too-long", or "attribute-not-encodable" for a key with no place on the wire.
    """
    if not value and key not in _MAY_BE_EMPTY:
        return b""
    if key >> 32:
        return _vendor(key >> 32, key & 0xFFFFFFFF, value, formats)
    if key >> 16:
        return _extended(key >> 16, key & 0xFFFF, value)
    if not 0 < key < 256:
        raise WireError("attribute-not-encodable")
    return _tlv(key, value)


def split_attribute(key: int, value: bytes, formats: Mapping[int, VendorFormat] = NO_FORMATS) -> bytes:
    """Encode one value as several instances where one is too small (EAP-Message, `concat` octets)."""
    room = MAX_VENDOR_VALUE if key >> 32 else MAX_VALUE
    if len(value) <= room:
        return attribute(key, value, formats)
    return b"".join(attribute(key, value[at : at + room], formats) for at in range(0, len(value), room))


def response(
    code: int,
    identifier: int,
    request_authenticator: bytes,
    secret: Secret,
    body: bytes,
    *,
    message_authenticator: bool,
) -> bytes:
    """Return a whole response.

    Message-Authenticator comes first when asked for, calculated over the request's authenticator.
    Raises WireError("packet-too-long") over 4096 octets.
    """
    if message_authenticator:
        header = _header(code, identifier, len(body) + 18)
        signature = secret.hmac(header + request_authenticator + _UNSIGNED + body)
        body = _MESSAGE_AUTHENTICATOR_HEAD + signature + body
    else:
        header = _header(code, identifier, len(body))
    return header + secret.digest(header + request_authenticator + body) + body


def request(
    code: int,
    identifier: int,
    secret: Secret,
    body: bytes,
    *,
    authenticator: bytes = ZEROS,
    message_authenticator: bool = True,
) -> bytes:
    """Return a whole request, as a client sends it.

    `authenticator` is sixteen octets that nobody can guess, for Access-Request and Status-Server; accounting, CoA
    and disconnect requests calculate theirs and ignore it. Raises WireError("packet-too-long") over 4096 octets.
    """
    digested = code in DIGEST_REQUESTS
    if digested:
        authenticator = ZEROS
    if message_authenticator:
        header = _header(code, identifier, len(body) + 18)
        signature = secret.hmac(header + authenticator + _UNSIGNED + body)
        body = _MESSAGE_AUTHENTICATOR_HEAD + signature + body
    else:
        header = _header(code, identifier, len(body))
    if digested:
        authenticator = secret.request_authenticator(header, body)
    return header + authenticator + body


def _header(code: int, identifier: int, body_length: int) -> bytes:
    length = HEADER_LENGTH + body_length
    if length > MAX_LENGTH:
        raise WireError("packet-too-long")
    return bytes((code, identifier, length >> 8, length & 0xFF))


def _tlv(number: int, value: bytes) -> bytes:
    if len(value) > MAX_VALUE:
        raise WireError("attribute-too-long")
    return bytes((number, len(value) + 2)) + value


def _extended(number: int, extended: int, value: bytes) -> bytes:
    """Encode an extended attribute: 241 to 244 in one piece, 245 and 246 in fragments with the More flag."""
    if not (241 <= number <= 246 and 0 < extended < 256):
        raise WireError("attribute-not-encodable")
    if number <= 244:
        return _tlv(number, bytes((extended,)) + value)
    room = MAX_VALUE - 2
    last = (len(value) - 1) // room * room
    return b"".join(
        _tlv(number, bytes((extended, MORE if at < last else 0)) + value[at : at + room])
        for at in range(0, last + 1, room)
    )


def _vendor(vendor: int, number: int, value: bytes, formats: Mapping[int, VendorFormat]) -> bytes:
    """Encode a vendor's attribute in its format, in fragments where the format has a continuation octet."""
    type_size, length_size, continued = formats.get(vendor, PLAIN_FORMAT)
    if vendor > MAX_VENDOR or number >> 8 * type_size:
        raise WireError("attribute-not-encodable")
    head = vendor.to_bytes(4, "big") + number.to_bytes(type_size, "big")
    overhead = type_size + length_size + continued
    if not continued:
        length = (overhead + len(value)).to_bytes(2, "big")[2 - length_size :]
        return _tlv(26, head + length + value)
    room = MAX_VALUE - 4 - overhead
    last = (len(value) - 1) // room * room
    fragments = []
    for at in range(0, last + 1, room):
        octets = value[at : at + room]
        length = (overhead + len(octets)).to_bytes(2, "big")[2 - length_size :]
        fragments.append(_tlv(26, head + length + bytes((MORE if at < last else 0,)) + octets))
    return b"".join(fragments)
