"""MS-CHAP and MS-CHAPv2, and the MPPE keys that come of them.

The rule: all starts from the NT hash, which a caller calculates once a password; here, only the DES key schedules
of recently seen hashes are kept, and their number has a bound. Responses are compared in constant time.

RFC 2433 (MS-CHAP), RFC 2759 (MS-CHAPv2), RFC 3079 (keys), RFC 2548 (their RADIUS attributes). MD4 and DES are
pycryptodome's, since the OpenSSL of today offers neither unless it is told to.
"""

import hashlib
import hmac
from collections.abc import Callable
from functools import lru_cache
from typing import Final, cast

from Crypto.Cipher import DES
from Crypto.Hash import MD4

RESPONSE_LENGTH: Final = 50
"""MS-CHAP-Response and MS-CHAP2-Response alike."""

AUTHENTICATION_FAILURE: Final = 691
PASSWORD_EXPIRED: Final = 648
ACCOUNT_DISABLED: Final = 647
NO_DIALIN_PERMISSION: Final = 649
RESTRICTED_LOGON_HOURS: Final = 646
CHANGING_PASSWORD: Final = 709

_SCHEDULES: Final = 16384  # NT hashes whose schedules are kept, under a kilobyte each

_Block = Callable[[bytes, bytearray], None]
_sha1 = hashlib.sha1

# RFC 2759 section 8.7
_SIGNING: Final = b"Magic server to client signing constant"
_PADDING: Final = b"Pad to make it do more than one iteration"
# RFC 3079 section 3.4
_MASTER: Final = b"This is the MPPE Master Key"
_SERVER_RECEIVES: Final = b"On the client side, this is the send key; on the server side, it is the receive key."
_SERVER_SENDS: Final = b"On the client side, this is the receive key; on the server side, it is the send key."
_PAD1: Final = bytes(40)
_PAD2: Final = b"\xf2" * 40
_SEND_TAIL: Final = _PAD1 + _SERVER_SENDS + _PAD2
_RECV_TAIL: Final = _PAD1 + _SERVER_RECEIVES + _PAD2


def nt_hash(password: bytes) -> bytes:
    """Return the NT hash, 16 octets, of a password in UTF-8.

    Octets that are not UTF-8 are read as Latin-1: no password is refused, and no two of them become one.
    """
    try:
        text = password.decode("utf-8")
    except UnicodeDecodeError:
        text = password.decode("latin-1")
    return MD4.new(text.encode("utf-16-le")).digest()


@lru_cache(maxsize=_SCHEDULES)
def nt_hash_hash(nt_hash: bytes) -> bytes:
    """Return the hash of an NT hash, 16 octets (RFC 2759 section 8.4)."""
    return MD4.new(nt_hash).digest()


def challenge_hash(peer_challenge: bytes, authenticator_challenge: bytes, user_name: bytes) -> bytes:
    r"""Return the eight octets that MS-CHAPv2 encrypts (RFC 2759 section 8.2).

    A domain before the name (`DOM\user`) is left out, as the RFC says and as peers do: up to the first backslash.
    """
    domain, backslash, rest = user_name.partition(b"\\")
    bare = rest if backslash else domain
    return _sha1(peer_challenge + authenticator_challenge + bare, usedforsecurity=False).digest()[:8]


def challenge_response(challenge: bytes, nt_hash: bytes) -> bytes:
    """Return the 24 octets that answer an eight-octet challenge (RFC 2759 section 8.5)."""
    first, second, third = _schedules(nt_hash)
    # Buffers of our own spare the cipher from making its: a fifth less time.
    left, middle, right = bytearray(8), bytearray(8), bytearray(8)
    first(challenge, left)
    second(challenge, middle)
    third(challenge, right)
    return bytes(left + middle + right)


def verify_v1(response: bytes, challenge: bytes, nt_hash: bytes) -> bool:
    """Tell whether an MS-CHAP-Response fits.

    `response` is the 50 octets of the attribute (identifier, flags, LM response, NT response), `challenge` the
    eight of MS-CHAP-Challenge. A response without the NT part (flags 0) fits nothing: LM hashes are not kept.
    """
    if len(response) != RESPONSE_LENGTH or len(challenge) != 8 or not response[1] & 1:
        return False
    return hmac.compare_digest(challenge_response(challenge, nt_hash), response[26:])


