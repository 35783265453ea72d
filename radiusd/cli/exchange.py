"""One request and its answer, from the client's side: what `radiusd probe` sends and believes.

A datagram counts as the answer only when its identifier and its authenticators fit (RFC 2865 section 3, RFC 3579
section 3.2); others are counted and waited past, as anyone can send them.
"""

import hmac
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from radiusd.errors import ConfigError, RadiusdError, WireError
from radiusd.protocol import attribute_types as types
from radiusd.protocol import chap, codes, hiding, mschap
from radiusd.protocol.authenticator import Secret
from radiusd.protocol.encode import attribute
from radiusd.protocol.nested import VendorFormat
from radiusd.protocol.packet import Packet, decode

# What checks an answer beyond its authenticators: names of proofs, and whether each holds.
Proofs = Callable[[Packet], dict[str, bool]]


class Answer(NamedTuple):
    """A verified answer: seconds from the first send, sends in all, and whether a Message-Authenticator was there."""

    packet: Packet
    seconds: float
    sends: int
    signed: bool


class NoAnswerError(RadiusdError):
    """Nothing that could be believed came back in time."""


def exchange(
    request: bytes,
    secret: Secret,
    server: tuple[str, int],
    formats: Mapping[int, VendorFormat],
    *,
    timeout: float,
    tries: int,
) -> Answer:
    """Send `request` up to `tries` times, `timeout` seconds apart, and return the first answer that verifies.

    Raises NoAnswerError, which says what came instead, and ConfigError for a server that cannot be found.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(*server, type=socket.SOCK_DGRAM)[0]
    except OSError as error:
        raise ConfigError(f"cannot find the server {server[0]}: {error.strerror}") from error
    unbelieved = 0
    why = ""
    with socket.socket(family, kind, protocol) as sock:
        start = time.monotonic()
        try:
            sock.connect(address)
            for sends in range(1, tries + 1):
                sock.send(request)
                deadline = time.monotonic() + timeout
                while (left := deadline - time.monotonic()) > 0:
                    sock.settimeout(left)
                    try:
                        data = sock.recv(65535)
                    except TimeoutError:
                        break
                    try:
                        packet, signed = verified(data, request, secret, formats)
                    except WireError as error:
                        unbelieved, why = unbelieved + 1, error.reason
                        continue
                    return Answer(packet, time.monotonic() - start, sends, signed)
        except OSError as error:
            raise NoAnswerError(f"{server[0]} port {server[1]}: {error.strerror}; does the server run?") from error
    if unbelieved:
        raise NoAnswerError(
            f"{unbelieved} answers from {server[0]} port {server[1]} could not be believed ({why}); "
            "is the shared secret the same on both sides?"
        )
    raise NoAnswerError(
        f"no answer from {server[0]} port {server[1]} to {tries} sends in {tries * timeout:g} s; "
        "a RADIUS server is silent to clients that it does not know and to wrong secrets"
    )


def verified(data: bytes, request: bytes, secret: Secret, formats: Mapping[int, VendorFormat]) -> tuple[Packet, bool]:
    """Decode the answer to `request` and say whether it carries a Message-Authenticator; raises WireError."""
    packet = decode(data, formats)
    if packet.identifier != request[1]:
        raise WireError("identifier")
    if not secret.response_ok(packet.raw, request[4:20]):
        raise WireError("response-authenticator")
    at = packet.message_authenticator_at
    if at < 0:
        return packet, False
    if not secret.message_authenticator_ok(packet.raw, at, request[4:20]):
        raise WireError("message-authenticator")
    return packet, True


class Credentials(NamedTuple):
    """The attributes that prove a password, encoded, and what an Accept then has to prove in turn."""

    body: bytes
    proofs: Proofs


def _no_proofs(_: Packet) -> dict[str, bool]:
    return {}


def credentials(method: str, user_name: bytes, password: bytes, secret: Secret, authenticator: bytes) -> Credentials:
    """Return the credentials of `password` for one Access-Request with this request authenticator.

    `method` is pap, chap, mschap or mschapv2 (RFC 2865 sections 5.2 and 5.3, RFC 2548 sections 2.1 and 2.3).
    """
    identifier = secrets.randbelow(256)
    if method == "pap":
        if len(password) > hiding.MAX_PASSWORD:
            raise ConfigError(f"PAP carries passwords of up to {hiding.MAX_PASSWORD} octets")
        hidden = hiding.hide_user_password(password, secret, authenticator)
        return Credentials(attribute(types.USER_PASSWORD, hidden), _no_proofs)
    challenge = secrets.token_bytes(8 if method == "mschap" else 16)
    if method == "chap":
        answered = bytes((identifier,)) + chap.response(identifier, password, challenge)
        return Credentials(
            attribute(types.CHAP_PASSWORD, answered) + attribute(types.CHAP_CHALLENGE, challenge), _no_proofs
        )
    nt_hash = mschap.nt_hash(password)
    proofs: Proofs = _no_proofs
    if method == "mschap":
        answered = bytes((identifier, 1)) + bytes(24) + mschap.challenge_response(challenge, nt_hash)
        key = types.MS_CHAP_RESPONSE
    else:
        peer = secrets.token_bytes(16)
        hashed = mschap.challenge_hash(peer, challenge, user_name)
        answered = bytes((identifier, 0)) + peer + bytes(8) + mschap.challenge_response(hashed, nt_hash)
        key = types.MS_CHAP2_RESPONSE
        success = answered[:1] + mschap.authenticator_response(answered, challenge, user_name, nt_hash)
        keys = mschap.mppe_v2_keys(nt_hash, answered[26:])
        proofs = _mschapv2_proofs(success, keys, secret, authenticator)
    return Credentials(attribute(types.MS_CHAP_CHALLENGE, challenge) + attribute(key, answered), proofs)


def _mschapv2_proofs(success: bytes, keys: tuple[bytes, bytes], secret: Secret, authenticator: bytes) -> Proofs:
    """Return the check of what MS-CHAPv2 lets a server prove: that it knows the password, and the link's keys."""

    def proofs(packet: Packet) -> dict[str, bool]:
        if packet.code != codes.ACCESS_ACCEPT:
            return {}
        found = {"MS-CHAP2-Success": hmac.compare_digest(packet.first(types.MS_CHAP2_SUCCESS) or b"", success)}
        hidden = (packet.first(types.MS_MPPE_SEND_KEY), packet.first(types.MS_MPPE_RECV_KEY))
        if hidden != (None, None):
            found["MPPE keys"] = all(
                value is not None and hmac.compare_digest(_revealed(value, secret, authenticator), key)
                for value, key in zip(hidden, keys, strict=True)
            )
        return found

    return proofs


def _revealed(value: bytes, secret: Secret, authenticator: bytes) -> bytes:
    try:
        return hiding.salt_decrypt(value, secret, authenticator)
    except WireError:
        return b""
