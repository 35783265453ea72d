"""Accounting-Request to AccountingRecord: the facts of one packet, as `radacct` spells them.

The rule: whatever a NAS sends becomes either a record that Postgres can store or None (no status that has a row);
nothing here judges the session, `sessions.fold` does that. Text is UTF-8 with errors replaced and without NUL;
addresses come from their octets or not at all; counters fit in a bigint.

RFC 2866, RFC 2869 (Gigawords, Event-Timestamp), RFC 3162, RFC 4818, RFC 6911. The unique id is FreeRADIUS's.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import md5
from ipaddress import IPv6Address
from typing import Final

from radiusd.dictionary.attributes import Dictionary
from radiusd.policy.model import Client
from radiusd.protocol import attribute_types as types
from radiusd.protocol.packet import Packet

START: Final = 1
STOP: Final = 2
INTERIM: Final = 3
ACCOUNTING_ON: Final = 7
ACCOUNTING_OFF: Final = 8
STATUSES: Final = frozenset({START, STOP, INTERIM, ACCOUNTING_ON, ACCOUNTING_OFF})

# The columns of `radacct` that a packet states and a later packet may complete, in the order of `facts`.
FACTS: Final = (
    "username",
    "nasportid",
    "nasporttype",
    "acctauthentic",
    "calledstationid",
    "callingstationid",
    "servicetype",
    "framedprotocol",
    "framedipaddress",
    "framedipv6address",
    "framedipv6prefix",
    "framedinterfaceid",
    "delegatedipv6prefix",
    "class",
)
Facts = tuple[str | None, ...]
# Gives the value of the first attribute with a key, None where the packet has none: `Packet.first` will do.
First = Callable[[int], bytes | None]

# A bigint's greatest value: hostile Gigawords reach twice as far.
_MOST: Final = (1 << 63) - 1
_CLASS_ID: Final = re.compile(rb"ai:([0-9a-f]{32})", re.IGNORECASE)


@dataclass(slots=True)
class AccountingRecord:
    """One Accounting-Request. Times are epoch seconds; counters are None where the packet has none.

    `event_time` is when it happened by the NAS's clock (`timestamped`), else when it was sent by ours; `sent_at` is
    always by ours; `received` is when it came. `interval_granted` (seconds) and `group_name` are the engine's, from
    the user's policy. For Accounting-On and -Off only `nas_ip`, `client_name` and the times mean anything.
    """

    status: int
    unique_id: str
    session_id: str
    nas_ip: str
    client_name: str
    client_kind: str
    facts: Facts
    event_time: float
    timestamped: bool
    sent_at: float
    received: float
    session_time: int | None = None
    input_octets: int | None = None
    output_octets: int | None = None
    connect_info: str = ""
    terminate_cause: str = ""
    interval_granted: int | None = None
    group_name: str | None = None

    @property
    def user_name(self) -> str:
        """The User-Name as sent, '' where the packet has none."""
        return self.facts[0] or ""


def read(packet: Packet, client: Client, host: str, now: float, dictionary: Dictionary) -> AccountingRecord | None:
    """Read one packet from `host` (the source address), received at `now`.

    Returns None where Acct-Status-Type is absent or has no row (tunnel and unknown types): such a packet is answered
    and forgotten.
    """
    # Some thirty attributes are asked for: a dictionary's own `get` is a third of the price of a method around it.
    first = dict(reversed(packet.attributes)).get
    status = _number(first(types.ACCT_STATUS_TYPE))
    if status not in STATUSES:
        return None
    nas_ip = nas_address(first, host)
    delay = _number(first(types.ACCT_DELAY_TIME)) or 0
    stamp = _number(first(types.EVENT_TIMESTAMP))
    return AccountingRecord(
        status=status,
        unique_id=unique_id(first, nas_ip),
        session_id=text(first(types.ACCT_SESSION_ID)),
        nas_ip=nas_ip,
        client_name=client.name,
        client_kind=client.kind,
        facts=_facts(first, dictionary),
        event_time=float(int(now) - delay if stamp is None else stamp),
        timestamped=stamp is not None,
        sent_at=now - delay,
        received=now,
        session_time=_number(first(types.ACCT_SESSION_TIME)),
        input_octets=_octets(first(types.ACCT_INPUT_OCTETS), first(types.ACCT_INPUT_GIGAWORDS)),
        output_octets=_octets(first(types.ACCT_OUTPUT_OCTETS), first(types.ACCT_OUTPUT_GIGAWORDS)),
        connect_info=text(first(types.CONNECT_INFO)),
        terminate_cause=_name(first, types.ACCT_TERMINATE_CAUSE, dictionary) if status == STOP else "",
    )


def unique_id(first: First, nas_ip: str) -> str:
    """Compute Acct-Unique-Session-Id (32 hexadecimal digits) over the raw octets, as FreeRADIUS 3.2's policy does.

    A Class that starts "ai:" and 32 hexadecimal digits stands for all but the session id: the server that granted
    the session put it there. `nas_ip` is the NAS's address in text, see `nas_address`.
    """
    session = first(types.ACCT_SESSION_ID) or b""
    given = _CLASS_ID.match(first(types.CLASS) or b"")
    if given:
        return md5(given[1] + b"," + session).hexdigest()
    port = first(types.NAS_PORT)
    parts = (
        first(types.USER_NAME) or b"",
        session,
        nas_ip.encode(),
        first(types.NAS_IDENTIFIER) or b"",
        first(types.NAS_PORT_ID) or b"",
        b"%d" % int.from_bytes(port, "big") if port is not None and len(port) == 4 else b"",
    )
    return md5(b",".join(parts)).hexdigest()


def nas_address(first: First, host: str) -> str:
    """Return the NAS's own address: NAS-IPv6-Address, else NAS-IP-Address, else where the packet came from."""
    own = _ipv6(first(types.NAS_IPV6_ADDRESS)) or _ipv4(first(types.NAS_IP_ADDRESS))
    if own:
        return own
    if ":" not in host:
        return host
    # A socket for both families shows IPv4 as ::ffff:192.0.2.1; a link-local address carries its interface.
    mapped = host.rpartition(":")[2]
    return mapped if "." in mapped else host.partition("%")[0]


