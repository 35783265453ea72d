"""MS-CHAP; the RFCs' sample runs are in tests/rfc (2759, 3079), real exchanges in the captures."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusd.protocol import mschap

CHALLENGE = bytes(range(16))
PEER = bytes(range(50, 66))
HASHED = mschap.nt_hash(b"password")


def response_v2(nt_hash, name=b"bob", peer=PEER, challenge=CHALLENGE):
    hashed = mschap.challenge_hash(peer, challenge, name)
    return b"\x07\x00" + peer + bytes(8) + mschap.challenge_response(hashed, nt_hash)


def test_well_known_hashes():
    assert mschap.nt_hash(b"") == bytes.fromhex("31d6cfe0d16ae931b73c59d7e0c089c0")
    assert mschap.nt_hash(b"password") == bytes.fromhex("8846f7eaee8fb117ad06bdd830b7586c")


@given(st.text(max_size=40))
def test_text_is_hashed_in_utf16(text):
    assert len(mschap.nt_hash(text.encode())) == 16


def test_octets_that_are_not_utf8_are_neither_refused_nor_dropped():
    hashes = {mschap.nt_hash(word) for word in (b"pass\xffword", b"pass\xfeword", b"password", b"pass?word")}
    assert len(hashes) == 4


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16), st.binary(max_size=30))
def test_v2_verifies_with_its_own_facts_alone(challenge, hashed, name):
    proof = response_v2(hashed, name, challenge=challenge)
    assert mschap.verify_v2(proof, challenge, name, hashed)
    assert not mschap.verify_v2(proof, challenge, name + b"x", hashed)
    assert not mschap.verify_v2(proof, challenge[1:] + b"\x00", name, hashed) or challenge[1:] + b"\x00" == challenge
    changed = bytes((hashed[0] ^ 2,)) + hashed[1:]
    assert not mschap.verify_v2(proof, challenge, name, changed)


@pytest.mark.parametrize("position", [26, 33, 34, 41, 42, 49])
def test_each_of_the_three_blocks_counts(position):
    proof = bytearray(response_v2(HASHED))
    proof[position] ^= 1
    assert not mschap.verify_v2(bytes(proof), CHALLENGE, b"bob", HASHED)


@pytest.mark.parametrize("size", [0, 1, 2, 49, 51])
def test_a_response_of_another_length_fits_nothing(size):
    assert not mschap.verify_v2((response_v2(HASHED) + b"x")[:size], CHALLENGE, b"bob", HASHED)
    first = b"\x07\x01" + bytes(24) + mschap.challenge_response(CHALLENGE[:8], HASHED)
    assert mschap.verify_v1(first, CHALLENGE[:8], HASHED)
    assert not mschap.verify_v1((first + b"x")[:size], CHALLENGE[:8], HASHED)


@pytest.mark.parametrize("size", [0, 7, 8, 9, 15, 17])
def test_a_challenge_of_another_length_fits_nothing(size):
    # The response fits in all but the length of what it answers.
    assert not mschap.verify_v2(response_v2(HASHED, challenge=bytes(size)), bytes(size), b"bob", HASHED)
    if size != 8:
        assert not mschap.verify_v1(b"\x07\x01" + bytes(48), bytes(size), HASHED)


def test_v1_without_the_nt_response_fits_nothing():
    proof = b"\x07\x00" + mschap.challenge_response(CHALLENGE[:8], HASHED) * 2
    assert not mschap.verify_v1(proof, CHALLENGE[:8], HASHED)


@pytest.mark.parametrize(
    ("name", "hashed"), [(b"bob", b"bob"), (b"DOM\\bob", b"bob"), (b"a\\b\\bob", b"b\\bob"), (b"DOM\\", b"")]
)
def test_the_domain_is_not_hashed(name, hashed):
    expected = hashlib.sha1(PEER + CHALLENGE + hashed).digest()[:8]
    assert mschap.challenge_hash(PEER, CHALLENGE, name) == expected


def test_the_cache_of_key_schedules_is_bounded_and_harmless():
    assert mschap._schedules.cache_info().maxsize is not None
    assert mschap.nt_hash_hash.cache_info().maxsize is not None
    before = mschap.challenge_response(CHALLENGE[:8], HASHED)
    mschap._schedules.cache_clear()
    assert mschap.challenge_response(CHALLENGE[:8], HASHED) == before


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"retry": True, "challenge": bytes(16), "message": "Authentication rejected"},
            b"E=691 R=1 C=" + b"0" * 32 + b" V=3 M=Authentication rejected",
        ),
        ({"retry": False, "challenge": b"\xab" * 8, "version": 2}, b"E=691 R=0 C=" + b"ab" * 8 + b" V=2"),
    ],
)
def test_error_text(options, text):
    assert mschap.error_text(0xE3, mschap.AUTHENTICATION_FAILURE, **options) == b"\xe3" + text
