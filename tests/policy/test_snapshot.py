import pytest

from radiusd.policy import snapshot as snapshots
from radiusd.policy.clients import ClientRow, build
from radiusd.policy.decision import Decision
from radiusd.policy.model import Problem
from radiusd.policy.rows import Assembly
from radiusd.policy.snapshot import Delta

PASSWORD = ("Cleartext-Password", ":=", "pw")


@pytest.fixture
def made(policy):
    return policy(
        check=[("a", *PASSWORD), ("b", *PASSWORD)],
        group_reply=[("g", "Session-Timeout", ":=", "60"), ("h", "Session-Timeout", ":=", "70")],
        members=[("a", "g", 1), ("b", "h", 1)],
    )


@pytest.fixture
def change(made):
    """Apply rows of these owners, None for those that are gone."""

    def apply(*, check=(), reply=(), group_reply=(), members=(), gone=(), gone_groups=()):
        assembly = Assembly(made.items)
        for table, rows in (("radcheck", check), ("radreply", reply), ("radgroupreply", group_reply)):
            assembly.put_rows(table, [(row[0], number, *row[1:]) for number, row in enumerate(rows, 1)])
        assembly.put_members(members)
        problems: dict = {}
        users, groups = assembly.users(problems), assembly.groups(problems)
        problems = {**{("user", name): () for name in users}, **{("group", name): () for name in groups}, **problems}
        made.snapshot.apply(
            Delta({**users, **dict.fromkeys(gone)}, {**groups, **dict.fromkeys(gone_groups)}, {}, problems)
        )

    return apply


def test_a_changed_user_is_in_force_at_once(made, change):
    generation = made.snapshot.generation
    assert made.decide(name="a").passwords == (b"pw",)
    change(check=[("a", "Cleartext-Password", ":=", "new")])
    assert made.decide(name="a").passwords == (b"new",)
    assert made.decide(name="a").groups == ()
    assert made.snapshot.generation == generation + 1


def test_a_user_comes_and_goes(made, change):
    assert not made.decide(name="c").known
    change(check=[("c", *PASSWORD)])
    assert made.decide(name="c").known
    change(gone=["c", "a"])
    assert not made.decide(name="c").known
    assert not made.decide(name="a").known
    assert made.snapshot.user("a") is None


def test_a_changed_group_is_in_force_and_leaves_other_decisions_alone(made, change):
    one, other = made.decide(name="a"), made.decide(name="b")
    change(group_reply=[("g", "Session-Timeout", ":=", "90")])
    assert made.decide(name="a").session_timeout == 90
    assert made.decide(name="a") is not one
    assert made.decide(name="b") is other


def test_a_group_that_appears_or_disappears(made, change):
    change(members=[("a", "new", 1)], check=[("a", *PASSWORD)])
    assert made.decide(name="a").session_timeout is None
    change(group_reply=[("new", "Session-Timeout", ":=", "5")])
    assert made.decide(name="a").session_timeout == 5
    change(gone_groups=["new"])
    assert made.decide(name="a").session_timeout is None


def test_a_changed_profile_changes_those_who_use_it(made, change):
    change(check=[("a", *PASSWORD), ("a", "User-Profile", ":=", "prof")])
    first = made.decide(name="a")
    assert first.session_timeout is None
    assert made.decide(name="a") is first
    change(members=[("prof", "h", 1)])
    assert made.decide(name="a").session_timeout == 70
    change(gone=["prof"])
    assert made.decide(name="a").session_timeout is None


def test_problems_follow_the_rows(made, change):
    change(check=[("a", "Nonsense", ":=", "1")])
    (problem,) = made.snapshot.problems
    assert (problem.table, problem.subject) == ("radcheck", "user a")
    change(check=[("b", *PASSWORD)])
    assert made.snapshot.problems == [problem]
    change(check=[("a", *PASSWORD)])
    assert made.snapshot.problems == []


def test_clients_change_and_conflict(made):
    def put(nas_id, nasname):
        client = build(ClientRow(nas_id, nasname, f"c{nas_id}", "other", "s"), {})
        if isinstance(client, Problem):
            made.snapshot.apply(Delta({}, {}, {nas_id: None}, {("client", str(nas_id)): (client,)}))
        else:
            made.snapshot.apply(Delta({}, {}, {nas_id: client}, {("client", str(nas_id)): ()}))

    put(1, "192.0.2.0/24")
    put(2, "192.0.2.1")
    assert made.snapshot.client_for("192.0.2.1").name == "c2"
    put(2, "192.0.2.0/24")
    assert made.snapshot.client_for("192.0.2.1").name == "c1"
    assert "already client c1" in made.snapshot.problems[0].message
    put(2, "nonsense!")
    assert "neither an address" in made.snapshot.problems[0].message
    assert [client.id for client in made.snapshot.clients] == [1]


def test_decisions_are_remembered_within_bounds_and_the_used_ones_stay(made, monkeypatch):
    monkeypatch.setattr(snapshots, "MOST_REMEMBERED", 3)
    snapshot = made.snapshot
    used = made.decide(name="a")
    for number in range(20):
        snapshot.remember(f"x{number}", Decision(known=True))
        assert made.decide(name="a") is used
    assert len(snapshot._newer) + len(snapshot._older) <= 7
    assert snapshot.remembered("x0") is None


def test_a_source_address_in_wire_form(made):
    assert made.snapshot.packed("192.0.2.1", v6=False) == [bytes((192, 0, 2, 1))]
    assert made.snapshot.packed("::ffff:192.0.2.1", v6=False) == [bytes((192, 0, 2, 1))]
    assert made.snapshot.packed("192.0.2.1", v6=True) == []
    assert made.snapshot.packed("2001:db8::", v6=True) == [bytes.fromhex("20010db8") + bytes(12)]
