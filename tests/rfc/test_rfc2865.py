"""RFC 2865 section 7: the examples, octet for octet."""

from radiusd.protocol import attribute_types as types
from radiusd.protocol import chap, codes, encode, hiding
from radiusd.protocol.authenticator import Secret
from radiusd.protocol.packet import decode

SECRET = Secret(b"xyzzy5461")
PASSWORD = b"arctangent"

TELNET_REQUEST = bytes.fromhex(
    "01000038 0f403f9473978057bd83d5cb98f4227a 01066e656d6f 02120dbe708d93d413ce3196e43f782a0aee"
    "0406c0a80110 050600000003"
)
TELNET_ACCEPT = bytes.fromhex("02000026 86fe220e7624ba2a1005f6bf9b55e0b2 060600000001 0f0600000000 0e06c0a80103")

CHAP_REQUEST = bytes.fromhex(
    "01010047 2aee86f08d0d55969ca5978e0d3367a2 0108666c6f707379 031316e97557c316185895f293ff634407"
    "7275"
    "0406c0a80110 050600000014 060600000002 070600000001"
)
CHAP_ACCEPT = bytes.fromhex(
    "02010038 15efbc7dab26cfa3dc34d9c03c8601a4 060600000002 070600000001 0806fffffffe 0a0600000002"
    "0d0600000001 0c06000005dc"
)


def test_user_telnet_to_a_host():
    packet = decode(TELNET_REQUEST)
    assert packet.code == codes.ACCESS_REQUEST
    assert packet.first(types.USER_NAME) == b"nemo"
    assert packet.first(types.NAS_IP_ADDRESS) == bytes((192, 168, 1, 16))
    assert packet.first(types.NAS_PORT) == b"\0\0\0\x03"
    hidden = packet.first(types.USER_PASSWORD)
    assert hiding.user_password(hidden, SECRET, packet.authenticator) == PASSWORD
    assert hiding.hide_user_password(PASSWORD, SECRET, packet.authenticator) == hidden


def test_the_telnet_request_is_written_alike():
    authenticator = TELNET_REQUEST[4:20]
    body = b"".join(
        (
            encode.attribute(types.USER_NAME, b"nemo"),
            encode.attribute(types.USER_PASSWORD, hiding.hide_user_password(PASSWORD, SECRET, authenticator)),
            encode.attribute(types.NAS_IP_ADDRESS, bytes((192, 168, 1, 16))),
            encode.attribute(types.NAS_PORT, b"\0\0\0\x03"),
        )
    )
    made = encode.request(1, 0, SECRET, body, authenticator=authenticator, message_authenticator=False)
    assert made == TELNET_REQUEST


def test_the_telnet_answer():
    asked = TELNET_REQUEST[4:20]
    assert SECRET.response_ok(TELNET_ACCEPT, asked)
    assert SECRET.response_authenticator(TELNET_ACCEPT[:4], asked, TELNET_ACCEPT[20:]) == TELNET_ACCEPT[4:20]
    assert encode.response(2, 0, asked, SECRET, TELNET_ACCEPT[20:], message_authenticator=False) == TELNET_ACCEPT


def test_framed_user_authenticating_with_chap():
    packet = decode(CHAP_REQUEST)
    assert packet.first(types.USER_NAME) == b"flopsy"
    assert packet.first(types.CHAP_CHALLENGE) is None
    assert chap.verify(packet.first(types.CHAP_PASSWORD), packet.authenticator, PASSWORD)


def test_the_answer_to_chap():
    assert SECRET.response_ok(CHAP_ACCEPT, CHAP_REQUEST[4:20])
    assert decode(CHAP_ACCEPT).first(types.FRAMED_MTU) == (1500).to_bytes(4, "big")
