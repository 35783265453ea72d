r"""An Access-Request, from the user's name to the encoded answer.

The order is FreeRADIUS's: find the user, evaluate checks and groups, then the password, then the answer.
`DOMAIN\user` and `user@realm` are looked up whole, and where nobody has that name and the client allows
it, bare. Nothing here knows time or chance: both are handed in.

RFC 2865 section 4; RFC 3579 3.2 (Message-Authenticator in every answer, and first, for CVE-2024-3596).
"""

from typing import NamedTuple

from radiusd.decide import credentials
from radiusd.decide.credentials import RandomOctets
from radiusd.policy.evaluate import Decision, evaluate
from radiusd.policy.model import Client, Request
from radiusd.policy.snapshot import Snapshot
from radiusd.policy.trace import Trace
from radiusd.protocol import hiding
from radiusd.protocol.attribute_types import REPLY_MESSAGE, USER_NAME
from radiusd.protocol.codes import ACCESS_ACCEPT, ACCESS_REJECT
from radiusd.protocol.encode import attribute, response, split_attribute
from radiusd.protocol.packet import Packet

# pppd 2.4.9 copies all Reply-Message attributes of an answer into a buffer of 1024 octets, unchecked.
MOST_MESSAGE = 1000


class Verdict(NamedTuple):
    """What was decided and why; `body` is the encoded answer without Proxy-State."""

    accept: bool
    reason: str
    user_name: str
    method: str
    body: bytes
    decision: Decision | None


def decide(
    snapshot: Snapshot,
    client: Client,
    packet: Packet,
    host: str,
    now: float,
    random_octets: RandomOctets,
    trace: Trace | None = None,
) -> Verdict:
    """Decide an Access-Request from `host` whose authenticity is already established."""
    method = credentials.method_of(packet)
    raw_name = packet.first(USER_NAME)
    if not raw_name:
        return Verdict(accept=False, reason="no-user-name", user_name="", method=method, body=b"", decision=None)
    try:
        name = raw_name.decode()
    except UnicodeDecodeError:
        name = raw_name.decode(errors="backslashreplace")
        return Verdict(
            accept=False, reason="user-name-not-utf8", user_name=name, method=method, body=b"", decision=None
        )
    password = credentials.clear_password(packet, client.secret) if method == "pap" else None
    request = Request(packet.attributes, packet.code, client, password, host)
    decision = find(snapshot, client, name, request, now, trace)
    reason = decision.rejected
    wire = b""
    if reason is None and decision.auth_type != "Accept":
        proof = credentials.prove(method, packet, password, client.secret, decision, random_octets)
        reason, wire = proof.reason or None, proof.wire
        if trace is not None:
            trace.add(f"{method}: " + ("the password fits" if proof.ok else proof.reason))
    if reason is not None:
        body = _reject_body(client, packet, method, reason, decision, random_octets)
        return Verdict(accept=False, reason=reason, user_name=name, method=method, body=body, decision=decision)
    ready = decision.reply_wire
    body = ready if ready is not None else _reply_body(decision, client, packet, random_octets)
    if len(body) > MOST_MESSAGE:
        body = _bounded_messages(decision, body)
    return Verdict(accept=True, reason="accept", user_name=name, method=method, body=body + wire, decision=decision)


def answer(client: Client, packet: Packet, verdict: Verdict) -> bytes:
    """Encode the whole answer: Message-Authenticator first, the Proxy-States of the request last, in their order.

    Raises WireError("packet-too-long") when the policy's reply does not fit into one packet.
    """
    return response(
        ACCESS_ACCEPT if verdict.accept else ACCESS_REJECT,
        packet.identifier,
        packet.authenticator,
        client.secret,
        verdict.body + b"".join(packet.proxy_states),
        message_authenticator=True,
    )


def find(
    snapshot: Snapshot, client: Client, name: str, request: Request, now: float, trace: Trace | None = None
) -> Decision:
    """Evaluate the policy under the whole name, or, when nobody has it, under the bare one."""
    decision = evaluate(snapshot, name, request, now, trace)
    if not decision.known and client.strip_user_name:
        bare = bare_name(name)
        if bare != name:
            if trace is not None:
                trace.add(f"nobody is called {name!r}: looked up as {bare!r}")
            return evaluate(snapshot, bare, request, now, trace)
    return decision


def bare_name(name: str) -> str:
    r"""Return the name without `DOMAIN\` before it and without `@realm` after it."""
    domain, backslash, rest = name.partition("\\")
    return (rest if backslash else domain).partition("@")[0]


def _reply_body(decision: Decision, client: Client, packet: Packet, random_octets: RandomOctets) -> bytes:
    """Encode the policy's reply where some of it must be hidden for this one request."""
    parts = []
    salt = int.from_bytes(random_octets(2), "big")
    for item, value in decision.reply:
        if item.encrypt == 1:
            hidden = hiding.hide_user_password(value, client.secret, packet.authenticator)
        elif item.encrypt == 2:
            # The tag octet stays in the clear, before the salt (RFC 2868 section 3.5).
            tag, plain = (value[:1], value[1:]) if item.has_tag else (b"", value)
            hidden = tag + hiding.salt_encrypt(plain, client.secret, packet.authenticator, salt.to_bytes(2, "big"))
            salt = salt + 1 & 0xFFFF
        elif item.encrypt == 3:
            hidden = hiding.ascend_secret(value, client.secret, packet.authenticator)
        else:
            hidden = value
        parts.append(split_attribute(item.key, hidden) if item.concat else attribute(item.key, hidden))
    return b"".join(parts)


def _reject_body(
    client: Client, packet: Packet, method: str, reason: str, decision: Decision, random_octets: RandomOctets
) -> bytes:
    """Encode what a reject may carry: Reply-Message and MS-CHAP-Error (RFC 2865 section 4.3, RFC 2548)."""
    messages = [value for item, value in decision.reply if item.key == REPLY_MESSAGE]
    if decision.message:
        messages.append(decision.message.encode())
    error, text = credentials.error_attributes(method, packet, reason, random_octets)
    if text and not messages and client.kind == "pptpd":
        # pppd hands the Reply-Message, not MS-CHAP-Error, to its peer as the CHAP Failure text.
        messages.append(text.encode())
    room = MOST_MESSAGE
    body = b""
    for message in messages:
        if len(message) > room:
            break
        room -= len(message)
        body += attribute(REPLY_MESSAGE, message)
    return body + error


def _bounded_messages(decision: Decision, body: bytes) -> bytes:
    """Leave out the Reply-Messages that pppd's buffer cannot hold; the body as it was when all fit."""
    surplus = 0
    for item, value in decision.reply:
        if item.key == REPLY_MESSAGE:
            surplus += len(value)
            if surplus > MOST_MESSAGE:
                body = body.replace(attribute(REPLY_MESSAGE, value), b"", 1)
                surplus -= len(value)
    return body
