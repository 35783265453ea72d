"""Does the peer know the password? PAP, CHAP, MS-CHAP and MS-CHAPv2, and the keys that come with a yes.

The rule: the method is what the request carries, never what a policy guesses. A `Proof` says whether, why not in
one fixed word (it names the counter and stands in the auth log), and which attributes the proof itself adds
to the answer. RFC 2865 5.2 and 5.3, RFC 2548, RFC 2759, RFC 3079.
"""

from collections.abc import Callable
from functools import lru_cache
from hmac import compare_digest
from typing import NamedTuple

from radiusd.errors import WireError
from radiusd.policy.evaluate import Decision
from radiusd.protocol import chap, hiding, mschap
from radiusd.protocol.attribute_types import (
    CHAP_CHALLENGE,
    CHAP_PASSWORD,
    EAP_MESSAGE,
    MS_CHAP2_RESPONSE,
    MS_CHAP2_SUCCESS,
    MS_CHAP_CHALLENGE,
    MS_CHAP_ERROR,
    MS_CHAP_MPPE_KEYS,
    MS_CHAP_RESPONSE,
    MS_MPPE_ENCRYPTION_POLICY,
    MS_MPPE_ENCRYPTION_TYPES,
    MS_MPPE_RECV_KEY,
    MS_MPPE_SEND_KEY,
    USER_NAME,
    USER_PASSWORD,
)
from radiusd.protocol.authenticator import Secret
from radiusd.protocol.encode import attribute
from radiusd.protocol.packet import Packet

RandomOctets = Callable[[int], bytes]

# What FreeRADIUS's mschap module adds when no policy row speaks of it: encryption allowed, 40 or 128 bit.
_DEFAULT_POLICY = attribute(MS_MPPE_ENCRYPTION_POLICY, b"\0\0\0\1")
_DEFAULT_TYPES = attribute(MS_MPPE_ENCRYPTION_TYPES, b"\0\0\0\6")

# RFC 2759 section 6 and RFC 2433: which E= code tells the user why the policy refuses. Any other reason is 691.
_POLICY_CODES = {
    "auth-type-reject": mschap.ACCOUNT_DISABLED,
    "expired": mschap.PASSWORD_EXPIRED,
    "outside-login-time": mschap.RESTRICTED_LOGON_HOURS,
}

# The passwords of users who log in often; MD4 in Python's reach costs as much as decoding a packet.
_nt_hash = lru_cache(maxsize=16384)(mschap.nt_hash)


class Proof(NamedTuple):
    """The outcome of checking a password; `wire` is what it adds to an Access-Accept, already encoded."""

    ok: bool
    reason: str
    wire: bytes = b""


def method_of(packet: Packet) -> str:
    """Name the method whose attributes the request carries; "none" when there are none."""
    first = packet.first
    if first(MS_CHAP2_RESPONSE) is not None:
        return "mschapv2"
    if first(MS_CHAP_RESPONSE) is not None:
        return "mschap"
    if first(CHAP_PASSWORD) is not None:
        return "chap"
    if first(USER_PASSWORD) is not None:
        return "pap"
    return "eap" if first(EAP_MESSAGE) is not None else "none"


def clear_password(packet: Packet, secret: Secret) -> bytes | None:
    """Return the password of a PAP request; None when there is none or its length cannot be right."""
    hidden = packet.first(USER_PASSWORD)
    if hidden is None:
        return None
    try:
        return hiding.user_password(hidden, secret, packet.authenticator)
    except WireError:
        return None


# The methods that an Auth-Type of the policy leaves; any other Auth-Type leaves none.
_OF_AUTH_TYPE = {"pap": {"pap"}, "chap": {"chap"}, "ms-chap": {"mschap", "mschapv2"}}


def allows(auth_type: str | None, method: str) -> bool:
    """Tell whether the policy's Auth-Type lets this method prove the password; without one any may."""
    return auth_type is None or method in _OF_AUTH_TYPE.get(auth_type.lower(), ())


def prove(
    method: str, packet: Packet, password: bytes | None, secret: Secret, decision: Decision, random_octets: RandomOctets
) -> Proof:
    """Check the request's credentials against the passwords of the decision.

    `password` is the clear password of a PAP request.
    """
    if method != "none" and not allows(decision.auth_type, method):
        return Proof(ok=False, reason="auth-type-mismatch")
    if method == "pap":
        return _pap(password, decision)
    if method == "mschapv2":
        return _mschapv2(packet, secret, decision, random_octets)
    if method == "chap":
        return _chap(packet, decision)
    if method == "mschap":
        return _mschap(packet, secret, decision)
    return Proof(ok=False, reason="eap-not-supported" if method == "eap" else "no-credentials")


