import uuid


async def test_a_tokens_life(api, connect):
    made = (await api.post("tokens", json={"name": "ci", "role": "viewer"})).json()
    bearer = connect(made["token"])
    assert (await bearer.get("users")).status_code == 200
    listed = (await api.get("tokens")).json()["items"]
    assert [(token["name"], token["role"], token["prefix"]) for token in listed] == [("ci", "viewer", made["prefix"])]
    assert listed[0]["last_used_at"] is not None
    assert "token" not in listed[0]
    revoked = await api.delete(f"tokens/{made['id']}")
    assert revoked.json()["revoked_at"] is not None
    assert (await bearer.get("users")).status_code == 401


async def test_the_text_is_not_kept_for_repeated_requests(api, sql):
    headers = {"Idempotency-Key": "one"}
    first = (await api.post("tokens", json={"name": "ci"}, headers=headers)).json()
    again = (await api.post("tokens", json={"name": "ci"}, headers=headers)).json()
    assert (again["id"], again["token"]) == (first["id"], None)
    ((kept,),) = await sql("SELECT body FROM radiusd.idempotency")
    assert first["token"].encode() not in bytes(kept)


async def test_wrong_fields_are_named(api):
    for body, field in (({"name": ""}, "name"), ({"name": "x", "role": "root"}, "role")):
        answer = await api.post("tokens", json=body)
        assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_an_unknown_token_is_not_found(api):
    assert (await api.get(f"tokens/{uuid.uuid4()}")).status_code == 404
    assert (await api.delete(f"tokens/{uuid.uuid4()}")).status_code == 404
    assert (await api.get("tokens/x")).json()["field"] == "token_id"
