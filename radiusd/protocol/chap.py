"""CHAP with MD5 (RFC 1994 section 4.1), as RADIUS carries it (RFC 2865 sections 5.3 and 5.40).

The rule: the server has the password in clear, or it cannot answer.
"""

import hashlib
import hmac

LENGTH = 17
"""CHAP-Password: the identifier, then sixteen octets of response."""


def response(identifier: int, password: bytes, challenge: bytes) -> bytes:
    """Return the sixteen octets with which a peer that knows `password` answers `challenge`."""
    return hashlib.md5(bytes((identifier,)) + password + challenge, usedforsecurity=False).digest()


def verify(chap_password: bytes, challenge: bytes, password: bytes) -> bool:
    """Tell whether a CHAP-Password fits.

    `challenge` is CHAP-Challenge where the request has one, else the request's authenticator. A value that is not
    17 octets fits nothing.
    """
    if len(chap_password) != LENGTH:
        return False
    return hmac.compare_digest(response(chap_password[0], password, challenge), chap_password[1:])
