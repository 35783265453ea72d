import pytest

from radiusd.policy import rows
from radiusd.policy.items import ItemTable
from radiusd.policy.rows import Assembly


@pytest.fixture
def assembly(dictionary):
    return Assembly(ItemTable(dictionary))


def fresh(text):
    """Make another object of the same text, as a database driver does."""
    return "".join(list(text))


def test_users_are_those_that_any_table_names(assembly):
    assembly.put_rows("radcheck", [("a", 1, "Cleartext-Password", ":=", "x"), ("a", 2, "NAS-Port", "==", "1")])
    assembly.put_rows("radreply", [("b", 1, "Class", "=", "x")])
    assembly.put_members([("c", "g", 1)])
    users = assembly.users({})
    assert sorted(users) == ["a", "b", "c"]
    assert [row[0] for row in users["a"].checks] == [1, 2]
    assert users["b"].replies == ((1, "Class", "=", "x"),)
    assert users["c"].memberships == ((1, "g"),)


def test_rows_may_come_in_portions(assembly):
    assembly.put_rows("radcheck", [("a", 1, "NAS-Port", "==", "1")])
    assembly.put_rows("radcheck", [("b", 2, "NAS-Port", "==", "1"), ("a", 3, "NAS-Port", "==", "2")])
    assert [row[0] for row in assembly.users({})["a"].checks] == [1, 3]


def test_words_and_membership_lists_are_shared(assembly):
    for name in "ab":
        assembly.put_rows("radcheck", [(name, 1, fresh("Session-Timeout"), fresh(":="), fresh("60"))])
        assembly.put_members([(name, fresh("group"), 1)])
    users = assembly.users({})
    one, other = users["a"], users["b"]
    assert one.memberships is other.memberships
    assert all(mine is theirs for mine, theirs in zip(one.checks[0][1:], other.checks[0][1:], strict=True))


def test_memberships_by_priority_then_name(assembly):
    assembly.put_members([("a", "z", 1), ("a", "y", 2), ("a", "x", 2), ("a", "w", -1)])
    assert assembly.users({})["a"].memberships == ((-1, "w"), (1, "z"), (2, "x"), (2, "y"))


def test_sharing_of_memberships_is_bounded(dictionary, monkeypatch):
    monkeypatch.setattr(rows, "MOST_SHARED", 2)
    assembly = Assembly(ItemTable(dictionary))
    assembly.put_members([(f"u{number}", f"g{number}", 1) for number in range(10)])
    assert len(assembly._shared) <= 2
    assert len(assembly.users({})) == 10


def test_each_wrong_row_is_found_without_a_login(assembly):
    assembly.put_rows(
        "radcheck",
        [
            ("a", 1, "Cleartext-Password", ":=", "fine"),
            ("a", 2, "Nonsense", ":=", "1"),
            ("b", 3, "Cleartext-Password", "==", "hunter2"),
            ("c", 4, "Cleartext-Password", ":=", "`%{Nonsense}`"),
            ("d", 5, "NT-Password", ":=", "0xzz"),
        ],
    )
    assembly.put_rows("radreply", [("a", 9, "Session-Timeout", "=", "soon")])
    problems: dict = {}
    assembly.users(problems)
    found = {owner: [(one.table, one.row_id, one.rejects) for one in several] for owner, several in problems.items()}
    assert found == {
        ("user", "a"): [("radcheck", 2, True), ("radreply", 9, True)],
        ("user", "b"): [("radcheck", 3, False)],
        ("user", "c"): [("radcheck", 4, True)],
        ("user", "d"): [("radcheck", 5, True)],
    }
    assert "hunter2" not in str(problems)
    assert str(problems["user", "a"][0]).startswith("radcheck 2 (user a): ")


def test_groups_are_parsed_and_judged(assembly):
    assembly.put_rows("radgroupcheck", [("g", 1, "NAS-Port", "==", "7")])
    assembly.put_rows("radgroupreply", [("g", 1, "Session-Timeout", "=", "60"), ("h", 2, "Bad", "=", "60")])
    problems: dict = {}
    groups = assembly.groups(problems)
    assert [item.show() for item in groups["g"].check_rules.items] == ["NAS-Port == 7"]
    assert [item.show() for item in groups["g"].reply_rules.items] == ["Session-Timeout = 60"]
    assert groups["h"].reply_rules.bad is not None
    assert list(problems) == [("group", "h")]
