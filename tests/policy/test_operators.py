"""The matrices of operators, as FreeRADIUS 3.2.1 answers them to the same rows and requests."""

import pytest

from radiusd.policy.items import parse
from radiusd.policy.operators import matches, merge, satisfies

S = "Session-Timeout"


@pytest.fixture
def item(dictionary):
    return lambda attribute, op, value: parse(dictionary, attribute, op, value)


@pytest.fixture
def merged(item):
    """Merge rows of Session-Timeout, or (attribute, op, value), into a list of `+=` rows; the values that come out."""

    def run(before, rows):
        def made(row):
            return item(*row) if len(row) == 3 else item(S, *row)

        kept = [made(("+=", value) if isinstance(value, str) else value) for value in before]
        return [entry.text for entry in merge(kept, [made(row) for row in rows])]

    return run


# The request has NAS-Port 7.
@pytest.mark.parametrize(
    ("op", "less", "equal", "greater"),
    [
        # The row's value is less than, equal to, greater than the request's.
        ("==", False, True, False),
        ("=", False, True, False),
        ("-=", False, True, False),
        ("^=", False, True, False),
        ("!=", True, False, True),
        ("<", False, False, True),
        ("<=", False, True, True),
        (">", True, False, False),
        (">=", True, True, False),
        ("=~", False, True, False),
        ("!~", True, False, True),
    ],
)
@pytest.mark.parametrize(("name", "values"), [("NAS-Port", ("3", "7", "9")), ("NAS-Identifier", ("d", "k", "zz"))])
def test_each_operator_on_integers_and_strings(item, name, values, op, less, equal, greater):
    octets = {"NAS-Port": (7).to_bytes(4, "big"), "NAS-Identifier": b"k"}[name]
    got = tuple(matches(item(name, op, value), [octets]) for value in values)
    assert got == (less, equal, greater)


@pytest.mark.parametrize("op", ["==", "=", "-=", "^=", "!=", "<", "<=", ">", ">=", "=~", "!~", "=*"])
def test_an_absent_attribute_never_matches_not_even_unequal(item, op):
    assert not matches(item("NAS-Port", op, "" if op == "=*" else "7"), [])


def test_presence(item):
    assert matches(item("NAS-Port", "!*", ""), [])
    assert not matches(item("NAS-Port", "!*", ""), [bytes(4)])
    assert matches(item("NAS-Port", "=*", ""), [bytes(4)])


def test_any_instance_may_match(item):
    values = [b"one", b"two"]
    assert matches(item("Class", "==", "two"), values)
    assert matches(item("Class", "!=", "two"), values)
    assert not matches(item("Class", "==", "three"), values)


def test_strings_are_compared_octet_by_octet_with_their_case(item):
    assert not matches(item("NAS-Identifier", "==", "NAS"), [b"nas"])
    assert matches(item("NAS-Identifier", "<", "nasx"), [b"nas"])
    assert matches(item("NAS-Identifier", "==", "näs"), ["näs".encode()])


def test_numbers_and_addresses_are_ordered_by_their_signed_difference(item):
    seven = (7).to_bytes(4, "big")
    assert not matches(item("NAS-Port", "<", "4000000000"), [seven])
    assert matches(item("NAS-Port", ">", "4000000000"), [seven])
    assert matches(item("NAS-IP-Address", ">", "192.168.0.1"), [bytes((10, 0, 0, 1))])
    assert matches(item("NAS-IP-Address", "<", "127.0.0.2"), [bytes((127, 0, 0, 1))])


def test_signed_and_wide_integers_are_ordered_as_numbers(dictionary, item):
    wide = next(found.name for found in dictionary if found.type == "integer64" and not found.internal)
    assert matches(item(wide, "<", "18000000000000000000"), [(7).to_bytes(8, "big")])


def test_a_value_of_the_wrong_length_is_as_good_as_absent(item):
    assert not matches(item("NAS-Port", "!=", "7"), [b"\0\0\7"])


def test_a_tagged_value_is_equal_only_with_its_tag(item):
    pptp = b"\2\0\0\1"
    assert matches(item("Tunnel-Type:2", "==", "PPTP"), [pptp])
    assert not matches(item("Tunnel-Type:1", "==", "PPTP"), [pptp])
    assert not matches(item("Tunnel-Type", "==", "PPTP"), [pptp])
    assert matches(item("Tunnel-Type:*", "==", "PPTP"), [pptp])
    assert matches(item("Tunnel-Private-Group-Id:3", "==", "vlan"), [b"\3vlan"])


def test_a_regular_expression_is_unanchored_and_sees_the_printed_form(item):
    assert matches(item("NAS-Identifier", "=~", "p+n"), [b"a-vppn-1"])
    assert not matches(item("NAS-Identifier", "=~", "^vpn"), [b"a-vpn-1"])
    assert matches(item("NAS-Identifier", "!~", "^vpn"), [b"a-vpn-1"])
    assert matches(item("NAS-Port", "=~", "7"), [(77).to_bytes(4, "big")])
    assert matches(item("Service-Type", "=~", "2"), [(2).to_bytes(4, "big")])


