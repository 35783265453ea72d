"""CHAP; a real exchange is in the captures, the RFC's in tests/rfc/test_rfc2865.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusd.protocol import chap

CHALLENGE = bytes(range(16))


@given(st.integers(0, 255), st.binary(max_size=60), st.binary(min_size=1, max_size=60))
def test_a_response_verifies_with_its_password_alone(identifier, password, challenge):
    proof = bytes((identifier,)) + chap.response(identifier, password, challenge)
    assert chap.verify(proof, challenge, password)
    assert not chap.verify(proof, challenge, password + b"x")
    assert not chap.verify(proof, challenge + b"x", password)
    assert not chap.verify(bytes((identifier ^ 1,)) + proof[1:], challenge, password)


@pytest.mark.parametrize("size", [0, 1, 16, 18])
def test_a_value_of_another_length_fits_nothing(size):
    proof = bytes((1,)) + chap.response(1, b"password", CHALLENGE) + b"x"
    assert not chap.verify(proof[:size], CHALLENGE, b"password")
