"""Values: the text of a policy row to wire octets and back, one small codec a data type.

The accepted spellings and the printed forms are those of FreeRADIUS 3.2 as observed through its radclient, with three
differences: a host name is never resolved, a number that does not fit is refused where FreeRADIUS keeps its low bits
(-1 for all ones is kept), and a date may also be written as ISO 8601. Dates without a zone are the server's local time.
Data types are RFC 2865 5, RFC 3162, RFC 6929 and RFC 8044, and FreeRADIUS's own abinary, byte, short, ether, combo-ip.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Address, IPv6Network

from radiusd.errors import PolicyError
from radiusd.protocol.ascend_filter import encode_filter, format_filter

# Octets of the types whose values are all of one length.
SIZES: Mapping[str, int] = {
    "byte": 1,
    "short": 2,
    "integer": 4,
    "signed": 4,
    "integer64": 8,
    "bool": 1,
    "date": 4,
    "ipaddr": 4,
    "ipv6addr": 16,
    "ipv4prefix": 6,
    "ifid": 8,
    "ether": 6,
}
INTEGERS = frozenset(("byte", "short", "integer", "signed", "integer64", "bool"))

_NUMBER = re.compile(r"\s*(?:0[xX]([0-9a-fA-F]{1,32})|([+-]?[0-9]{0,40}))\s*")
_ESCAPE = re.compile(rb'\\(?:([\\"])|([nrt])|([0-7]{3}))')
_CONTROL = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_HEX = re.compile(r"[0-9a-fA-F]*")
_IFID = re.compile(r"[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4}){3}")
_ETHER = re.compile(r"[0-9a-fA-F]{1,2}(?:[:-][0-9a-fA-F]{1,2}){5}")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO = re.compile(r"\d{4}-\d\d-\d\d.*")
_BOOLEANS = {"yes": 1, "true": 1, "on": 1, "no": 0, "false": 0, "off": 0}
_IPV4_OCTETS = 4
_IPV6_OCTETS = 16
_OLDEST_YEAR = 1900


def encode_value(kind: str, text: str, values: Mapping[str, int]) -> bytes:
    """Turn `text` into the octets of a value of data type `kind`; `values` maps lower-case names to numbers.

    Raises PolicyError that says what was expected; the message never holds a string's text, which may be a password.
    """
    if kind in INTEGERS:
        return _encode_integer(kind, text, values)
    encoder = _ENCODERS.get(kind, encode_octets)
    return encoder(text)


def decode_value(kind: str, value: bytes, names: Mapping[int, str]) -> str:
    """Print the octets of a value of data type `kind`; never raises: what does not fit its type prints as 0x…."""
    size = SIZES.get(kind)
    if size is not None and len(value) != size:
        return "0x" + value.hex()
    if kind in INTEGERS:
        number = int.from_bytes(value, "big", signed=kind == "signed")
        return names.get(number) or str(number)
    printer = _PRINTERS.get(kind)
    try:
        return printer(value) if printer is not None else "0x" + value.hex()
    except (ValueError, OverflowError):
        return "0x" + value.hex()


def unescape(text: str) -> bytes:
    r"""Resolve the escapes that FreeRADIUS knows in a string: `\\`, `\"`, `\n`, `\r`, `\t` and `\ooo`, else literal."""
    raw = text.encode("utf-8", "surrogateescape")
    if b"\\" not in raw:
        return raw
    return _ESCAPE.sub(_unescaped, raw)


def _unescaped(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return match[1]
    return _CONTROL[match[2]] if match[2] else bytes((int(match[3], 8) & 0xFF,))


def escape(value: str) -> str:
    r"""Write `value` so that `unescape` returns it: the way to store a literal backslash in a policy row."""
    return re.sub(r'\\(?=[\\"nrt]|[0-7]{3}|$)', r"\\\\", value)


def encode_octets(text: str) -> bytes:
    """Read octets: `0x` and an even number of hexadecimal digits, else the text itself."""
    if text[:2].lower() != "0x":
        return text.encode("utf-8", "surrogateescape")
    digits = text[2:]
    if not _HEX.fullmatch(digits):
        raise PolicyError("the value starts with 0x but is not hexadecimal")
    if len(digits) % 2:
        raise PolicyError(f"the number of hexadecimal digits must be even, not {len(digits)}")
    return bytes.fromhex(digits)


def _integer(text: str) -> int | None:
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    if match[1]:
        return int(match[1], 16)
    return int(match[2]) if match[2].strip("+-") else 0


def _encode_integer(kind: str, text: str, values: Mapping[str, int]) -> bytes:
    number = _integer(text)
    if number is None:
        number = values.get(text.lower())
    if number is None and kind == "bool":
        number = _BOOLEANS.get(text.lower())
    if number is None:
        hint = " or one of its names" if values else ""
        raise PolicyError(f"{text!r} is not a number{hint}")
    bits = 8 * SIZES[kind]
    lowest, highest = (-(1 << bits - 1), (1 << bits) - 1)
    if not lowest <= number <= highest:
        raise PolicyError(f"{number} does not fit in {bits} bits")
    return (number % (1 << bits)).to_bytes(bits // 8, "big")


def _encode_ipaddr(text: str) -> bytes:
    address, slash, length = text.partition("/")
    if address == "*":
        return bytes(_IPV4_OCTETS)
    if slash and length != "32":
        raise PolicyError(f"{text!r}: an address may only have the mask /32")
    # The classic notation: octal and hexadecimal parts, and a last part that fills the octets left.
    try:
        parts = [_c_integer(part) for part in address.split(".")]
    except ValueError:
        parts = []
    if not 0 < len(parts) <= _IPV4_OCTETS or any(part > 255 for part in parts[:-1]):
        raise PolicyError(f"{text!r} is not an IPv4 address")
    left = _IPV4_OCTETS + 1 - len(parts)
    if parts[-1] >= 1 << 8 * left:
        raise PolicyError(f"{text!r} is not an IPv4 address")
    return bytes(parts[:-1]) + parts[-1].to_bytes(left, "big")


def _c_integer(text: str) -> int:
    if text[:2].lower() == "0x" and _HEX.fullmatch(text, 2):
        return int(text, 16)
    if not (text.isascii() and text.isdigit()):
        raise ValueError
    return int(text, 8 if text[0] == "0" else 10)


def _encode_ipv6addr(text: str) -> bytes:
    address, slash, length = text.partition("/")
    try:
        packed = IPv6Address("::" if address == "*" else address).packed
    except ValueError:
        raise PolicyError(f"{text!r} is not an IPv6 address") from None
    if slash and length != "128":
        raise PolicyError(f"{text!r}: an address may only have the mask /128")
    return packed


def _encode_ipv4prefix(text: str) -> bytes:
    try:
        network = IPv4Network(text, strict=False)
    except ValueError:
        raise PolicyError(f"{text!r} is not an IPv4 prefix (192.0.2.0/24)") from None
    return bytes((0, network.prefixlen)) + network.network_address.packed


def _encode_ipv6prefix(text: str) -> bytes:
    try:
        network = IPv6Network(text, strict=False)
    except ValueError:
        raise PolicyError(f"{text!r} is not an IPv6 prefix (2001:db8::/32)") from None
    return bytes((0, network.prefixlen)) + network.network_address.packed


def _encode_combo(text: str) -> bytes:
    return _encode_ipv6addr(text) if ":" in text else _encode_ipaddr(text)


def _encode_ifid(text: str) -> bytes:
    if not _IFID.fullmatch(text):
        raise PolicyError(f"{text!r} is not an interface id (four groups of up to four hexadecimal digits)")
    return b"".join(int(group, 16).to_bytes(2, "big") for group in text.split(":"))


def _encode_ether(text: str) -> bytes:
    if text.isascii() and text.isdigit() and int(text) < 1 << 48:
        return int(text).to_bytes(6, "big")
    if not _ETHER.fullmatch(text):
        raise PolicyError(f"{text!r} is not an Ethernet address (00:11:22:33:44:55)")
    return bytes(int(group, 16) for group in re.split("[:-]", text))


def _encode_date(text: str) -> bytes:
    seconds = parse_date(text)
    if not 0 <= seconds < 1 << 32:
        raise PolicyError(f"{text!r} is outside what a RADIUS date can hold (1970 to 2106)")
    return seconds.to_bytes(4, "big")


def parse_date(text: str) -> int:
    """Read a date as epoch seconds: digits, ISO 8601, or `1 Jan 2030[ HH:MM[:SS]]` with the parts in any order.

    24:00:00 and days past the month's end roll over. A zone name after the time is ignored: without an ISO offset the
    time is local. Raises PolicyError.
    """
    text = text.strip()
    try:
        if not text or (text.isascii() and text.isdigit()):
            return int(text or "0")
        if _ISO.fullmatch(text):
            return int(datetime.fromisoformat(text).timestamp())
        return _parse_words(text.split()[:4])
    except (ValueError, OverflowError, IndexError):
        raise PolicyError(f"{text!r} is not a date; write 1 Jan 2030 00:00:00, 2030-01-01 or seconds") from None


def _parse_words(words: list[str]) -> int:
    clock = [word for word in words if ":" in word][:1]
    month = [word for word in words if word[0].isalpha()][:1]
    year, day = (int(word) for word in words if word not in clock + month)
    if year < _OLDEST_YEAR:
        year, day = day, year
    if year < _OLDEST_YEAR or not 1 <= day <= 31:
        raise ValueError
    hours, minutes, seconds = (*(int(part) for part in clock[0].split(":")), 0, 0)[:3] if clock else (0, 0, 0)
    # Local midnight first, then days and clock as differences of wall time, so that both roll over.
    start = datetime(year, _MONTHS.index(month[0][:3].lower()) + 1, 1)  # noqa: DTZ001 - local time is what is meant
    moment = start + timedelta(days=day - 1, hours=hours, minutes=minutes, seconds=seconds)
    return int(moment.timestamp())


def _print_string(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        # Only the octets that are no UTF-8 are escaped, each as FreeRADIUS prints it.
        text = re.sub("[\udc80-\udcff]", _octal, value.decode("utf-8", "surrogateescape"))
    return text if text.isprintable() else re.sub(r"[\x00-\x1f\x7f]", _octal, text)


def _octal(match: re.Match[str]) -> str:
    return _PRINTED.get(match[0]) or f"\\{ord(match[0]) & 0xFF:03o}"


_PRINTED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _print_date(value: bytes) -> str:
    moment = datetime.fromtimestamp(int.from_bytes(value, "big")).astimezone()
    return f"{_MONTHS[moment.month - 1].title()} {moment.day:2d} {moment:%Y %H:%M:%S %Z}"


def _print_ipaddr(value: bytes) -> str:
    return ".".join(map(str, value))


def _print_ipv6addr(value: bytes) -> str:
    return str(IPv6Address(value))


def _print_combo(value: bytes) -> str:
    return _print_ipaddr(value) if len(value) == _IPV4_OCTETS else _print_ipv6addr(value)


def _print_ipv4prefix(value: bytes) -> str:
    return f"{_print_ipaddr(value[2:])}/{value[1]}" if value[1] <= 32 else "0x" + value.hex()


def _print_ipv6prefix(value: bytes) -> str:
    # RFC 3162 2.3: the prefix's trailing octets may be left out.
    if not 2 <= len(value) <= 2 + _IPV6_OCTETS or value[1] > 128:
        return "0x" + value.hex()
    return f"{_print_ipv6addr(value[2:].ljust(_IPV6_OCTETS, bytes(1)))}/{value[1]}"


def _print_ifid(value: bytes) -> str:
    return ":".join(f"{int.from_bytes(value[at : at + 2], 'big'):x}" for at in (0, 2, 4, 6))


_ENCODERS: Mapping[str, Callable[[str], bytes]] = {
    "string": unescape,
    "ipaddr": _encode_ipaddr,
    "ipv6addr": _encode_ipv6addr,
    "ipv4prefix": _encode_ipv4prefix,
    "ipv6prefix": _encode_ipv6prefix,
    "combo-ip": _encode_combo,
    "ifid": _encode_ifid,
    "ether": _encode_ether,
    "date": _encode_date,
    "abinary": encode_filter,
}

_PRINTERS: Mapping[str, Callable[[bytes], str]] = {
    "string": _print_string,
    "ipaddr": _print_ipaddr,
    "ipv6addr": _print_ipv6addr,
    "ipv4prefix": _print_ipv4prefix,
    "ipv6prefix": _print_ipv6prefix,
    "combo-ip": _print_combo,
    "ifid": _print_ifid,
    "ether": lambda value: value.hex(":"),
    "date": _print_date,
    "abinary": format_filter,
}
