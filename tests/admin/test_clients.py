CLIENT = {"name": "vpn1", "address": "192.0.2.10/32", "secret": "s3cret", "kind": "pptpd"}


async def test_a_clients_life(api):
    made = await api.post("clients", json=CLIENT)
    assert made.status_code == 201
    shown = made.json()
    assert shown.pop("id") > 0
    assert shown == {
        "name": "vpn1",
        "address": "192.0.2.10",
        "has_secret": True,
        "kind": "pptpd",
        "require_message_authenticator": "auto",
        "reap_missed_interims": 3,
        "reap_grace": 60,
        "nas_hold": 1800,
        "dynauth_port": 3799,
        "strip_user_name": True,
        "description": None,
    }
    assert (await api.get("clients/vpn1")).headers["etag"] == made.headers["etag"]
    again = await api.put("clients/vpn1", json=made.json(), headers={"If-Match": made.headers["etag"]})
    assert (again.status_code, again.json()) == (200, made.json())
    assert (await api.patch("clients/vpn1", json={"name": "vpn2"})).json()["name"] == "vpn2"
    assert (await api.delete("clients/vpn2")).status_code == 204
    assert (await api.get("clients")).json() == {"items": [], "next": None}


async def test_a_client_is_in_force_when_its_creation_is_answered(api, services):
    await api.post("clients", json=CLIENT)
    found = services.policy.snapshot.client_for("192.0.2.10")
    assert (found.name, found.kind) == ("vpn1", "pptpd")
    await api.delete("clients/vpn1")
    assert services.policy.snapshot.client_for("192.0.2.10") is None


async def test_an_address_is_taken_once(api):
    await api.post("clients", json=CLIENT)
    answer = await api.post("clients", json={**CLIENT, "name": "vpn2"})
    assert (answer.status_code, answer.json()["field"]) == (409, "address")


async def test_wrong_fields_are_named_and_the_secret_not_repeated(api):
    for body, field in (
        ({"address": "vpn.example"}, "address"),
        ({"address": "192.0.2.1/24"}, "address"),
        ({"secret": ""}, "secret"),
        ({"secret": ["s3cret"]}, "secret"),
        ({"kind": "toaster"}, "kind"),
        ({"require_message_authenticator": "maybe"}, "require_message_authenticator"),
    ):
        answer = await api.post("clients", json={**CLIENT, **body})
        assert (answer.status_code, answer.json()["field"]) == (422, field)
        assert "s3cret" not in answer.text


async def test_filters(api):
    await api.post("clients", json=CLIENT)
    assert [c["name"] for c in (await api.get("clients", params={"kind": "pptpd"})).json()["items"]] == ["vpn1"]
    assert (await api.get("clients", params={"q": "nothing"})).json()["items"] == []
    assert (await api.get("clients", params={"kind": "toaster"})).status_code == 422
