import pytest


def test_the_example_of_the_reference_works_as_written(cli, sql):
    made = cli("client", "add", "vpn1", "192.0.2.10/32", "--secret-stdin", "--kind", "pptpd", stdin=b"a long secret\n")
    assert made == (0, "client vpn1 added for 192.0.2.10\n", "")
    assert sql("SELECT nasname, shortname, secret FROM nas") == [("192.0.2.10", "vpn1", "a long secret")]
    assert sql("SELECT name, kind FROM radiusd.client") == [("vpn1", "pptpd")]


def test_a_secret_never_comes_out(cli):
    cli("client", "add", "vpn1", "192.0.2.0/24", "--secret-stdin", stdin=b"top-secret-value\n")
    for arguments in (["show", "vpn1"], ["show", "vpn1", "--json"], ["list"], ["list", "--json"]):
        told = cli("client", *arguments)
        assert told.code == 0
        assert "top-secret-value" not in told.out + told.err


def test_traits_are_set_and_shown(cli, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    made = cli(
        "client", "add", "rras1", "2001:db8::/64", "--secret-file", str(secret), "--kind", "rras",
        "--require-message-authenticator", "yes", "--reap-missed-interims", "5", "--reap-grace", "2m",
        "--nas-hold", "1h", "--dynauth-port", "1700", "--no-strip-user-name", "--description", "the old one", "--json",
    ).json()  # fmt: skip
    assert made["address"] == "2001:db8::/64"
    assert made["require_message_authenticator"] == "yes"
    assert (made["reap_missed_interims"], made["reap_grace"], made["nas_hold"]) == (5, 120, 3600)
    assert made["strip_user_name"] is False
    assert "2m" in cli("client", "show", "rras1").out


def test_a_client_is_changed_and_renamed(cli, sql):
    cli("client", "add", "old", "192.0.2.1", "--secret", "one")
    told = cli("client", "set", "old", "--rename", "new", "--address", "192.0.2.2", "--secret-stdin", stdin=b"two\n")
    assert told.out == "client new changed\n"
    assert sql("SELECT nasname, secret FROM nas") == [("192.0.2.2", "two")]
    assert [client["name"] for client in cli("client", "list", "--json").json()] == ["new"]


def test_a_description_is_cleared(cli):
    cli("client", "add", "vpn1", "192.0.2.1", "--secret", "x", "--description", "gone soon")
    assert cli("client", "set", "vpn1", "--clear", "description", "--json").json()["description"] in (None, "")


@pytest.mark.parametrize("address", ["nowhere", "192.0.2.1/24", "192.0.2.0/33", ""])
def test_what_is_no_network_is_a_mistake_in_usage(cli, address):
    told = cli("client", "add", "vpn1", address, "--secret", "x")
    assert told.code == 2
    assert "address" in told.err


def test_names_and_addresses_are_taken_once(cli):
    cli("client", "add", "vpn1", "192.0.2.1", "--secret", "x")
    assert cli("client", "add", "vpn1", "192.0.2.2", "--secret", "x").code == 1
    assert cli("client", "add", "vpn2", "192.0.2.1/32", "--secret", "x").code == 1


def test_a_client_is_removed(cli, sql):
    cli("client", "add", "vpn1", "192.0.2.1", "--secret", "x")
    assert cli("client", "rm", "vpn1").code == 0
    assert sql("SELECT count(*) FROM nas") == [(0,)]
    assert cli("client", "rm", "vpn1").code == 1


def test_nothing_to_change_is_a_mistake_in_usage(cli):
    cli("client", "add", "vpn1", "192.0.2.1", "--secret", "x")
    told = cli("client", "set", "vpn1")
    assert told == (2, "", "radiusd: nothing to change: give at least one option (see `radiusd client set --help`)\n")


def test_a_refused_field_is_named_as_the_option_is(cli):
    told = cli("client", "add", "vpn1", "192.0.2.1", "--secret", "x", "--reap-missed-interims", "0")
    assert told.code == 2
    assert told.err.startswith("radiusd: reap-missed-interims: ")
    assert told.err.endswith("(see `radiusd client add --help`)\n")
    cli("client", "add", "vpn1", "192.0.2.1", "--secret", "x")
    assert "reap-missed-interims" in cli("client", "show", "vpn1").out
