import pytest

from radiusd.policy import clients
from radiusd.policy.clients import ClientRow, ClientTable, address, build, hostname
from radiusd.policy.model import Client, Problem


def row(nas_id=1, nasname="192.0.2.1", secret="s", **more):
    return ClientRow(nas_id, nasname, more.pop("shortname", "vpn1"), more.pop("type", "other"), secret, **more)


@pytest.fixture
def table():
    def make(*networks):
        made = ClientTable()
        for nas_id, network in enumerate(networks, 1):
            made.put(nas_id, build(row(nas_id, network, shortname=f"c{nas_id}"), {}))
        return made

    return make


def test_a_row_of_nas_alone_has_the_defaults():
    client = build(row(type="pptpd", secret="geheim"), {})
    assert isinstance(client, Client)
    assert (client.id, client.name, client.kind, client.nas_type) == (1, "vpn1", "pptpd", "pptpd")
    assert client.secret.octets == b"geheim"
    assert (client.require_message_authenticator, client.reap_missed_interims, client.reap_grace) == ("auto", 3, 60)
    assert client.strip_user_name
    assert "geheim" not in repr(client)


def test_the_companion_row_says_more():
    client = build(
        row(
            type="pptpd",
            name="edge",
            kind="rras",
            require_message_authenticator="yes",
            reap_missed_interims=5,
            reap_grace=0,
            nas_hold=7,
            dynauth_port=1,
            strip_user_name=False,
        ),
        {},
    )
    assert isinstance(client, Client)
    assert client[1] == "edge"
    assert client[4:11] == ("rras", "yes", 5, 0, 7, 1, False)


@pytest.mark.parametrize(
    ("shortname", "kind", "name"), [("", "cisco", "192.0.2.1"), (None, None, "192.0.2.1"), ("x", "other", "x")]
)
def test_names_and_kinds_that_are_missing(shortname, kind, name):
    client = build(row(shortname=shortname, type=kind), {})
    assert isinstance(client, Client)
    assert (client.name, client.kind) == (name, "other")


@pytest.mark.parametrize(
    ("nasname", "secret", "words"),
    [
        ("192.0.2.0/99", "s", "neither an address"),
        ("500.1.1.1", "s", "neither an address"),
        ("", "s", "neither an address"),
        ("a b", "s", "neither an address"),
        ("vpn.example", "s", "cannot be resolved"),
        ("192.0.2.1", "", "no shared secret"),
        ("192.0.2.1", None, "no shared secret"),
    ],
)
def test_a_row_that_cannot_be_used_is_a_problem(nasname, secret, words):
    problem = build(row(nasname=nasname, secret=secret), {})
    assert isinstance(problem, Problem)
    assert (problem.table, problem.row_id, problem.subject) == ("nas", 1, "client vpn1")
    assert words in problem.message


@pytest.mark.parametrize(
    ("nasname", "expected"),
    [
        ("vpn.example", "vpn.example"),
        (" vpn ", "vpn"),
        ("192.0.2.1", None),
        ("::1", None),
        ("1.2.3", None),
        ("a/24", None),
    ],
)
def test_what_is_a_host_name(nasname, expected):
    assert hostname(nasname) == expected


def test_a_resolved_name_is_its_address():
    client = build(row(nasname="vpn.example"), {"vpn.example": "192.0.2.9"})
    assert isinstance(client, Client)
    assert str(client.network) == "192.0.2.9/32"


def test_the_longest_prefix_wins(table):
    made = table("0.0.0.0/0", "192.0.2.0/24", "192.0.2.7", "192.0.2.9/25", "2001:db8::/32", "::ffff:10.0.0.0/104")

    def found(host):
        client = made.find(host)
        return client.name if client is not None else None

    assert found("198.51.100.1") == "c1"
    assert found("192.0.2.200") == "c2"
    assert found("192.0.2.7") == "c3"
    assert found("192.0.2.8") == "c4"
    assert found("2001:db8::1%eth0") == "c5"
    assert found("2001:db9::1") is None
    assert found("10.1.2.3") == "c6"
    assert found("::ffff:192.0.2.7") == "c3"
    assert found("not an address") is None


def test_a_change_is_seen_at_once(table):
    made = table("192.0.2.0/24", "192.0.2.7")
    assert made.find("192.0.2.7").id == 2
    made.put(2, None)
    assert made.find("192.0.2.7").id == 1
    made.put(1, build(row(1, "198.51.100.0/24"), {}))
    assert made.find("192.0.2.7") is None
    assert made.find("198.51.100.1").id == 1
    made.put(7, None)
    assert len(made) == 1
    assert [client.id for client in made.values()] == [1]


def test_of_two_rows_with_one_network_the_first_counts(table):
    made = table("192.0.2.1", "192.0.2.1/32")
    assert made.find("192.0.2.1").id == 1
    (problem,) = made.conflicts()
    assert (problem.row_id, problem.subject) == (2, "client c2")
    assert "already client c1" in problem.message
    made.put(1, None)
    assert made.find("192.0.2.1").id == 2
    assert made.conflicts() == []


def test_hosts_are_remembered_within_bounds(table, monkeypatch):
    monkeypatch.setattr(clients, "MOST_HOSTS", 3)
    made = table("192.0.2.0/24")
    for last in range(10):
        assert made.find(f"192.0.2.{last}") is not None
    assert len(made._by_host) <= 3


def test_addresses():
    assert str(address("fe80::1%eth0")) == "fe80::1"
    assert address("::ffff:192.0.2.1") == address("192.0.2.1")
    assert address("x") is None
