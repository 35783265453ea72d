"""The same decision as on the wire, told step by step; nothing is sent and nothing is written.

The attributes of the question are made into a real Access-Request, which walks the path that every other
one walks, with a trace.
"""

from collections.abc import Sequence
from typing import NamedTuple

from radiusd.decide import access
from radiusd.decide.credentials import RandomOctets
from radiusd.dictionary.attributes import Dictionary
from radiusd.errors import PolicyError, WireError
from radiusd.policy.model import Client
from radiusd.policy.snapshot import Snapshot
from radiusd.policy.trace import Trace
from radiusd.protocol import hiding
from radiusd.protocol.attribute_types import USER_PASSWORD
from radiusd.protocol.codes import ACCESS_REQUEST
from radiusd.protocol.encode import attribute, request
from radiusd.protocol.packet import decode


class Explanation(NamedTuple):
    """An answer and how it came about.

    `outcome` is "accept" or "reject"; `policy` is "accept" when only the missing password stands between the
    request and an accept. `reply` holds (name, value) as printed, secrets left out.
    """

    outcome: str
    reason: str
    policy: str
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
    only_password = not verdict.accept and verdict.reason == "no-credentials"
    return Explanation(
        outcome="accept" if verdict.accept else "reject",
        reason=verdict.reason,
        policy="accept" if verdict.accept or only_password else "reject",
        rule=decision.rule if decision is not None else "",
        groups=decision.groups if decision is not None else (),
        reply=_reply(snapshot.dictionary, verdict, only_password),
        steps=list(trace.steps),
    )


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
