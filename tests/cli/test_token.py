from datetime import UTC, datetime, timedelta


def test_a_token_is_shown_once_and_alone(cli):
    made = cli("token", "create", "ci", "--role", "operator")
    token = made.out.rstrip("\n")
    assert made.code == 0
    assert len(token) > 32
    assert " " not in token
    for arguments in (["list"], ["list", "--json"]):
        assert token not in cli("token", *arguments).out
    (listed,) = cli("token", "list", "--json").json()
    assert (listed["name"], listed["role"], listed["revoked_at"]) == ("ci", "operator", None)
    assert token.startswith(listed["prefix"])


def test_a_token_may_end_by_itself(cli):
    made = cli("token", "create", "ci", "--expires-in", "30d", "--json").json()
    left = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=29) < left <= timedelta(days=30)
    assert made["role"] == "viewer"


def test_a_token_is_revoked_by_its_prefix(cli):
    prefix = cli("token", "create", "ci", "--json").json()["prefix"]
    assert cli("token", "revoke", prefix).out == "token ci revoked\n"
    assert cli("token", "list", "--json").json()[0]["revoked_at"] is not None
    assert cli("token", "revoke", "radiusd_00000000").code == 1


def test_a_token_that_has_expired_already_is_a_mistake_in_usage(cli):
    told = cli("token", "create", "ci", "--expires-in", "0")
    assert told.code == 2
    assert told.err.startswith("radiusd: expires-at: ")
