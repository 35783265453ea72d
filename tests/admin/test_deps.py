import pytest

READS = ["users", "groups", "clients", "sessions", "auth-log"]
USER = {"username": "bob", "password": "x"}
CLIENT = {"name": "vpn1", "address": "192.0.2.1", "secret": "x"}


@pytest.mark.parametrize("token", [None, "", "wrong", "radiusd_00000000_wrong"])
async def test_nobody_reads_without_a_token(connect, token):
    answer = await connect(token).get("users")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_bearer_is_asked_for_before_the_body_is_read(connect):
    assert (await connect(None).post("users", content=b"{")).status_code == 401


@pytest.mark.parametrize("path", READS)
async def test_viewers_read(as_role, path):
    assert (await (await as_role("viewer")).get(path)).status_code == 200


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("viewer", set()),
        ("operator", {"users", "sessions/reap", "explain"}),
        ("admin", {"users", "sessions/reap", "explain", "groups", "clients", "tokens"}),
    ],
)
async def test_roles_bound_what_is_written(as_role, api, role, allowed):
    assert (await api.post("clients", json=CLIENT)).status_code == 201
    bodies = {
        "users": USER,
        "groups": {"name": "staff"},
        "clients": {**CLIENT, "name": "vpn2", "address": "192.0.2.2"},
        "tokens": {"name": "x"},
        "explain": {"attributes": {"User-Name": "nobody"}, "client": "vpn1"},
        "sessions/reap": {},
    }
    client = await as_role(role)
    done = {path: (await client.post(path, json=body)).status_code for path, body in bodies.items()}
    assert {path for path, status in done.items() if status < 400} == allowed
    assert {status for status in done.values() if status >= 400} <= {403}


@pytest.mark.parametrize("path", ["tokens", "audit"])
async def test_only_admins_read_tokens_and_the_audit_log(as_role, api, path):
    assert (await api.get(path)).status_code == 200
    for role in ("viewer", "operator"):
        answer = await (await as_role(role)).get(path)
        assert answer.status_code == 403
        assert "admin" in answer.json()["detail"]


async def test_an_expired_token_is_refused(as_role, sql):
    viewer = await as_role("viewer")
    assert (await viewer.get("users")).status_code == 200
    await sql("UPDATE radiusd.token SET expires_at = now()")
    assert (await viewer.get("users")).status_code == 401


async def test_changes_are_written_down_with_who_and_whence(as_role, api):
    await (await as_role("operator")).post("users", json=USER)
    await api.delete("users/bob")
    changes = (await api.get("audit", params={"kind": "user"})).json()["items"]
    assert [(change["actor"], change["source"], change["action"]) for change in changes] == [
        ("token:bootstrap", "192.0.2.7", "delete"),
        ("token:operator", "192.0.2.7", "create"),
    ]


@pytest.mark.parametrize(
    ("tags", "status"),
    [("{}", 200), ('"old", {}', 200), ("*", 200), ("W/{}", 412), ('W/{}, "old"', 412), ("", 412), ("W/{}, {}", 200)],
)
async def test_only_a_strong_tag_matches(api, tags, status):
    made = await api.post("users", json=USER)
    given = tags.format(*[made.headers["etag"]] * 2)
    answer = await api.patch("users/bob", json={"disabled": True}, headers={"If-Match": given})
    assert answer.status_code == status


async def test_tags_may_stand_in_several_lines(api):
    made = await api.post("users", json=USER)
    lines = [("If-Match", '"old"'), ("If-Match", made.headers["etag"])]
    assert (await api.patch("users/bob", json={"disabled": True}, headers=lines)).status_code == 200


@pytest.mark.parametrize("name", ["bob", "a/b", "DOM\\user", "a%2Fb", "ümläut", "a?b#c"])
async def test_what_is_created_is_found_at_its_location(api, name):
    made = await api.post("users", json={**USER, "username": name})
    assert made.headers["location"].startswith("/api/v1/users/")
    assert (await api.get(f"http://radiusd{made.headers['location']}")).json() == made.json()


async def test_whatever_is_created_has_a_location(api):
    created = [
        await api.post("clients", json=CLIENT),
        await api.post("groups", json={"name": "staff"}),
        await api.post("tokens", json={"name": "ci"}),
        await api.put("users/carol", json={"password": "x"}),
        await api.put("groups/crew", json={}),
        await api.put("clients/vpn2", json={**CLIENT, "name": "vpn2", "address": "192.0.2.2"}),
    ]
    for made in created:
        assert made.status_code == 201
        assert (await api.get(f"http://radiusd{made.headers['location']}")).status_code == 200
    replaced = await api.put("users/carol", json={})
    assert (replaced.status_code, "location" in replaced.headers) == (200, False)