@pytest.mark.parametrize(
    ("op", "distance", "expected"), [("==", 0, True), ("~", 0, True), ("~", 1, False), (">", 1, True)]
)
def test_an_operator_judges_a_distance(op, distance, expected):
    assert satisfies(op, distance) is expected


@pytest.mark.parametrize(
    ("op", "smaller", "equal", "larger"),
    [
        # 50, 100 and 200 into a list that holds 100.
        (":=", ["50"], ["100"], ["200"]),
        ("=", ["100"], ["100"], ["100"]),
        ("+=", ["100", "50"], ["100", "100"], ["100", "200"]),
        ("^=", ["50", "100"], ["100", "100"], ["200", "100"]),
        ("-=", ["100"], [], ["100"]),
        ("==", [], ["100"], []),
        ("!*", [], [], []),
        ("<=", ["50"], ["100", "100"], ["100", "200"]),
        (">=", ["100", "50"], ["100", "100"], ["200"]),
        ("!=", ["100"], ["100"], ["100"]),
        ("<", ["100"], ["100"], ["100"]),
        (">", ["100"], ["100"], ["100"]),
        ("=~", ["100"], ["100"], ["100"]),
        ("!~", ["100"], ["100"], ["100"]),
        ("=*", ["100"], ["100"], ["100"]),
    ],
)
def test_each_operator_on_a_list(merged, op, smaller, equal, larger):
    assert [merged(["100"], [(op, value)]) for value in ("50", "100", "200")] == [smaller, equal, larger]


@pytest.mark.parametrize("op", [":=", "=", "+=", "^=", "<=", ">="])
def test_what_adds_to_an_empty_list(merged, op):
    assert merged([], [(op, "5")]) == ["5"]


@pytest.mark.parametrize("op", ["-=", "==", "!*", "!=", "<", ">", "=~", "!~", "=*"])
def test_what_does_not(merged, op):
    assert merged([], [(op, "5")]) == []


@pytest.mark.parametrize(
    ("before", "rows", "after"),
    [
        ([], [(":=", "1"), (":=", "2")], ["1", "2"]),
        (["9"], [(":=", "1"), (":=", "2")], ["1", "2"]),
        (["9", "8"], [(":=", "1"), (":=", "2"), (":=", "3")], ["1", "2", "3"]),
        ([], [("=", "1"), ("=", "2")], ["1", "2"]),
        ([], [(":=", "1"), ("-=", "1")], ["1"]),
        (["1"], [("-=", "1"), (":=", "5")], ["5"]),
        (["1", "1", "2"], [("-=", "1")], ["2"]),
        (["1"], [("!*", ""), ("=", "4")], ["4"]),
        (["1", "2"], [("==", "1")], ["1"]),
        (["100", "200"], [("<=", "50")], ["50", "200"]),
        (["100", "20"], [(">=", "50")], ["100", "50"]),
        (["20", "200"], [("<=", "50")], ["20", "50"]),
        (["100"], [("^=", "1"), ("^=", "2")], ["2", "1", "100"]),
        (["100"], [(":=", "50"), ("<=", "10")], ["50", "10"]),
        (["100"], [("<=", "50"), (":=", "10")], ["50", "10"]),
        (["100"], [("=", "50"), (":=", "10")], ["10"]),
        (["100"], [("-=", "100"), ("=", "10")], ["10"]),
    ],
)
def test_a_table_is_applied_to_the_list_as_it_stood_before(merged, before, rows, after):
    assert merged(before, rows) == after


def test_another_attribute_is_left_alone(merged):
    assert merged([("Class", "+=", "x")], [(":=", "1")]) == ["x", "1"]


def test_a_replaced_row_keeps_its_place(merged):
    assert merged(["9", ("Class", "+=", "x")], [(":=", "1")]) == ["1", "x"]


def test_tags_count_when_deleting_but_not_when_replacing(merged):
    pptp = ("Tunnel-Type:1", "+=", "PPTP")
    assert merged([pptp], [("Tunnel-Type:2", ":=", "L2TP")]) == ["L2TP"]
    assert merged([pptp], [("Tunnel-Type:2", "=", "L2TP")]) == ["PPTP"]
    assert merged([pptp], [("Tunnel-Type:2", "-=", "PPTP")]) == ["PPTP"]
    assert merged([pptp], [("Tunnel-Type:*", "-=", "PPTP")]) == []


def test_the_list_before_stays_as_it_was(item):
    before = [item(S, "+=", "1")]
    merge(before, [item(S, "!*", "")])
    assert [entry.text for entry in before] == ["1"]