def verify_v2(response: bytes, challenge: bytes, user_name: bytes, nt_hash: bytes) -> bool:
    """Tell whether an MS-CHAP2-Response fits.

    `response` is the 50 octets of the attribute (identifier, flags, peer challenge, eight reserved, NT response),
    `challenge` the sixteen of MS-CHAP-Challenge, `user_name` the User-Name as received.
    """
    if len(response) != RESPONSE_LENGTH or len(challenge) != 16:
        return False
    hashed = challenge_hash(response[2:18], challenge, user_name)
    return hmac.compare_digest(challenge_response(hashed, nt_hash), response[26:])


def authenticator_response(response: bytes, challenge: bytes, user_name: bytes, nt_hash: bytes) -> bytes:
    """Return `S=` and forty hexadecimal digits, 42 octets: the server's proof (RFC 2759 section 8.7).

    The arguments are those of `verify_v2`. MS-CHAP2-Success is the response's first octet and then this.
    """
    digest = _sha1(nt_hash_hash(nt_hash) + response[26:] + _SIGNING, usedforsecurity=False).digest()
    hashed = challenge_hash(response[2:18], challenge, user_name)
    return b"S=" + _sha1(digest + hashed + _PADDING, usedforsecurity=False).hexdigest().upper().encode()


def mppe_v1_keys(nt_hash: bytes) -> bytes:
    """Return the 32 octets that MS-CHAP-MPPE-Keys hides by User-Password's method (RFC 2548 section 2.4.1).

    Eight zeros for the LM key, which nobody keeps, the sixteen of the NT hash's hash, eight of padding.
    """
    return bytes(8) + nt_hash_hash(nt_hash) + bytes(8)


def mppe_v2_keys(nt_hash: bytes, nt_response: bytes) -> tuple[bytes, bytes]:
    """Return the 128-bit keys (send, receive) as the server sees them, for MS-MPPE-Send-Key and -Recv-Key.

    `nt_response` is the last 24 octets of MS-CHAP2-Response. RFC 3079 section 3.4.
    """
    master = _sha1(nt_hash_hash(nt_hash) + nt_response + _MASTER, usedforsecurity=False).digest()[:16]
    send = _sha1(master + _SEND_TAIL, usedforsecurity=False).digest()[:16]
    return send, _sha1(master + _RECV_TAIL, usedforsecurity=False).digest()[:16]


def error_text(
    identifier: int, code: int, *, retry: bool, challenge: bytes, version: int = 3, message: str = ""
) -> bytes:
    """Return the value of MS-CHAP-Error: the identifier, then `E=691 R=1 C=... V=3 M=...`.

    `challenge` is fresh, 16 octets for version 3 (RFC 2759 section 6) and eight for version 2 (RFC 2433 section 8).
    An empty `message` leaves `M=` out.
    """
    text = f"E={code} R={retry:d} C={challenge.hex()} V={version}"
    if message:
        text += f" M={message}"
    return bytes((identifier,)) + text.encode()


@lru_cache(maxsize=_SCHEDULES)
def _schedules(nt_hash: bytes) -> tuple[_Block, _Block, _Block]:
    """Return the three DES encryptions whose keys the NT hash holds: seven octets each, the last two padded."""
    padded = nt_hash.ljust(21, b"\0")
    return _des(padded[:7]), _des(padded[7:14]), _des(padded[14:])


def _des(key: bytes) -> _Block:
    """Return DES encryption of one block under a key of seven octets; DES ignores the eighth bits, its parity."""
    bits = int.from_bytes(key, "big")
    spread = bytes((bits >> shift & 0x7F) << 1 for shift in range(49, -1, -7))
    # The cast picks one of the many modes that the constructor is annotated with.
    return cast("_Block", DES.new(spread, DES.MODE_ECB).encrypt)  # noqa: S304 - the cipher of RFC 2433 and RFC 2759
