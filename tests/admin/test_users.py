import pytest

ALICE = {"username": "alice", "password": "s3cret", "static_ip": "10.0.0.7"}


async def test_a_users_life(api):
    made = await api.post("users", json=ALICE)
    assert made.status_code == 201
    assert made.json() == {
        "username": "alice",
        "has_password": True,
        "groups": [],
        "disabled": False,
        "expires_at": None,
        "static_ip": "10.0.0.7",
        "check": [],
        "reply": [],
    }
    read = await api.get("users/alice")
    assert read.json() == made.json()
    assert read.headers["etag"] == made.headers["etag"]
    changed = await api.patch("users/alice", json={"disabled": True, "expires_at": "2030-01-01T00:00:00+02:00"})
    assert (changed.json()["disabled"], changed.json()["expires_at"]) == (True, "2029-12-31T22:00:00Z")
    assert changed.headers["etag"] != made.headers["etag"]
    assert (await api.delete("users/alice")).status_code == 204
    assert (await api.get("users/alice")).status_code == 404


async def test_put_creates_or_replaces(api):
    assert (await api.put("users/bob", json={"password": "x"})).status_code == 201
    replaced = await api.put("users/bob", json={"static_ip": "10.0.0.1"})
    assert (replaced.status_code, replaced.json()["has_password"]) == (200, True)


async def test_what_was_read_may_be_put_back(api):
    made = await api.post("users", json=ALICE)
    again = await api.put("users/alice", json=made.json(), headers={"If-Match": made.headers["etag"]})
    assert (again.status_code, again.json()) == (200, made.json())


@pytest.mark.parametrize("name", ["DOM\\user", "a/b", "ümläut", "with space", "a%2Fb", "user@example.net", "a?b#c"])
async def test_any_name_has_a_path(api, name):
    from urllib.parse import quote

    assert (await api.post("users", json={"username": name, "password": "x"})).status_code == 201
    read = await api.get(f"users/{quote(name, safe='')}")
    assert (read.status_code, read.json()["username"]) == (200, name)


async def test_if_match_is_honoured(api):
    made = await api.post("users", json=ALICE)
    await api.patch("users/alice", json={"password": "other"})
    for method in ("PUT", "PATCH", "DELETE"):
        answer = await api.request(method, "users/alice", json={}, headers={"If-Match": made.headers["etag"]})
        assert answer.status_code == 412, method
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "username"),
        ({"username": "a\0b"}, "username"),
        ({"username": 5}, "username"),
        ({**ALICE, "colour": "red"}, "colour"),
        ({**ALICE, "static_ip": "10.0.0.300"}, "static_ip"),
        ({**ALICE, "groups": [{"priority": 1}]}, "groups[0].name"),
        ({**ALICE, "groups": ["nowhere"]}, "groups[0].name"),
        ({**ALICE, "reply": [{"attribute": "Session-Timeout", "value": "soon"}]}, "reply[0].value"),
        ({**ALICE, "reply": [{"attribute": "Class", "value": 5}]}, "reply[0].value"),
        (
            {"username": "a", "check": [{"attribute": "Cleartext-Password", "op": "==", "value": "s3cret"}]},
            "check[0].op",
        ),
        ({**ALICE, "check": [{"attribute": "NT-Password", "op": ":=", "value": "s3cret"}]}, "check[0].attribute"),
        ({**ALICE, "expires_at": "soon"}, "expires_at"),
        ({**ALICE, "expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at"),
        ({**ALICE, "expires_at": "1900-01-01T00:00:00Z"}, "expires_at"),
        ([], "body"),
    ],
)
async def test_a_wrong_field_is_named_and_no_password_repeated(api, body, field):
    answer = await api.post("users", json=body)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["field"] == field
    assert field in {error["field"] for error in problem["errors"]}
    assert "s3cret" not in answer.text


async def test_lists_have_pages_filters_and_a_limit(api):
    for name in ("alice", "bob", "carol"):
        await api.post("users", json={"username": name, "password": "x", "disabled": name == "bob"})
    first = (await api.get("users", params={"limit": 2})).json()
    rest = (await api.get("users", params={"limit": 2, "cursor": first["next"]})).json()
    assert [user["username"] for user in first["items"] + rest["items"]] == ["alice", "bob", "carol"]
    assert rest["next"] is None
    found = (await api.get("users", params={"disabled": "true", "q": "O"})).json()["items"]
    assert [user["username"] for user in found] == ["bob"]
    for wrong in ({"limit": 1001}, {"limit": 0}, {"cursor": "x"}, {"colour": "red"}, {"q": "\0"}):
        answer = await api.get("users", params=wrong)
        assert (answer.status_code, answer.json()["field"]) == (422, next(iter(wrong)))
