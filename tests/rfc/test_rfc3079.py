"""RFC 3079 section 3.5: the 128-bit keys of the sample run of RFC 2759."""

from radiusd.protocol import mschap

NT_HASH = bytes.fromhex("44EBBA8D5312B8D611474411F56989AE")
NT_RESPONSE = bytes.fromhex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF")
SEND_START_KEY_128 = bytes.fromhex("8B7CDC149B993A1BA118CB153F56DCCB")


def test_server_send_key():
    send, receive = mschap.mppe_v2_keys(NT_HASH, NT_RESPONSE)
    assert send == SEND_START_KEY_128
    assert len(receive) == 16
    assert receive != send
