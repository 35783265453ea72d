"""RFC 2759 section 9.2: the sample run of MS-CHAPv2; and RFC 2433's example of the NT response (appendix A)."""

from radiusd.protocol import mschap

USER = b"User"
PASSWORD = b"clientPass"
AUTHENTICATOR_CHALLENGE = bytes.fromhex("5B5D7C7D7B3F2F3E3C2C602132262628")
PEER_CHALLENGE = bytes.fromhex("21402324255E262A28295F2B3A337C7E")
CHALLENGE = bytes.fromhex("D02E4386BCE91226")
NT_HASH = bytes.fromhex("44EBBA8D5312B8D611474411F56989AE")
NT_HASH_HASH = bytes.fromhex("41C00C584BD2D91C4017A2A12FA59F3F")
NT_RESPONSE = bytes.fromhex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF")
PROOF = b"S=407A5589115FD0D6209F510FE9C04566932CDA56"
RESPONSE = b"\x01\x00" + PEER_CHALLENGE + bytes(8) + NT_RESPONSE


def test_each_step():
    assert mschap.nt_hash(PASSWORD) == NT_HASH
    assert mschap.nt_hash_hash(NT_HASH) == NT_HASH_HASH
    assert mschap.challenge_hash(PEER_CHALLENGE, AUTHENTICATOR_CHALLENGE, USER) == CHALLENGE
    assert mschap.challenge_response(CHALLENGE, NT_HASH) == NT_RESPONSE


def test_the_response_is_accepted_and_proved():
    assert mschap.verify_v2(RESPONSE, AUTHENTICATOR_CHALLENGE, USER, NT_HASH)
    assert mschap.authenticator_response(RESPONSE, AUTHENTICATOR_CHALLENGE, USER, NT_HASH) == PROOF


def test_a_domain_before_the_name_does_not_count():
    assert mschap.verify_v2(RESPONSE, AUTHENTICATOR_CHALLENGE, b"BIGCO\\User", NT_HASH)
    assert mschap.authenticator_response(RESPONSE, AUTHENTICATOR_CHALLENGE, b"BIGCO\\User", NT_HASH) == PROOF


def test_rfc2433_nt_response():
    hashed = mschap.nt_hash(b"MyPw")
    challenge = bytes.fromhex("102DB5DF085D3041")
    response = bytes.fromhex("4E9D3C8F9CFD385D5BF4D3246791956CA4C351AB409A3D61")
    assert hashed == bytes.fromhex("FC156AF7EDCD6C0EDDE3337D427F4EAC")
    assert mschap.challenge_response(challenge, hashed) == response
    assert mschap.verify_v1(b"\x01\x01" + bytes(24) + response, challenge, hashed)
