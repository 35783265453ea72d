"""The outcome of evaluating a user's policy: everything that the engine needs to answer a login.

The rule: a decision is read-only and may be shared by many logins; whether it is, the snapshot knows.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from radiusd.dictionary.attributes import Attribute
from radiusd.policy.model import Group, User

NO_CONTROL: Final[Mapping[int, tuple[bytes, ...]]] = MappingProxyType({})

NO_REPLY: Final[list[tuple[Attribute, bytes]]] = []


class Decision:
    """What the policy says about one user and one request.

    `known`: the name stands in some row. `groups`: the groups that matched, in order. `passwords` (clear; the first is
    the one FreeRADIUS would use), `nt_hashes` and `unsupported` (names of password attributes that cannot be checked)
    are the known good passwords. `auth_type`: the last Auth-Type as printed, None where there is none.

    `rejected`: why the policy refuses, else None: user-unknown, bad-row, auth-type-reject, expired,
    outside-login-time, check-mismatch (no password is left because checks did not match). `message`: text for a
    Reply-Message beside those in `reply`.

    `reply`: attributes and values in wire form, before any hiding, in order; an Access-Reject may only carry some of
    them. `reply_wire`: the same encoded, None when one has to be hidden for the request. `session_timeout` and
    `interim_interval` in seconds, `mppe_policy` and `mppe_types` as values: the first of each in the reply.

    `reply` may be shared with other decisions: it is not to be changed.

    `rule` names the row or group that decided. `control` holds the other control items by key. `notes` says what was
    odd. `lasting`: neither request nor time played a part.
    """

    __slots__ = (
        "auth_type",
        "control",
        "depends",
        "groups",
        "interim_interval",
        "known",
        "lasting",
        "message",
        "mppe_policy",
        "mppe_types",
        "notes",
        "nt_hashes",
        "passwords",
        "profile",
        "rejected",
        "reply",
        "reply_wire",
        "rule",
        "session_timeout",
        "stamp",
        "unsupported",
    )

    def __init__(self, *, known: bool, rejected: str | None = None, rule: str = "") -> None:
        self.known = known
        self.rejected = rejected
        self.rule = rule
        self.groups: tuple[str, ...] = ()
        self.passwords: tuple[bytes, ...] = ()
        self.nt_hashes: tuple[bytes, ...] = ()
        self.unsupported: tuple[str, ...] = ()
        self.auth_type: str | None = None
        self.message: str | None = None
        self.reply: list[tuple[Attribute, bytes]] = NO_REPLY
        self.reply_wire: bytes | None = b""
        self.session_timeout: int | None = None
        self.interim_interval: int | None = None
        self.mppe_policy: bytes | None = None
        self.mppe_types: bytes | None = None
        self.control: Mapping[int, tuple[bytes, ...]] = NO_CONTROL
        self.notes: tuple[str, ...] = ()
        self.lasting = False
        # The snapshot's: when it was last found to hold, and what it was made from.
        self.stamp = -1
        self.depends: tuple[tuple[str, Group | None], ...] = ()
        self.profile: tuple[str, User | None] | None = None

    def __repr__(self) -> str:
        return f"Decision(rejected={self.rejected!r}, rule={self.rule!r}, groups={self.groups!r})"


UNKNOWN: Final = Decision(known=False, rejected="user-unknown")
"""The answer for a name that stands in no row."""