def text(value: bytes | None) -> str:
    """Return octets as text that Postgres takes: wrong UTF-8 replaced, NUL left out, '' for None."""
    return value.decode("utf-8", "replace").replace("\0", "") if value else ""


def _facts(first: First, dictionary: Dictionary) -> Facts:
    port_id = first(types.NAS_PORT_ID)
    port = _number(first(types.NAS_PORT))
    given_class = first(types.CLASS)
    return (
        text(first(types.USER_NAME)),
        text(port_id) if port_id else None if port is None else str(port),
        _name(first, types.NAS_PORT_TYPE, dictionary),
        _name(first, types.ACCT_AUTHENTIC, dictionary),
        text(first(types.CALLED_STATION_ID)),
        text(first(types.CALLING_STATION_ID)),
        _name(first, types.SERVICE_TYPE, dictionary),
        _name(first, types.FRAMED_PROTOCOL, dictionary),
        _ipv4(first(types.FRAMED_IP_ADDRESS)),
        _ipv6(first(types.FRAMED_IPV6_ADDRESS)),
        _prefix(first(types.FRAMED_IPV6_PREFIX)),
        _interface(first(types.FRAMED_INTERFACE_ID)),
        _prefix(first(types.DELEGATED_IPV6_PREFIX)),
        "0x" + given_class.hex() if given_class else None,
    )


def _number(value: bytes | None) -> int | None:
    return int.from_bytes(value, "big") if value is not None and len(value) == 4 else None


def _octets(low: bytes | None, high: bytes | None) -> int | None:
    """Join a 32-bit counter with its Gigawords (absent: 0); without the counter itself there is none."""
    count = _number(low)
    if count is None:
        return None
    return min((_number(high) or 0) << 32 | count, _MOST) if high else count


def _name(first: First, key: int, dictionary: Dictionary) -> str:
    """Return the name of an enumerated value, its number where it has no name, '' where it is absent."""
    number = _number(first(key))
    if number is None:
        return ""
    attribute = dictionary.keyed(key)
    name = None if attribute is None else attribute.names.get(number)
    return str(number) if name is None else name


def _ipv4(value: bytes | None) -> str | None:
    return ".".join(map(str, value)) if value is not None and len(value) == 4 else None


def _ipv6(value: bytes | None) -> str | None:
    return IPv6Address(value).compressed if value is not None and len(value) == 16 else None


def _prefix(value: bytes | None) -> str | None:
    """Return `2001:db8::/64` from reserved octet, length and up to 16 octets of prefix (RFC 3162 section 2.3)."""
    if value is None or not 2 <= len(value) <= 18 or value[1] > 128:
        return None
    return f"{IPv6Address(value[2:].ljust(16, bytes(1))).compressed}/{value[1]}"


def _interface(value: bytes | None) -> str | None:
    """Return an interface id as four hexadecimal groups, `1:203:405:607`."""
    if value is None or len(value) != 8:
        return None
    return ":".join(f"{int.from_bytes(value[at : at + 2], 'big'):x}" for at in range(0, 8, 2))
