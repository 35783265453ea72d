async def test_logins_are_listed_with_their_rule(api, sql):
    await sql(
        "INSERT INTO radiusd.auth_log (username, client, nas_ip, outcome, reason, rule, method)"
        " VALUES ('bob', 'vpn1', '192.0.2.1', 'reject', 'wrong-password', 'radcheck 1', 'pap')"
    )
    (entry,) = (await api.get("auth-log", params={"username": "bob", "outcome": "reject"})).json()["items"]
    assert (entry["reason"], entry["rule"], entry["nas_ip"]) == ("wrong-password", "radcheck 1", "192.0.2.1")
    assert (await api.get("auth-log", params={"outcome": "accept"})).json() == {"items": [], "next": None}
    assert (await api.get("auth-log", params={"since": "soon"})).json()["field"] == "since"


async def test_changes_are_listed_before_and_after(api):
    await api.post("groups", json={"name": "staff", "idle_timeout": 1})
    await api.patch("groups/staff", json={"idle_timeout": 2})
    page = (await api.get("audit", params={"kind": "group", "name": "staff", "action": "update"})).json()
    (change,) = page["items"]
    assert (change["before"]["idle_timeout"], change["after"]["idle_timeout"]) == (1, 2)
    assert (await api.get("audit", params={"q": "nobody"})).json()["items"] == []
