"""Packet codes (RFC 2865, 2866, 5176, 5997) as plain integers, with their names in the RFCs' words.

Codes stay integers everywhere: a packet's first octet is compared, never converted.
"""

from typing import Final

ACCESS_REQUEST: Final = 1
ACCESS_ACCEPT: Final = 2
ACCESS_REJECT: Final = 3
ACCOUNTING_REQUEST: Final = 4
ACCOUNTING_RESPONSE: Final = 5
ACCESS_CHALLENGE: Final = 11
STATUS_SERVER: Final = 12
STATUS_CLIENT: Final = 13
DISCONNECT_REQUEST: Final = 40
DISCONNECT_ACK: Final = 41
DISCONNECT_NAK: Final = 42
COA_REQUEST: Final = 43
COA_ACK: Final = 44
COA_NAK: Final = 45
PROTOCOL_ERROR: Final = 52

NAMES: Final = {
    ACCESS_REQUEST: "Access-Request",
    ACCESS_ACCEPT: "Access-Accept",
    ACCESS_REJECT: "Access-Reject",
    ACCOUNTING_REQUEST: "Accounting-Request",
    ACCOUNTING_RESPONSE: "Accounting-Response",
    ACCESS_CHALLENGE: "Access-Challenge",
    STATUS_SERVER: "Status-Server",
    STATUS_CLIENT: "Status-Client",
    DISCONNECT_REQUEST: "Disconnect-Request",
    DISCONNECT_ACK: "Disconnect-ACK",
    DISCONNECT_NAK: "Disconnect-NAK",
    COA_REQUEST: "CoA-Request",
    COA_ACK: "CoA-ACK",
    COA_NAK: "CoA-NAK",
    PROTOCOL_ERROR: "Protocol-Error",
}

# Requests whose authenticator is a digest over the packet with this field zero (RFC 2866 section 3,
# RFC 5176 section 2.3). All other requests carry sixteen random octets there.
DIGEST_REQUESTS: Final = frozenset({ACCOUNTING_REQUEST, DISCONNECT_REQUEST, COA_REQUEST})


def name(code: int) -> str:
    """Return the RFC name of a packet code, or `Code-N` for one that has no name here."""
    return NAMES.get(code) or f"Code-{code}"
