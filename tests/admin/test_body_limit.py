import pytest

from radiusd.admin.body_limit import MOST

JSON = {"Content-Type": "application/json"}


async def spaces(octets):
    """Make a body of blanks, in pieces and so without a Content-Length."""
    for _ in range(octets // 1024):
        yield b" " * 1024


def is_too_large(answer):
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()["status"] == 413


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "one"}])
async def test_a_large_body_is_refused(api, headers):
    assert is_too_large(await api.post("users", content=b" " * (MOST + 1), headers=JSON | headers))
    assert is_too_large(await api.post("users", content=spaces(MOST + 1024), headers=JSON | headers))


async def test_of_a_body_without_end_no_more_is_taken_than_allowed(api):
    taken = 0

    async def endless():
        nonlocal taken
        while True:
            taken += 1024
            yield b" " * 1024

    assert is_too_large(await api.post("users", content=endless(), headers=JSON))
    assert taken <= MOST + 2048


async def test_what_is_announced_is_judged_without_a_token_or_a_path(connect):
    for path in ("users", "nothing"):
        assert is_too_large(await connect(None).post(path, headers={"Content-Length": str(MOST + 1)}))


async def test_the_largest_body_is_read(api):
    body = b'{"username": "bob", "password": "x"}'
    assert (await api.post("users", content=body.ljust(MOST), headers=JSON)).status_code == 201
