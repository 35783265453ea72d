import asyncio

import pytest

USER = {"username": "bob", "password": "x"}


async def test_a_refused_request_leaves_nothing(api, sql):
    answer = await api.post("users", json={**USER, "groups": ["nowhere"]})
    assert answer.status_code == 422
    assert await sql("SELECT count(*) FROM radcheck") == [(0,)]
    assert await sql("SELECT count(*) FROM radiusd.audit") == [(0,)]


async def test_a_repeated_request_gets_the_first_answer(api, sql):
    headers = {"Idempotency-Key": "one"}
    first = await api.post("users", json=USER, headers=headers)
    again = await api.post("users", json=USER, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["content-type"] == first.headers["content-type"]
    assert await sql("SELECT count(*) FROM radcheck") == [(1,)]


async def test_repeated_at_once_it_is_still_done_once(api, sql):
    answers = await asyncio.gather(
        *(api.post("users", json=USER, headers={"Idempotency-Key": "one"}) for _ in range(3))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert await sql("SELECT count(*) FROM radcheck") == [(1,)]


async def test_a_deletion_may_be_repeated(api):
    await api.post("users", json=USER)
    for _ in range(2):
        answer = await api.delete("users/bob", headers={"Idempotency-Key": "gone"})
        assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "users", {**USER, "password": "y"}),
        ("PUT", "users/bob", {"password": "x"}),
        ("DELETE", "users/bob", {}),
    ],
)
async def test_a_key_belongs_to_one_request(api, method, path, body):
    headers = {"Idempotency-Key": "one"}
    await api.post("users", json=USER, headers=headers)
    answer = await api.request(method, path, json=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["field"] == "Idempotency-Key"


async def test_a_key_belongs_to_one_bearer(api, as_role):
    headers = {"Idempotency-Key": "one"}
    assert (await api.post("users", json=USER, headers=headers)).status_code == 201
    assert (await (await as_role("operator")).post("users", json=USER, headers=headers)).status_code == 409


async def test_a_refusal_is_not_kept(api):
    headers = {"Idempotency-Key": "one"}
    assert (await api.delete("users/bob", headers=headers)).status_code == 404
    await api.post("users", json=USER)
    assert (await api.delete("users/bob", headers=headers)).status_code == 204


async def test_a_key_has_a_length(api):
    for key in ("", "k" * 256):
        answer = await api.post("users", json=USER, headers={"Idempotency-Key": key})
        assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")


async def test_the_next_question_after_a_write_sees_it(api):
    await api.post("clients", json={"name": "vpn1", "address": "192.0.2.1", "secret": "x"})
    for password in ("first", "second", "third"):
        await api.put("users/bob", json={"password": password})
        question = {"attributes": {"User-Name": "bob", "User-Password": password}}
        answer = (await api.post("explain", json=question)).json()
        assert answer["outcome"] == "accept", answer


async def test_a_write_that_changes_nothing_does_not_wait(api, services):
    await api.post("users", json=USER)
    generation = services.policy.generation
    again = await asyncio.wait_for(api.patch("users/bob", json={"disabled": False}), 0.9)
    assert again.status_code == 200
    assert services.policy.generation == generation


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "one"}])
async def test_a_dry_run_answers_and_leaves_nothing(api, sql, headers):
    tried = await api.post("users", json=USER, params={"dry_run": "1"}, headers=headers)
    assert (tried.status_code, tried.json()["username"]) == (201, "bob")
    assert await sql("SELECT (SELECT count(*) FROM radcheck), (SELECT count(*) FROM radiusd.audit)") == [(0, 0)]
    assert (await api.post("users", json=USER, params={"dry_run": "0"})).status_code == 201
    assert (await api.delete("users/bob", params={"dry_run": "1"})).status_code == 204
    assert (await api.get("users/bob")).status_code == 200
    refused = await api.post("users", json=USER, params={"dry_run": "perhaps"})
    assert (refused.status_code, refused.json()["field"]) == (422, "dry_run")
    assert (await api.post("users", json=USER, params={"dry_run": "1"})).status_code == 409
