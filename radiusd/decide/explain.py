"""The same decision as on the wire, told step by step; nothing is sent and nothing is written.

The attributes of the question are made into a real Access-Request, which walks the path that every other
one walks, with a trace.
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from radiusd.decide import access, credentials
from radiusd.decide.credentials import RandomOctets
from radiusd.dictionary.attributes import Dictionary
from radiusd.errors import PolicyError, WireError
from radiusd.policy.evaluate import Decision
from radiusd.policy.model import Client
from radiusd.policy.snapshot import Snapshot
from radiusd.policy.trace import Trace
from radiusd.protocol import hiding
from radiusd.protocol.attribute_types import USER_PASSWORD
from radiusd.protocol.codes import ACCESS_REQUEST
from radiusd.protocol.encode import attribute, request
from radiusd.protocol.packet import Packet, decode

UNPROVEN: Final = "needs-password"


class Explanation(NamedTuple):
    """An answer and how it came about.

    `outcome` is "needs-password" when only the password, which the question does not hold, stands between the
    request and an accept; `policy` is "accept" then too. A user without a password that can be checked is rejected
    with or without one. `reply` holds (name, value) as printed, secrets left out.
    """

    outcome: Literal["accept", "reject", "needs-password"]
    reason: str
    policy: Literal["accept", "reject"]
    rule: str
    groups: tuple[str, ...]
    reply: list[tuple[str, str]]
    steps: list[str]


def explain(
    snapshot: Snapshot,
    client: Client,
    host: str,
    attributes: Sequence[tuple[str, str]],
    now: float,
    random_octets: RandomOctets,
) -> Explanation:
    """Decide for the attributes of a request from `host`, by name and printed value (User-Password in clear).

    Raises PolicyError, which names the attribute, for one that is unknown or whose value cannot be read.
    """
    authenticator = random_octets(16)
    body = b"".join(_encode(snapshot.dictionary, name, text, client, authenticator) for name, text in attributes)
    try:
        raw = request(ACCESS_REQUEST, 0, client.secret, body, authenticator=authenticator)
        packet = decode(raw, snapshot.formats)
    except WireError as error:
        # Too long for one packet, or with a second Message-Authenticator.
        raise PolicyError(f"these attributes make no packet of at most 4096 octets: {error.reason}") from error
    trace = Trace()
    verdict = access.decide(snapshot, client, packet, host, now, random_octets, trace)
    decision = verdict.decision
    reason = verdict.reason
    if reason == "no-credentials" and decision is not None:
        reason = _without_password(packet, client, decision, random_octets)
        trace.steps[-1] = "the question holds no password"
        if reason != UNPROVEN:
            trace.add(f"none would be right: {reason}")
    only_password = reason == UNPROVEN
    return Explanation(
        outcome="accept" if verdict.accept else UNPROVEN if only_password else "reject",
        reason=reason,
        policy="accept" if verdict.accept or only_password else "reject",
        rule=decision.rule if decision is not None else "",
        groups=decision.groups if decision is not None else (),
        reply=_reply(snapshot.dictionary, verdict, only_password),
        steps=list(trace.steps),
    )


def _without_password(packet: Packet, client: Client, decision: Decision, random_octets: RandomOctets) -> str:
    """Say why the question is not accepted: for want of a password, or because none could be right.

    A wrong password is tried by each method: where not one of them calls it wrong, none can be checked.
    """
    reasons = [
        credentials.prove(method, packet, b"\0", client.secret, decision, random_octets).reason
        for method in ("pap", "mschapv2", "chap")
    ]
    if "wrong-password" in reasons:
        return UNPROVEN
    return next((reason for reason in reasons if reason != "auth-type-mismatch"), reasons[0])


def _encode(dictionary: Dictionary, name: str, text: str, client: Client, authenticator: bytes) -> bytes:
    found = dictionary.tagged(name)
    if found is None:
        raise PolicyError(f"{name}: no dictionary has an attribute of that name")
    item, tag = found
    if item.internal or item.key < 0:
        raise PolicyError(f"{name} is never in a packet: leave it out")
    try:
        value = text.encode() if item.key == USER_PASSWORD else item.encode(text, tag)
        if item.key == USER_PASSWORD:
            value = hiding.hide_user_password(value, client.secret, authenticator)
        return attribute(item.key, value, dictionary.formats)
    except WireError as error:
        raise PolicyError(f"{name}: the value is too long") from error


def _reply(dictionary: Dictionary, verdict: access.Verdict, only_password: bool) -> list[tuple[str, str]]:
    """Print the answer's attributes; what is hidden on the wire is not shown."""
    decision = verdict.decision
    if decision is not None and (verdict.accept or only_password):
        return [(item.name, "(hidden)" if item.encrypt else item.format(value)) for item, value in decision.reply]
    packet = decode(bytes((3, 0)) + (20 + len(verdict.body)).to_bytes(2, "big") + bytes(16) + verdict.body)
    shown = []
    for key, value in packet.attributes:
        item = dictionary.keyed(key)
        shown.append(
            (item.name, item.format(value)) if item is not None else (dictionary.name_of(key), "0x" + value.hex())
        )
    return shown
