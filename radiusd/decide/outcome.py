"""What may become of a datagram: the engine's answers to the edge that holds the socket.

`Reply` is sent (after `delay` seconds), `Drop` is silence with a counted reason, `Record` is
accounting that must be committed before its reply may leave. Each is a tuple: one is made a packet.
"""

from typing import NamedTuple

from radiusd.decide.accounting import AccountingRecord


class LoginEntry(NamedTuple):
    """One line of the auth log: an Access-Request's outcome and the rule that decided it; never a password."""

    at: float
    user_name: str
    client: str
    nas_ip: str | None
    calling_station_id: str
    called_station_id: str
    outcome: str
    reason: str
    rule: str
    groups: str
    method: str


# (service, source address, source port, the first 20 octets: code, identifier, length and authenticator)
RequestKey = tuple[str, str, int, bytes]


class Reply(NamedTuple):
    """Bytes to send, `delay` seconds from now; `login` is for the auth log (None: nothing to log)."""

    data: bytes
    delay: float
    reason: str
    login: LoginEntry | None
    key: RequestKey | None


class Drop(NamedTuple):
    """Silence, as RFC 2865 wants it; `client` is the NAS's name, or "" when it is unknown."""

    reason: str
    client: str


class Record(NamedTuple):
    """Accounting to be committed; then `reply` may be sent and `Engine.answered(key, reply)` is called."""

    record: AccountingRecord
    reply: bytes
    key: RequestKey


Outcome = Reply | Drop | Record
