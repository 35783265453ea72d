"""Clients: the rows of nas and radiusd.client, and the search by address.

The rule: the longest prefix wins; of two rows with one network the lower id does, and the other is a problem. A row
that cannot be used is a problem, never an error. What `nas` says is the truth for address and secret; a row without a
companion in radiusd.client has the defaults, is named by its short name or else its address, and is of the kind that
its type names, or other.

Host names are not resolved here: `hostname` says which must be, and the addresses are handed in.
"""

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, Literal, NamedTuple

from radiusd.policy.model import KINDS, Client, Network, Problem
from radiusd.protocol.authenticator import Secret

MOST_HOSTS: Final = 65_536
"""Hosts whose client is remembered; when there are more, all are forgotten."""

_HOSTNAME: Final = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")


class ClientRow(NamedTuple):
    """A row of nas with its companion in radiusd.client, whose columns are None where there is none."""

    id: int
    nasname: str
    shortname: str | None
    type: str | None
    secret: str | None
    name: str | None = None
    kind: str | None = None
    require_message_authenticator: Literal["auto", "yes", "no"] | None = None
    reap_missed_interims: int | None = None
    reap_grace: int | None = None
    nas_hold: int | None = None
    dynauth_port: int | None = None
    strip_user_name: bool | None = None


def hostname(nasname: str) -> str | None:
    """Return the host name that must be resolved, None for an address, a network or what can be neither."""
    text = nasname.strip()
    if _network(text) is not None or not _HOSTNAME.fullmatch(text) or not re.search("[A-Za-z]", text):
        return None
    return text


def build(row: ClientRow, addresses: Mapping[str, str]) -> Client | Problem:
    """Make a client of a row; `addresses` maps host names to the address each was resolved to."""
    name = row.name or (row.shortname or "").strip() or row.nasname.strip()
    text = row.nasname.strip()
    network = _network(addresses.get(text, text))
    if network is None:
        wrong = "cannot be resolved" if hostname(text) else "is neither an address, a network nor a host name"
        return Problem("nas", row.id, f"client {name}", f"the address {text!r} {wrong}")
    if not row.secret:
        return Problem("nas", row.id, f"client {name}", "there is no shared secret")
    nas_type = (row.type or "other").strip()
    client = Client(row.id, name, network, Secret(row.secret.encode("utf-8", "surrogateescape")), nas_type=nas_type)
    if row.name is None:
        return client._replace(kind=nas_type if nas_type in KINDS else "other")
    return client._replace(
        kind=row.kind or "other",
        require_message_authenticator=row.require_message_authenticator or "auto",
        reap_missed_interims=3 if row.reap_missed_interims is None else row.reap_missed_interims,
        reap_grace=60 if row.reap_grace is None else row.reap_grace,
        nas_hold=1800 if row.nas_hold is None else row.nas_hold,
        dynauth_port=3799 if row.dynauth_port is None else row.dynauth_port,
        strip_user_name=row.strip_user_name is not False,
    )


def _network(text: str) -> Network | None:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    mapped = network.network_address.ipv4_mapped if isinstance(network.network_address, IPv6Address) else None
    if mapped is not None and network.prefixlen >= 96:
        return ip_network((mapped, network.prefixlen - 96))
    return network


def address(host: str) -> IPv4Address | IPv6Address | None:
    """Read a host as it comes from a socket: without its scope, and as IPv4 where it is that; None for a wrong one."""
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


class ClientTable:
    """All clients, by nas.id, and the search for the one with the longest prefix."""

    __slots__ = ("_by_host", "_by_id", "_by_network", "_lengths", "_used")

    def __init__(self) -> None:
        self._by_id: dict[int, Client] = {}
        self._by_network: dict[tuple[int, int, int], list[Client]] = {}
        self._lengths: dict[int, list[int]] = {4: [], 6: []}
        self._used: dict[tuple[int, int], int] = {}
        self._by_host: dict[str, Client | None] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def values(self) -> list[Client]:
        """Return all clients by their ids."""
        return [self._by_id[key] for key in sorted(self._by_id)]

    def put(self, nas_id: int, client: Client | None) -> None:
        """Set, replace or (None) remove the client with this nas.id."""
        old = self._by_id.pop(nas_id, None)
        if old is not None:
            key = _key(old.network)
            self._by_network[key].remove(old)
            if not self._by_network[key]:
                del self._by_network[key]
                self._count(key, -1)
        if client is not None:
            self._by_id[nas_id] = client
            key = _key(client.network)
            if key not in self._by_network:
                self._by_network[key] = []
                self._count(key, 1)
            same = self._by_network[key]
            same.append(client)
            same.sort(key=lambda other: other.id)
        self._by_host.clear()

    def _count(self, key: tuple[int, int, int], change: int) -> None:
        """Keep the prefix lengths in use, the longest first."""
        version, length, _ = key
        used = self._used
        used[version, length] = used.get((version, length), 0) + change
        if used[version, length] == (1 if change > 0 else 0):
            found = [bits for (family, bits), number in used.items() if family == version and number]
            self._lengths[version] = sorted(found, reverse=True)

    def find(self, host: str) -> Client | None:
        """Find the client that this source address belongs to."""
        try:
            return self._by_host[host]
        except KeyError:
            if len(self._by_host) >= MOST_HOSTS:
                self._by_host.clear()
            found = self._by_host[host] = self._search(host)
            return found

    def _search(self, host: str) -> Client | None:
        found = address(host)
        if found is None:
            return None
        number, bits = int(found), found.max_prefixlen
        for length in self._lengths[found.version]:
            clients = self._by_network.get((found.version, length, number >> bits - length))
            if clients:
                return clients[0]
        return None

    def conflicts(self) -> list[Problem]:
        """Name the clients whose network is already that of another one."""
        return [
            Problem("nas", client.id, f"client {client.name}", f"{client.network} is already client {same[0].name}")
            for same in self._by_network.values()
            for client in same[1:]
        ]


def _key(network: Network) -> tuple[int, int, int]:
    """Return (version, prefix length, the prefix as a number)."""
    return network.version, network.prefixlen, int(network.network_address) >> network.max_prefixlen - network.prefixlen
