import pytest


@pytest.fixture
async def world(api):
    await api.post("clients", json={"name": "vpn1", "address": "192.0.2.1", "secret": "x"})
    await api.post("groups", json={"name": "staff", "session_timeout": 14400})
    await api.post("users", json={"username": "alice", "password": "s3cret", "groups": ["staff"]})


@pytest.mark.usefixtures("world")
async def test_an_accept_is_explained(api):
    question = {"attributes": {"User-Name": "alice", "User-Password": "s3cret"}}
    answer = await api.post("explain", json=question)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["outcome"], told["client"], told["groups"]) == ("accept", "vpn1", ["staff"])
    assert {"attribute": "Session-Timeout", "value": "14400"} in told["reply"]
    assert told["steps"]
    assert "s3cret" not in answer.text


@pytest.mark.usefixtures("world")
async def test_a_reject_is_explained_and_nothing_written(api, sql):
    attributes = [{"attribute": "User-Name", "value": "alice"}, {"attribute": "User-Password", "value": "wrong"}]
    told = (await api.post("explain", json={"attributes": attributes, "client": "vpn1"})).json()
    assert (told["outcome"], told["reason"]) == ("reject", "wrong-password")
    assert await sql("SELECT count(*) FROM radiusd.auth_log") == [(0,)]
    assert await sql("SELECT count(*) FROM radpostauth") == [(0,)]


@pytest.mark.usefixtures("world")
async def test_the_client_is_found_by_its_address(api):
    await api.post("clients", json={"name": "vpn2", "address": "198.51.100.0/24", "secret": "x"})
    question = {"attributes": {"User-Name": "alice"}}
    assert (await api.post("explain", json=question)).json()["field"] == "client"
    question["attributes"]["NAS-IP-Address"] = "198.51.100.9"
    assert (await api.post("explain", json=question)).json()["client"] == "vpn2"


@pytest.mark.usefixtures("world")
async def test_the_time_may_be_chosen(api):
    await api.patch("users/alice", json={"expires_at": "2030-01-01T00:00:00Z"})
    question = {"attributes": {"User-Name": "alice", "User-Password": "s3cret"}}
    for at, outcome in (("2029-12-31T00:00:00Z", "accept"), ("2030-01-02T00:00:00Z", "reject")):
        assert (await api.post("explain", json={**question, "at": at})).json()["outcome"] == outcome


@pytest.mark.usefixtures("world")
async def test_wrong_fields_are_named(api):
    for body, field in (
        ({"attributes": {"User-Name": "alice", "Nope": "1"}}, "attributes[1]"),
        ({"attributes": {"User-Name": "alice", "NAS-Port": "first"}}, "attributes[1]"),
        ({"attributes": []}, "attributes"),
        ({"attributes": {"User-Name": "alice", "Message-Authenticator": "0x00"}}, "attributes"),
        ({"attributes": {"User-Name": "alice"}, "client": "nobody"}, "client"),
    ):
        answer = await api.post("explain", json=body)
        assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.usefixtures("world")
async def test_a_password_that_is_missing_is_an_outcome_of_its_own(api):
    question = {"attributes": {"User-Name": "alice"}}
    told = (await api.post("explain", json=question)).json()
    assert (told["outcome"], told["policy"]) == ("needs-password", "accept")


async def test_a_password_that_cannot_be_checked_is_no_accept(api):
    await api.post("clients", json={"name": "vpn1", "address": "192.0.2.1", "secret": "x"})
    row = {"attribute": "Crypt-Password", "op": ":=", "value": "$1$x"}
    assert (await api.post("users", json={"username": "bob", "check": [row]})).json()["has_password"] is True
    told = (await api.post("explain", json={"attributes": {"User-Name": "bob"}})).json()
    assert (told["outcome"], told["reason"], told["policy"]) == ("reject", "password-form-not-supported", "reject")
