"""The passwords in a control list: what the engine can check with, and what it cannot.

Cleartext-Password is text; NT-Password is sixteen octets, also as 32 hexadecimal digits or in base64;
Password-With-Header is either of them behind `{clear}`, `{cleartext}`, `{nt}` or `{nthash}`, and clear without a
header. The other hash forms are only named. User-Password as a control item never authenticates (observed).
"""

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

NT_LENGTH: Final = 16

PASSWORDS: Final = frozenset(("Cleartext-Password", "NT-Password", "Password-With-Header"))
UNSUPPORTED: Final = frozenset(
    (
        "Crypt-Password",
        "LM-Password",
        "MD5-Password",
        "NS-MTA-MD5-Password",
        "PBKDF2-Password",
        "SHA-Password",
        "SHA1-Password",
        "SHA2-Password",
        "SHA2-224-Password",
        "SHA2-256-Password",
        "SHA2-384-Password",
        "SHA2-512-Password",
        "SHA3-224-Password",
        "SHA3-256-Password",
        "SHA3-384-Password",
        "SHA3-512-Password",
        "SMD5-Password",
        "SSHA-Password",
        "SSHA1-Password",
        "SSHA2-224-Password",
        "SSHA2-256-Password",
        "SSHA2-384-Password",
        "SSHA2-512-Password",
        "SSHA3-224-Password",
        "SSHA3-256-Password",
        "SSHA3-384-Password",
        "SSHA3-512-Password",
    )
)
ALL: Final = PASSWORDS | UNSUPPORTED

_NAMES: Final = frozenset(name.lower() for name in ALL)
_HEADER: Final = re.compile(rb"\{([\w-]{1,32})\}(.*)", re.DOTALL)


class Known(NamedTuple):
    """The passwords of one user: in clear, as NT hashes, and the names of the attributes that cannot be used."""

    clear: tuple[bytes, ...]
    nt_hashes: tuple[bytes, ...]
    unsupported: tuple[str, ...]


def holds(attribute: str) -> bool:
    """Say whether a check row of `attribute`, written in any case, holds a password or a hash of one."""
    return attribute.lower() in _NAMES


def read(items: Iterable[tuple[str, bytes]]) -> Known:
    """Sort out the password items of a control list, (attribute name, value) in their order."""
    clear: list[bytes] = []
    hashes: list[bytes] = []
    unsupported: list[str] = []
    for given, octets in items:
        name, value = given, octets
        if name == "Password-With-Header":
            header = _HEADER.fullmatch(value)
            form = header[1].decode("ascii", "replace").lower() if header else "clear"
            value = header[2] if header else value
            name = {"clear": "Cleartext-Password", "cleartext": "Cleartext-Password", "nt": "NT-Password"}.get(
                form, "NT-Password" if form == "nthash" else f"{{{form}}}"
            )
        if name == "Cleartext-Password":
            clear.append(value)
        elif name == "NT-Password":
            digest = nt_digest(value)
            if digest is None:
                unsupported.append("NT-Password that is no hash")
            else:
                hashes.append(digest)
        else:
            unsupported.append(name)
    return Known(tuple(clear), tuple(hashes), tuple(unsupported))


def nt_digest(value: bytes) -> bytes | None:
    """Return the sixteen octets of an NT hash that is raw, hexadecimal or base64; None for anything else."""
    if len(value) == NT_LENGTH:
        return value
    text = value.strip()
    try:
        if len(text) == 2 * NT_LENGTH:
            return bytes.fromhex(text.decode("ascii"))
        digest = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    return digest if len(digest) == NT_LENGTH else None
