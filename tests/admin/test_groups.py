async def test_a_groups_life(api):
    made = await api.post("groups", json={"name": "staff", "session_timeout": 14400, "mppe": "required"})
    assert made.status_code == 201
    assert (made.json()["session_timeout"], made.json()["mppe_bits"], made.json()["members"]) == (14400, [40, 128], 0)
    assert (await api.get("groups/staff")).headers["etag"] == made.headers["etag"]
    changed = await api.patch("groups/staff", json={"idle_timeout": 600, "session_timeout": None})
    assert (changed.json()["session_timeout"], changed.json()["idle_timeout"]) == (None, 600)
    replaced = await api.put("groups/staff", json={"dns": ["192.0.2.53"]})
    assert (replaced.status_code, replaced.json()["idle_timeout"], replaced.json()["dns"]) == (
        200,
        None,
        ["192.0.2.53"],
    )
    assert (await api.put("groups/crew", json={})).status_code == 201
    assert [group["name"] for group in (await api.get("groups")).json()["items"]] == ["crew", "staff"]
    assert (await api.delete("groups/staff")).status_code == 204
    assert (await api.get("groups/staff")).status_code == 404


async def test_a_group_in_use_is_deleted_only_on_demand(api):
    await api.post("groups", json={"name": "staff"})
    await api.post("users", json={"username": "bob", "groups": ["staff"]})
    assert (await api.delete("groups/staff")).status_code == 409
    assert (await api.delete("groups/staff", params={"with_members": "1"})).status_code == 204
    assert (await api.get("groups")).json()["items"] == []


async def test_wrong_fields_are_named(api):
    for body, field in (
        ({"session_timeout": -1}, "session_timeout"),
        ({"session_timeout": "4h"}, "session_timeout"),
        ({"session_timeout": True}, "session_timeout"),
        ({"login_time": "always, mostly"}, "login_time"),
        ({"mppe_bits": [56]}, "mppe_bits[0]"),
        ({"dns": ["a.example"]}, "dns[0]"),
        ({"reply": [{"attribute": "Class", "op": "~", "value": "x"}]}, "reply[0].op"),
    ):
        answer = await api.post("groups", json={"name": "staff", **body})
        assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_if_match_is_honoured(api):
    made = await api.post("groups", json={"name": "staff"})
    await api.patch("groups/staff", json={"idle_timeout": 1})
    answer = await api.delete("groups/staff", headers={"If-Match": made.headers["etag"]})
    assert answer.status_code == 412
