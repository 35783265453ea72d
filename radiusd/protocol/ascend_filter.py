"""Ascend's packet filters (Ascend-Data-Filter, Ascend-Call-Filter): a line of words to 32 octets and back.

    ip|generic in|out forward|drop …
    ip:      [dstip A/N] [srcip A/N] [tcp|udp|icmp|ospf|NUMBER] [srcport < = > != N] [dstport …] [est]
    generic: OFFSET MASK VALUE [== | !=] [more], mask and value hexadecimal, of one length, 1 to 6 octets

The words are case-insensitive. The octets are type, forward, in, a spare one, then per type what `_IP` and `_GENERIC`
lay out, filled with zeros. IPX filters are taken and printed as 0x….
"""

import struct
from collections.abc import Iterator
from ipaddress import IPv4Address

from radiusd.errors import PolicyError

LENGTH = 32

_HEAD = struct.Struct("!BBBx")
_IP = struct.Struct("!4s4sBBBBHHBB")
_GENERIC = struct.Struct("!HHH6s6sB")
_TYPES = {"generic": 0, "ip": 1}
_PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "ospf": 89}
_PROTOCOL_NAMES = {number: name for name, number in _PROTOCOLS.items()}
_COMPARISONS = {"<": 1, "=": 2, ">": 3, "!=": 4}
_COMPARISON_NAMES = {number: name for name, number in _COMPARISONS.items()}
_PATTERN_OCTETS = 6


def encode_filter(text: str) -> bytes:
    """Turn a filter into its 32 octets; `0x…` is taken as it is, filled with zeros. Raises PolicyError."""
    try:
        raw = bytes.fromhex(text[2:]) if text[:2].lower() == "0x" else _parse(text.lower().split())
    except (ValueError, LookupError, StopIteration, struct.error):
        raise PolicyError(f"{text!r} is not an Ascend filter such as 'ip in forward tcp dstport = 80'") from None
    if len(raw) > LENGTH:
        raise PolicyError(f"an Ascend filter has {LENGTH} octets, not {len(raw)}")
    return raw.ljust(LENGTH, b"\x00")


def format_filter(value: bytes) -> str:
    """Print the octets of a filter as `encode_filter` reads them; what is none prints as 0x…."""
    if len(value) < _HEAD.size + _IP.size:
        return "0x" + value.hex()
    kind, forward, inward = _HEAD.unpack_from(value)
    head = f"{'in' if inward else 'out'} {'forward' if forward else 'drop'}"
    if kind == _TYPES["ip"]:
        return f"ip {head}{_print_ip(value)}"
    if kind == _TYPES["generic"]:
        printed = _print_generic(value)
        if printed is not None:
            return f"generic {head} {printed}"
    return "0x" + value.hex()


def _parse(words: list[str]) -> bytes:
    kind, direction, action = _TYPES[words[0]], ("out", "in").index(words[1]), ("drop", "forward").index(words[2])
    body = _parse_ip(iter(words[3:])) if kind else _parse_generic(words[3:])
    return _HEAD.pack(kind, action, direction) + body


def _parse_ip(words: Iterator[str]) -> bytes:
    addresses = {"srcip": (bytes(4), 0), "dstip": (bytes(4), 0)}
    ports = {"srcport": (0, 0), "dstport": (0, 0)}
    protocol = established = 0
    seen = set()
    for word in words:
        name = word if word in addresses or word in ports or word == "est" else "protocol"
        if name in seen:
            raise ValueError
        seen.add(name)
        if word in addresses:
            addresses[word] = _address(next(words))
        elif word in ports:
            comparison = _COMPARISONS[next(words)]
            ports[word] = (int(next(words)), comparison)
        elif word == "est":
            established = 1
        else:
            protocol = _PROTOCOLS[word] if word in _PROTOCOLS else int(word)
    (source, source_bits), (target, target_bits) = addresses.values()
    (source_port, source_how), (target_port, target_how) = ports.values()
    return _IP.pack(
        source,
        target,
        source_bits,
        target_bits,
        protocol,
        established,
        source_port,
        target_port,
        source_how,
        target_how,
    )


def _address(text: str) -> tuple[bytes, int]:
    address, slash, bits = text.partition("/")
    packed = IPv4Address(address).packed
    if slash:
        if not 0 <= int(bits) <= 32:
            raise ValueError
        return packed, int(bits)
    # With no mask, that of the address's class.
    first = packed[0]
    classful = 8 if first < 128 else 16 if first < 192 else 24 if first < 224 else 32
    return packed, classful if any(packed) else 0


def _parse_generic(words: list[str]) -> bytes:
    offset, mask, wanted = int(words[0]), bytes.fromhex(words[1]), bytes.fromhex(words[2])
    options = words[3:]
    if not 0 < len(mask) == len(wanted) <= _PATTERN_OCTETS:
        raise ValueError
    differs = 0
    if options and options[0] in ("==", "!="):
        differs = int(options.pop(0) == "!=")
    if options not in ([], ["more"]):
        raise ValueError
    return _GENERIC.pack(offset, len(mask), len(options), mask, wanted, differs)


def _print_ip(value: bytes) -> str:
    source, target, source_bits, target_bits, protocol, established, *ports = _IP.unpack_from(value, _HEAD.size)
    text = ""
    for name, address, bits in (("srcip", source, source_bits), ("dstip", target, target_bits)):
        if any(address):
            text += f" {name} {IPv4Address(address)}/{bits}"
    text += f" {_PROTOCOL_NAMES.get(protocol, protocol)}"
    for name, port, how in (("srcport", ports[0], ports[2]), ("dstport", ports[1], ports[3])):
        if how:
            text += f" {name} {_COMPARISON_NAMES.get(how, '?')} {port}"
    return text + (" est" if established else "")


def _print_generic(value: bytes) -> str | None:
    offset, octets, more, mask, wanted, differs = _GENERIC.unpack_from(value, _HEAD.size)
    if not 0 < octets <= _PATTERN_OCTETS:
        return None
    pattern = f"{offset} {mask[:octets].hex()} {wanted[:octets].hex()}"
    return pattern + (" !=" if differs else " ==") + (" more" if more else "")
