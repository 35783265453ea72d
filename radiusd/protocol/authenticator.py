"""The shared secret of a client, and every digest that is made with it.

The rule: a secret is hashed once, when the client is read; each packet starts from copies of those states. The
octets of a secret appear in no repr and no message, and digests are compared in constant time.

RFC 2865 section 3 (response authenticator), RFC 2866 section 3 (accounting request), RFC 5176 section 2.3 (CoA and
disconnect requests), RFC 3579 section 3.2 and RFC 5997 section 3 (Message-Authenticator), RFC 2104 (HMAC).
"""

import hashlib
import hmac as _hmac
from typing import Final

from radiusd.protocol.codes import DIGEST_REQUESTS

ZEROS: Final = bytes(16)

_BLOCK: Final = 64
_INNER_PAD: Final = bytes(octet ^ 0x36 for octet in range(256))
_OUTER_PAD: Final = bytes(octet ^ 0x5C for octet in range(256))
_md5 = hashlib.md5


class Secret:
    """A shared secret with its MD5 and HMAC-MD5 states.

    Two secrets are equal when their octets are. The octets themselves stay readable as `octets`, for what must
    write them out (a client's configuration), never for a log.
    """

    __slots__ = ("_inner", "_outer", "_prefix", "octets")

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        key = octets if len(octets) <= _BLOCK else _md5(octets, usedforsecurity=False).digest()
        key = key.ljust(_BLOCK, b"\0")
        self._inner = _md5(key.translate(_INNER_PAD), usedforsecurity=False)
        self._outer = _md5(key.translate(_OUTER_PAD), usedforsecurity=False)
        self._prefix = _md5(octets, usedforsecurity=False)

    def __repr__(self) -> str:
        return "Secret(...)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and _hmac.compare_digest(self.octets, other.octets)

    def __hash__(self) -> int:
        return hash(self.octets)

    def hmac(self, data: bytes) -> bytes:
        """Return HMAC-MD5 of `data`, 16 octets."""
        inner = self._inner.copy()
        inner.update(data)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()

    def stream(self, block: bytes) -> bytes:
        """Return MD5 of the secret followed by `block`, 16 octets: the key stream of hidden values."""
        state = self._prefix.copy()
        state.update(block)
        return state.digest()

    def digest(self, data: bytes) -> bytes:
        """Return MD5 of `data` followed by the secret, 16 octets: the authenticator of a packet."""
        return _md5(data + self.octets, usedforsecurity=False).digest()

    def response_authenticator(self, header: bytes, request_authenticator: bytes, body: bytes) -> bytes:
        """Return the Response Authenticator, 16 octets.

        `header` is the response's code, identifier and length, four octets; `body` its encoded attributes.
        """
        return self.digest(header + request_authenticator + body)

    def request_authenticator(self, header: bytes, body: bytes) -> bytes:
        """Return the Request Authenticator of an accounting, CoA or disconnect request, 16 octets."""
        return self.digest(header + ZEROS + body)

    def accounting_ok(self, raw: bytes) -> bool:
        """Tell whether the authenticator of an accounting, CoA or disconnect request fits; `raw` is cut to Length."""
        return _hmac.compare_digest(self.digest(raw[:4] + ZEROS + raw[20:]), raw[4:20])

    def response_ok(self, raw: bytes, request_authenticator: bytes) -> bool:
        """Tell whether the authenticator of a response fits the request that it answers."""
        return _hmac.compare_digest(self.digest(raw[:4] + request_authenticator + raw[20:]), raw[4:20])

    def message_authenticator_ok(self, raw: bytes, at: int, request_authenticator: bytes | None = None) -> bool:
        """Tell whether the Message-Authenticator whose sixteen octets start at `at` fits.

        For a response, give the request's authenticator. Without it `raw` is a request: Access-Request and
        Status-Server are taken as they stand, the others with zeros for their authenticator.
        """
        if request_authenticator is None:
            if raw[0] in DIGEST_REQUESTS:
                request_authenticator = ZEROS
            else:
                return _hmac.compare_digest(self.hmac(raw[:at] + ZEROS + raw[at + 16 :]), raw[at : at + 16])
        signed = raw[:4] + request_authenticator + raw[20:at] + ZEROS + raw[at + 16 :]
        return _hmac.compare_digest(self.hmac(signed), raw[at : at + 16])
