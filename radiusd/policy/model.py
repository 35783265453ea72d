"""What a policy is made of: rows, users, groups, clients, the request they judge, and what is wrong with a row.

The rule: everything here is read-only once made. A changed user, group or client is a new object in the place of the
old one, so that "is it the same object" answers "has it changed". A user keeps the raw rows of his tables and is
parsed at each evaluation that is not cached: most users wait for a login that never comes.

Tables and columns are FreeRADIUS's (radcheck, radreply, radgroupcheck, radgroupreply, radusergroup, nas).
"""

from ipaddress import IPv4Network, IPv6Network
from typing import Final, Literal, NamedTuple

from radiusd.policy.rules import RuleList
from radiusd.protocol.authenticator import Secret

Row = tuple[int, str, str, str]
"""One row of a check or reply table: id, attribute, operator, value."""

Memberships = tuple[tuple[int, str], ...]
"""(priority, group) pairs, sorted by priority, then group name, then row id."""

Network = IPv4Network | IPv6Network

KINDS: Final = frozenset(("pptpd", "rras", "accel-ppp", "strongswan", "ocserv", "openvpn", "mikrotik", "other"))
"""The kinds of client that radiusd knows."""


class Problem(NamedTuple):
    """A row that cannot do what its writer meant.

    `subject` names whose row it is ("user alice", "group staff", "client vpn1"). With `rejects`, every evaluation
    that reads the row ends in an Access-Reject, as in FreeRADIUS; without, the row is merely without effect.
    """

    table: str
    row_id: int
    subject: str
    message: str
    rejects: bool = True

    def __str__(self) -> str:
        return f"{self.table} {self.row_id} ({self.subject}): {self.message}"


class User:
    """A user name with its rows and memberships."""

    __slots__ = ("checks", "memberships", "name", "replies")

    def __init__(
        self, name: str, checks: tuple[Row, ...] = (), replies: tuple[Row, ...] = (), memberships: Memberships = ()
    ) -> None:
        self.name = name
        self.checks = checks
        self.replies = replies
        self.memberships = memberships

    def __repr__(self) -> str:
        return f"User({self.name!r})"


class Group:
    """A group with its rows and what they were parsed into."""

    __slots__ = ("check_rules", "checks", "name", "replies", "reply_rules")

    def __init__(
        self,
        name: str,
        checks: tuple[Row, ...],
        replies: tuple[Row, ...],
        check_rules: RuleList,
        reply_rules: RuleList,
    ) -> None:
        self.name = name
        self.checks = checks
        self.replies = replies
        self.check_rules = check_rules
        self.reply_rules = reply_rules

    def __repr__(self) -> str:
        return f"Group({self.name!r})"


class Client(NamedTuple):
    """A NAS, or a network of them, that may talk to us; `id` is nas.id, times are seconds."""

    id: int
    name: str
    network: Network
    secret: Secret
    kind: str = "other"
    require_message_authenticator: Literal["auto", "yes", "no"] = "auto"
    reap_missed_interims: int = 3
    reap_grace: int = 60
    nas_hold: int = 1800
    dynauth_port: int = 3799
    strip_user_name: bool = True
    nas_type: str = "other"


class Request:
    """What check items are compared with.

    `attributes` are the packet's, as decoded; `code` its packet type; `password` the decrypted User-Password, None
    where there is none; `host` the address that the packet came from, which stands in for a missing NAS-IP-Address.
    """

    __slots__ = ("attributes", "client", "code", "host", "password")

    def __init__(
        self,
        attributes: list[tuple[int, bytes]],
        code: int,
        client: Client | None = None,
        password: bytes | None = None,
        host: str = "",
    ) -> None:
        self.attributes = attributes
        self.code = code
        self.client = client
        self.password = password
        self.host = host
