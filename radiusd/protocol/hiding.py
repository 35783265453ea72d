"""Values that travel hidden: passwords and keys.

The rule: octets in, octets out; nothing is decoded, so that a password which is not UTF-8 stays what it is. A value
whose form cannot be right raises WireError; a wrong secret cannot be told here and gives other octets.

RFC 2865 section 5.2 (User-Password), RFC 2868 section 3.5 (Tunnel-Password) and RFC 2548 section 2.4 (MPPE keys).
The third way, of Ascend-Send-Secret and Ascend-Receive-Secret, has no RFC; it is one block, with the authenticator
before the secret.
"""

import hashlib
from typing import Final

from radiusd.errors import WireError
from radiusd.protocol.authenticator import Secret

MAX_PASSWORD: Final = 128
MAX_SALTED: Final = 239
"""The most octets whose salted form still fits into one attribute with a tag (RFC 2868 section 3.5)."""

_BLOCK: Final = 16


def user_password(value: bytes, secret: Secret, authenticator: bytes) -> bytes:
    """Return the password that a User-Password (or any value of that method) hides, without its padding.

    `authenticator` is the request's. Raises WireError("user-password-length") unless `value` is 16 to 128 octets in
    whole blocks.
    """
    return unhide(value, secret, authenticator).rstrip(b"\0")


def unhide(value: bytes, secret: Secret, authenticator: bytes) -> bytes:
    """Return what a value of User-Password's method hides, with its padding; errors as `user_password`."""
    size = len(value)
    if size == _BLOCK:
        return _xor(value, secret.stream(authenticator))
    if size % _BLOCK or not 0 < size <= MAX_PASSWORD:
        raise WireError("user-password-length")
    return _xor(value, _stream(value, secret, authenticator))


def hide_user_password(value: bytes, secret: Secret, authenticator: bytes) -> bytes:
    """Hide a password for User-Password, or keys for MS-CHAP-MPPE-Keys: 16 to 128 octets, whole blocks.

    Raises WireError("user-password-length") for more than 128 octets.
    """
    if len(value) > MAX_PASSWORD:
        raise WireError("user-password-length")
    return _hide(value or b"\0", secret, authenticator)


def salt_encrypt(value: bytes, secret: Secret, request_authenticator: bytes, salt: bytes) -> bytes:
    """Hide a value with a salt: Tunnel-Password, MS-MPPE-Send-Key, MS-MPPE-Recv-Key.

    `salt` is any two octets; their high bit is set here, as both RFCs demand. Within one packet every salt must be
    another one. Returns the salt and the hidden octets, without a tag.
    Raises WireError("salted-length") for more than 239 octets.
    """
    if len(value) > MAX_SALTED:
        raise WireError("salted-length")
    salt = bytes((salt[0] | 0x80, salt[1]))
    return salt + _hide(bytes((len(value),)) + value, secret, request_authenticator + salt)


def salt_decrypt(value: bytes, secret: Secret, request_authenticator: bytes) -> bytes:
    """Return what `salt_encrypt` hid; `value` begins with the salt (a tag is the caller's to take off).

    Raises WireError("salted-length") when the length, outside or inside, cannot be right.
    """
    hidden = value[2:]
    if not hidden or len(hidden) % _BLOCK:
        raise WireError("salted-length")
    plain = _xor(hidden, _stream(hidden, secret, request_authenticator + value[:2]))
    if plain[0] >= len(plain):
        raise WireError("salted-length")
    return plain[1 : 1 + plain[0]]


def ascend_secret(value: bytes, secret: Secret, request_authenticator: bytes) -> bytes:
    """Hide or reveal an Ascend secret of up to 16 octets; the result is 16 octets, padded with zeros when revealed.

    Raises WireError("ascend-secret-length") for more than 16 octets.
    """
    if len(value) > _BLOCK:
        raise WireError("ascend-secret-length")
    stream = hashlib.md5(request_authenticator + secret.octets, usedforsecurity=False).digest()
    return _xor(value.ljust(_BLOCK, b"\0"), stream)


def _hide(plain: bytes, secret: Secret, first: bytes) -> bytes:
    """Hide `plain`, padded to whole blocks: each block's key stream is the secret and the hidden block before."""
    hidden = []
    block = first
    for at in range(0, len(plain), _BLOCK):
        block = _xor(plain[at : at + _BLOCK].ljust(_BLOCK, b"\0"), secret.stream(block))
        hidden.append(block)
    return b"".join(hidden)


def _stream(hidden: bytes, secret: Secret, first: bytes) -> bytes:
    """Return the key stream over all blocks of `hidden`."""
    stream = secret.stream
    return stream(first) + b"".join([stream(hidden[at : at + _BLOCK]) for at in range(0, len(hidden) - _BLOCK, _BLOCK)])


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")
