"""Attribute keys: one integer names an attribute, whatever its place on the wire.

The rule: an RFC type is its own number (1 to 255); an extended type (RFC 6929) is `type << 16 | extended type`;
a vendor's is `vendor << 32 | vendor type` (RFC 2865 section 5.26). The three ranges cannot meet, so a key compares
and hashes as fast as an integer does. Only the keys that the code itself speaks of have a constant here; all the
others come from the dictionaries.
"""

from typing import Final


def vendor_key(vendor: int, number: int) -> int:
    """Return the key of a vendor's attribute. `vendor` is the SMI enterprise number, `number` the vendor type."""
    return vendor << 32 | number


def extended_key(number: int, extended: int) -> int:
    """Return the key of an extended attribute (RFC 6929): `number` is 241 to 246, `extended` 1 to 255."""
    return number << 16 | extended


# RFC 2865
USER_NAME: Final = 1
USER_PASSWORD: Final = 2
CHAP_PASSWORD: Final = 3
NAS_IP_ADDRESS: Final = 4
NAS_PORT: Final = 5
SERVICE_TYPE: Final = 6
FRAMED_PROTOCOL: Final = 7
FRAMED_IP_ADDRESS: Final = 8
FRAMED_IP_NETMASK: Final = 9
FRAMED_ROUTING: Final = 10
FILTER_ID: Final = 11
FRAMED_MTU: Final = 12
FRAMED_COMPRESSION: Final = 13
REPLY_MESSAGE: Final = 18
FRAMED_ROUTE: Final = 22
STATE: Final = 24
CLASS: Final = 25
VENDOR_SPECIFIC: Final = 26
SESSION_TIMEOUT: Final = 27
IDLE_TIMEOUT: Final = 28
TERMINATION_ACTION: Final = 29
CALLED_STATION_ID: Final = 30
CALLING_STATION_ID: Final = 31
NAS_IDENTIFIER: Final = 32
PROXY_STATE: Final = 33
CHAP_CHALLENGE: Final = 60
NAS_PORT_TYPE: Final = 61
PORT_LIMIT: Final = 62

# RFC 2866 and RFC 2869
ACCT_STATUS_TYPE: Final = 40
ACCT_DELAY_TIME: Final = 41
ACCT_INPUT_OCTETS: Final = 42
ACCT_OUTPUT_OCTETS: Final = 43
ACCT_SESSION_ID: Final = 44
ACCT_AUTHENTIC: Final = 45
ACCT_SESSION_TIME: Final = 46
ACCT_INPUT_PACKETS: Final = 47
ACCT_OUTPUT_PACKETS: Final = 48
ACCT_TERMINATE_CAUSE: Final = 49
ACCT_MULTI_SESSION_ID: Final = 50
ACCT_LINK_COUNT: Final = 51
ACCT_INPUT_GIGAWORDS: Final = 52
ACCT_OUTPUT_GIGAWORDS: Final = 53
EVENT_TIMESTAMP: Final = 55
CONNECT_INFO: Final = 77
EAP_MESSAGE: Final = 79
MESSAGE_AUTHENTICATOR: Final = 80
ACCT_INTERIM_INTERVAL: Final = 85
NAS_PORT_ID: Final = 87
FRAMED_POOL: Final = 88

# RFC 2868, RFC 3162, RFC 4372, RFC 4818, RFC 5176, RFC 6911
TUNNEL_TYPE: Final = 64
TUNNEL_MEDIUM_TYPE: Final = 65
TUNNEL_CLIENT_ENDPOINT: Final = 66
TUNNEL_PASSWORD: Final = 69
TUNNEL_PRIVATE_GROUP_ID: Final = 81
CHARGEABLE_USER_IDENTITY: Final = 89
NAS_IPV6_ADDRESS: Final = 95
FRAMED_INTERFACE_ID: Final = 96
FRAMED_IPV6_PREFIX: Final = 97
ERROR_CAUSE: Final = 101
DELEGATED_IPV6_PREFIX: Final = 123
FRAMED_IPV6_ADDRESS: Final = 168

# RFC 2548: Microsoft
VENDOR_MICROSOFT: Final = 311
MS_CHAP_RESPONSE: Final = vendor_key(VENDOR_MICROSOFT, 1)
MS_CHAP_ERROR: Final = vendor_key(VENDOR_MICROSOFT, 2)
MS_MPPE_ENCRYPTION_POLICY: Final = vendor_key(VENDOR_MICROSOFT, 7)
MS_MPPE_ENCRYPTION_TYPES: Final = vendor_key(VENDOR_MICROSOFT, 8)
MS_CHAP_DOMAIN: Final = vendor_key(VENDOR_MICROSOFT, 10)
MS_CHAP_CHALLENGE: Final = vendor_key(VENDOR_MICROSOFT, 11)
MS_CHAP_MPPE_KEYS: Final = vendor_key(VENDOR_MICROSOFT, 12)
MS_MPPE_SEND_KEY: Final = vendor_key(VENDOR_MICROSOFT, 16)
MS_MPPE_RECV_KEY: Final = vendor_key(VENDOR_MICROSOFT, 17)
MS_RAS_VERSION: Final = vendor_key(VENDOR_MICROSOFT, 18)
MS_CHAP2_RESPONSE: Final = vendor_key(VENDOR_MICROSOFT, 25)
MS_CHAP2_SUCCESS: Final = vendor_key(VENDOR_MICROSOFT, 26)
MS_CHAP2_CPW: Final = vendor_key(VENDOR_MICROSOFT, 27)
MS_PRIMARY_DNS_SERVER: Final = vendor_key(VENDOR_MICROSOFT, 28)
MS_SECONDARY_DNS_SERVER: Final = vendor_key(VENDOR_MICROSOFT, 29)
MS_PRIMARY_NBNS_SERVER: Final = vendor_key(VENDOR_MICROSOFT, 30)
MS_SECONDARY_NBNS_SERVER: Final = vendor_key(VENDOR_MICROSOFT, 31)

# Other vendors that the code knows by name
VENDOR_CISCO: Final = 9
VENDOR_MIKROTIK: Final = 14988
VENDOR_WISPR: Final = 14122
CISCO_AVPAIR: Final = vendor_key(VENDOR_CISCO, 1)
MIKROTIK_RATE_LIMIT: Final = vendor_key(VENDOR_MIKROTIK, 8)