def error_attributes(method: str, packet: Packet, reason: str, random_octets: RandomOctets) -> tuple[bytes, str]:
    """Return the MS-CHAP-Error of a reject, encoded, and its text; nothing for other methods.

    A wrong password may be tried again (R=1), a refusal by policy may not.
    """
    if method not in {"mschap", "mschapv2"}:
        return b"", ""
    newer = method == "mschapv2"
    response = packet.first(MS_CHAP2_RESPONSE if newer else MS_CHAP_RESPONSE) or b"\0"
    value = mschap.error_text(
        response[0],
        _POLICY_CODES.get(reason, mschap.AUTHENTICATION_FAILURE),
        retry=reason not in _POLICY_CODES,
        challenge=random_octets(16 if newer else 8),
        version=3 if newer else 2,
        message="Authentication rejected" if newer else "",
    )
    return attribute(MS_CHAP_ERROR, value), value[1:].decode()


def _missing(decision: Decision) -> Proof:
    return Proof(ok=False, reason="password-form-not-supported" if decision.unsupported else "no-known-password")


def _nt_hash_of(decision: Decision) -> bytes | None:
    """Return the NT hash to compare with: FreeRADIUS takes an NT-Password before a clear one, and the first of each."""
    if decision.nt_hashes:
        return decision.nt_hashes[0]
    return _nt_hash(decision.passwords[0]) if decision.passwords else None


def _pap(password: bytes | None, decision: Decision) -> Proof:
    if password is None:
        return Proof(ok=False, reason="user-password-malformed")
    if not password:
        # As in FreeRADIUS: no row, not even an empty one, makes an empty password right.
        return Proof(ok=False, reason="empty-password")
    if decision.nt_hashes:
        right = compare_digest(decision.nt_hashes[0], mschap.nt_hash(password))
    elif decision.passwords:
        right = compare_digest(decision.passwords[0], password)
    else:
        return _missing(decision)
    if right:
        return Proof(ok=True, reason="")
    try:
        password.decode()
    except UnicodeDecodeError:
        # Octets that no keyboard makes: a password hidden under another shared secret looks like this.
        return Proof(ok=False, reason="wrong-password-or-secret")
    return Proof(ok=False, reason="wrong-password")


def _chap(packet: Packet, decision: Decision) -> Proof:
    if not decision.passwords:
        # CHAP needs the password in clear: an NT hash cannot answer (RFC 1994 section 2.2).
        return Proof(ok=False, reason="chap-needs-clear-password") if decision.nt_hashes else _missing(decision)
    challenge = packet.first(CHAP_CHALLENGE)
    if challenge is None:
        challenge = packet.authenticator
    right = chap.verify(packet.first(CHAP_PASSWORD) or b"", challenge, decision.passwords[0])
    return Proof(ok=True, reason="") if right else Proof(ok=False, reason="wrong-password")


def _mschap(packet: Packet, secret: Secret, decision: Decision) -> Proof:
    response = packet.first(MS_CHAP_RESPONSE) or b""
    challenge = packet.first(MS_CHAP_CHALLENGE) or b""
    nt_hash = _nt_hash_of(decision)
    if nt_hash is None:
        return _missing(decision)
    if not mschap.verify_v1(response, challenge, nt_hash):
        return Proof(ok=False, reason="wrong-password")
    keys = hiding.hide_user_password(mschap.mppe_v1_keys(nt_hash), secret, packet.authenticator)
    return Proof(ok=True, reason="", wire=attribute(MS_CHAP_MPPE_KEYS, keys) + _mppe(decision))


def _mschapv2(packet: Packet, secret: Secret, decision: Decision, random_octets: RandomOctets) -> Proof:
    response = packet.first(MS_CHAP2_RESPONSE) or b""
    challenge = packet.first(MS_CHAP_CHALLENGE) or b""
    name = packet.first(USER_NAME) or b""
    nt_hash = _nt_hash_of(decision)
    if nt_hash is None:
        return _missing(decision)
    if not mschap.verify_v2(response, challenge, name, nt_hash):
        return Proof(ok=False, reason="wrong-password")
    success = response[:1] + mschap.authenticator_response(response, challenge, name, nt_hash)
    send, receive = mschap.mppe_v2_keys(nt_hash, response[26:])
    salt = random_octets(2)
    # The two salts of a packet must differ (RFC 2548 section 2.4.2): the second flips the lowest bit.
    other = bytes((salt[0], salt[1] ^ 1))
    wire = (
        attribute(MS_CHAP2_SUCCESS, success)
        + attribute(MS_MPPE_RECV_KEY, hiding.salt_encrypt(receive, secret, packet.authenticator, salt))
        + attribute(MS_MPPE_SEND_KEY, hiding.salt_encrypt(send, secret, packet.authenticator, other))
        + _mppe(decision)
    )
    return Proof(ok=True, reason="", wire=wire)


def _mppe(decision: Decision) -> bytes:
    """Return the encryption policy and types that the policy rows leave open."""
    return (b"" if decision.mppe_policy is not None else _DEFAULT_POLICY) + (
        b"" if decision.mppe_types is not None else _DEFAULT_TYPES
    )
