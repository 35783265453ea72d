"""UDP sockets: made once by the supervisor, one a worker and address, and handed to the workers.

The supervisor keeps them open, so datagrams that arrive while a worker is being restarted wait in
the socket's buffer. SO_REUSEPORT lets the kernel spread sources over the workers; it would also let a
second server of the same user join in unnoticed, so a probe without it comes first.
"""

import errno
import socket
from typing import NamedTuple

from radiusd.errors import ConfigError, RadiusdError

RECEIVE_BUFFER = 8 * 1024 * 1024
# Linux numbers that the socket module does not name everywhere.
IP_PKTINFO = getattr(socket, "IP_PKTINFO", 8)
IPV6_RECVPKTINFO = getattr(socket, "IPV6_RECVPKTINFO", 49)


class Endpoint(NamedTuple):
    """One bound socket: the service ("auth" or "acct") it carries, and whether it is bound to all addresses."""

    service: str
    address: str
    port: int
    wildcard: bool
    sock: socket.socket


def bind(addresses: tuple[str, ...], service: str, port: int, copies: int) -> list[list[Endpoint]]:
    """Bind `service` on each address, `copies` times over; returns a list a copy.

    Port 0 takes a free one, the same for all addresses. An address family that this machine lacks is
    left out as long as another address remains. Raises ConfigError for what is no address, RadiusdError for a
    port that is taken, and for an address that this machine does not have (now: it may get it later).
    """
    sets: list[list[Endpoint]] = [[] for _ in range(copies)]
    for address in addresses:
        family = _family(address)
        try:
            port = _probe(family, address, port, service)
            for endpoints in sets:
                sock = _bound(family, address, port, reuse=True)
                endpoints.append(Endpoint(service, address, port, address in {"0.0.0.0", "::"}, sock))
        except OSError as error:
            if error.errno in {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL} and address == "::" and len(addresses) > 1:
                continue
            setting = f"RADIUSD_{service.upper()}_PORT" if error.errno == errno.EACCES else "RADIUSD_BIND"
            raise RadiusdError(
                f"cannot listen on {address} port {port} ({service}): {error.strerror}; see {setting}"
            ) from error
    return sets


def listen(address: str, port: int) -> socket.socket:
    """Listen on TCP for the REST side; raises RadiusdError when the port is taken."""
    sock = socket.socket(_family(address), socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((address, port))
        sock.listen(512)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise _taken("TCP", address, port, "RADIUSD_ADMIN_PORT") from error
        setting = "RADIUSD_ADMIN_PORT" if error.errno == errno.EACCES else "RADIUSD_ADMIN_BIND"
        raise RadiusdError(
            f"cannot listen on {address} port {port} (admin): {error.strerror}; see {setting}"
        ) from error
    sock.set_inheritable(True)
    return sock


def _family(address: str) -> socket.AddressFamily:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, address.partition("%")[0])
        except OSError:
            continue
        return family
    raise ConfigError(f"setting bind (RADIUSD_BIND, RADIUSD_ADMIN_BIND): {address!r} is not an IP address")


def _probe(family: socket.AddressFamily, address: str, port: int, service: str) -> int:
    """Find out whether the port is free by binding it alone; returns the port (chosen, where 0 was asked)."""
    try:
        with _bound(family, address, port, reuse=False) as sock:
            return int(sock.getsockname()[1])
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise _taken("UDP", address, port, f"RADIUSD_{service.upper()}_PORT") from error
        raise


def _bound(family: socket.AddressFamily, address: str, port: int, *, reuse: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if reuse:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            if address == "0.0.0.0":
                sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
            elif address == "::":
                sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
        sock.bind((address, port))
    except BaseException:
        sock.close()
        raise
    return sock


def _taken(protocol: str, address: str, port: int, setting: str) -> RadiusdError:
    return RadiusdError(
        f"{protocol} port {port} on {address} is taken by another program; stop that one, or set {setting}"
    )
