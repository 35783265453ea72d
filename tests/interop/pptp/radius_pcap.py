"""RADIUS packets out of a pcap file of Ethernet frames, read with nothing but the standard library.

It shares no code with the server on purpose: it is the witness of what was on the wire (RFC 2865, RFC 2866).
"""

import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CODES = {
    1: "Access-Request",
    2: "Access-Accept",
    3: "Access-Reject",
    4: "Accounting-Request",
    5: "Accounting-Response",
    11: "Access-Challenge",
    12: "Status-Server",
}
REQUESTS = {1, 4, 12}
STATUS_TYPES = {1: "Start", 2: "Stop", 3: "Interim-Update", 7: "Accounting-On", 8: "Accounting-Off"}
TEXT = {
    1: "User-Name",
    11: "Filter-Id",
    18: "Reply-Message",
    22: "Framed-Route",
    30: "Called-Station-Id",
    31: "Calling-Station-Id",
    32: "NAS-Identifier",
    44: "Acct-Session-Id",
    87: "NAS-Port-Id",
}
NUMBER = {
    5: "NAS-Port",
    6: "Service-Type",
    7: "Framed-Protocol",
    12: "Framed-MTU",
    27: "Session-Timeout",
    28: "Idle-Timeout",
    40: "Acct-Status-Type",
    41: "Acct-Delay-Time",
    42: "Acct-Input-Octets",
    43: "Acct-Output-Octets",
    45: "Acct-Authentic",
    46: "Acct-Session-Time",
    47: "Acct-Input-Packets",
    48: "Acct-Output-Packets",
    49: "Acct-Terminate-Cause",
    52: "Acct-Input-Gigawords",
    53: "Acct-Output-Gigawords",
    61: "NAS-Port-Type",
    85: "Acct-Interim-Interval",
}
ADDRESS = {4: "NAS-IP-Address", 8: "Framed-IP-Address", 9: "Framed-IP-Netmask"}
OCTETS = {2: "User-Password", 3: "CHAP-Password", 25: "Class", 60: "CHAP-Challenge", 80: "Message-Authenticator"}
MICROSOFT = {
    1: "MS-CHAP-Response",
    2: "MS-CHAP-Error",
    7: "MS-MPPE-Encryption-Policy",
    8: "MS-MPPE-Encryption-Types",
    11: "MS-CHAP-Challenge",
    12: "MS-CHAP-MPPE-Keys",
    16: "MS-MPPE-Send-Key",
    17: "MS-MPPE-Recv-Key",
    25: "MS-CHAP2-Response",
    26: "MS-CHAP2-Success",
}


@dataclass
class Datagram:
    """One RADIUS packet: when, between which UDP ports, its octets."""

    time: float
    source_port: int
    port: int
    data: bytes

    @property
    def code(self) -> int:
        return self.data[0]


@dataclass
class Exchange:
    """A request, the times it was sent at, and its answer if one came."""

    request: Datagram
    sent: list[float] = field(default_factory=list)
    reply: Datagram | None = None


def attributes(packet: bytes) -> list[tuple[str, str | int]]:
    """Name and show the attributes of a packet, in the order of the wire."""
    found: list[tuple[str, str | int]] = []
    at, end = 20, int.from_bytes(packet[2:4], "big")
    while at + 2 <= end and packet[at + 1] >= 2:
        kind, value = packet[at], packet[at + 2 : at + packet[at + 1]]
        at += packet[at + 1]
        if kind == 26 and len(value) > 6:
            vendor, inner = struct.unpack("!IB", value[:5])
            name = MICROSOFT.get(inner) if vendor == 311 else None
            found.append((name or f"Vendor-{vendor}-{inner}", "0x" + value[6:].hex()))
        elif kind in TEXT:
            found.append((TEXT[kind], value.decode("utf-8", "backslashreplace")))
        elif kind in NUMBER and len(value) == 4:
            found.append((NUMBER[kind], int.from_bytes(value, "big")))
        elif kind in ADDRESS and len(value) == 4:
            found.append((ADDRESS[kind], str(ipaddress.IPv4Address(value))))
        else:
            found.append((OCTETS.get(kind, f"Attr-{kind}"), "0x" + value.hex()))
    return found


def datagrams(path: Path) -> Iterator[Datagram]:
    """Read the RADIUS packets of a capture; other traffic and a record cut short are passed over."""
    blob = path.read_bytes() if path.exists() else b""
    at = 24
    while at + 16 <= len(blob):
        seconds, micros, size, _ = struct.unpack("<IIII", blob[at : at + 16])
        frame = blob[at + 16 : at + 16 + size]
        at += 16 + size
        if frame[12:14] != b"\x08\x00" or len(frame) < 42 or frame[23] != 17:
            continue
        udp = 14 + (frame[14] & 15) * 4
        source, target, length = struct.unpack("!HHH", frame[udp : udp + 6])
        data = frame[udp + 8 : udp + length]
        if len(data) >= 20 and data[0] in CODES and int.from_bytes(data[2:4], "big") <= len(data):
            yield Datagram(seconds + micros / 1e6, source, target, data)


def exchanges(path: Path) -> list[Exchange]:
    """Pair requests with their answers; the same request sent again is one exchange."""
    found: list[Exchange] = []
    for packet in datagrams(path):
        if packet.code in REQUESTS:
            same = [x for x in found if (x.request.source_port, x.request.data) == (packet.source_port, packet.data)]
            if not same:
                found.append(Exchange(packet))
                same = found[-1:]
            same[0].sent.append(packet.time)
            continue
        for x in reversed(found):
            if (x.request.port, x.request.source_port) == (packet.source_port, packet.port) and (
                x.request.data[1] == packet.data[1]
            ):
                x.reply = x.reply or packet
                break
    return found
