import pytest

from radiusd.errors import PolicyError
from radiusd.policy import items
from radiusd.policy.items import ItemTable, parse, with_number, with_value


def test_an_item_knows_its_wire_form(dictionary):
    item = parse(dictionary, "session-timeout", ":=", "60")
    assert item.attribute.name == "Session-Timeout"
    assert (item.value, item.number, item.wire) == (bytes((0, 0, 0, 60)), 60, bytes((27, 6, 0, 0, 0, 60)))
    vendor = parse(dictionary, "MS-Primary-DNS-Server", "=", "192.0.2.53")
    assert vendor.wire == bytes((26, 12, 0, 0, 1, 0x37, 28, 6, 192, 0, 2, 53))


def test_what_never_travels_has_no_wire_form(dictionary):
    assert parse(dictionary, "Cleartext-Password", ":=", "pw").wire == b""
    assert parse(dictionary, "Reply-Message", "=", "").wire == b""


@pytest.mark.parametrize(
    ("value", "text"), [('"a b"', "a b"), ("'a b'", "a b"), ('"', '"'), ("'x\"", "'x\""), ('""', ""), ('a"b', 'a"b')]
)
def test_quotes_around_a_whole_value_come_off(dictionary, value, text):
    assert parse(dictionary, "NAS-Identifier", "==", value).text == text


def test_back_quotes_make_an_expansion(dictionary):
    item = parse(dictionary, "Session-Timeout", ":=", "`%{NAS-Port}`")
    assert item.expansion is not None
    assert with_value(item, "7", dictionary).wire == bytes((27, 6, 0, 0, 0, 7))


def test_no_operator_works_as_equal_and_says_so(dictionary):
    item = parse(dictionary, "NAS-Port", "", "7")
    assert item.op == "=="
    assert "no operator" in item.caution
    assert parse(dictionary, "NAS-Port", " =", "7").op == "="


def test_tags(dictionary):
    assert parse(dictionary, "Tunnel-Type:1", ":=", "PPTP").value == b"\1\0\0\1"
    assert parse(dictionary, "Tunnel-Type", ":=", "PPTP").value == b"\0\0\0\1"
    assert parse(dictionary, "Tunnel-Private-Group-Id:4", "=", "x").value == b"\4x"
    # Observed: in a row's value, what looks like a tag is none, and a tag on what has none is ignored.
    assert parse(dictionary, "Tunnel-Private-Group-Id", "=", ":3:abc").value == b":3:abc"
    assert parse(dictionary, "Session-Timeout:1", "=", "5").value == bytes((0, 0, 0, 5))


def test_what_lies_inside_a_tlv_is_wrapped(dictionary):
    inner = next(found for found in dictionary if found.key < 0 and found.type == "string" and len(found.oid) == 4)
    item = parse(dictionary, inner.name, "=", "abc")
    outer, value = item.sent
    assert outer.key >= 0
    assert value == bytes((inner.oid[-1], 5)) + b"abc"
    assert item.wire.endswith(value)
    assert item.value == b"abc"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("Nonsense", ":=", "1"), "no attribute 'Nonsense'"),
        (("Tunnel-Type:32", ":=", "PPTP"), "at most 31"),
        (("NAS-Port", "<>", "1"), "no operator"),
        (("NAS-Port", "==", "x"), "not a number"),
        (("NAS-Port", "=~", "^7$"), "not a number"),
        (("NAS-Port", "=*", "x"), "not a number"),
        (("NAS-Identifier", "=~", "["), "not a regular expression"),
        (("Reply-Message", "=", "x" * 254), "too long"),
        (("Tunnel-Password", "=", "x" * 240), "at most 239"),
        (("Reply-Message", "=", "`%{Nonsense}`"), "names no attribute"),
    ],
)
def test_rows_that_cannot_be_parsed(dictionary, row, words):
    with pytest.raises(PolicyError, match=words):
        parse(dictionary, *row)
    assert words in ItemTable(dictionary).item(*row)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("Cleartext-Password", "==", "pw"), "never authenticates"),
        (("Cleartext-Password", "=", "pw"), "never authenticates"),
        (("User-Password", ":=", "pw"), "Cleartext-Password :="),
        (("Auth-Type", "==", "Reject"), "sets nothing"),
        (("Login-Time", ":=", "Mo,Foo"), "'Foo' cannot be read"),
    ],
)
def test_rows_without_the_effect_that_was_meant(dictionary, row, words):
    assert words in parse(dictionary, *row).caution
    assert "pw" not in parse(dictionary, *row).caution


def test_presence_needs_no_value(dictionary):
    assert parse(dictionary, "NAS-Port", "=*", "").op == "=*"


def test_a_secret_is_not_shown(dictionary):
    assert parse(dictionary, "Cleartext-Password", ":=", "hunter2").show() == "Cleartext-Password := (hidden)"
    assert "hunter2" not in repr(parse(dictionary, "NT-Password", ":=", "hunter2"))


def test_equal_rows_share_one_item_but_passwords_are_not_kept(dictionary):
    table = ItemTable(dictionary)
    row = ("Session-Timeout", ":=", "60")
    assert table.item(*row) is table.item(*row)
    assert table.item("Cleartext-Password", ":=", "x") is not table.item("Cleartext-Password", ":=", "x")


def test_a_full_table_forgets_and_goes_on(dictionary, monkeypatch):
    monkeypatch.setattr(items, "MOST_REMEMBERED", 2)
    table = ItemTable(dictionary)
    first = table.item("NAS-Port", "==", "1")
    for number in range(2, 9):
        table.item("NAS-Port", "==", str(number))
    assert len(table._remembered) <= 2
    again = table.item("NAS-Port", "==", "1")
    assert again is not first
    assert not isinstance(again, str)
    assert again.number == 1


@pytest.mark.parametrize(
    ("attribute", "op", "expected"),
    [
        ("Cleartext-Password", ":=", True),
        ("Cleartext-Password", "==", False),
        ("NT-Password", ":=", False),
        ("Login-Time", ":=", False),
        ("Reply-Message", ":=", False),
        ("Nonsense", ":=", False),
    ],
)
def test_which_rows_are_good_whatever_their_value(dictionary, attribute, op, expected):
    assert ItemTable(dictionary).takes_any_value(attribute, op) is expected


def test_an_item_from_a_number(dictionary):
    item = with_number(dictionary.named("Session-Timeout"), 300)
    assert (item.number, item.wire) == (300, bytes((27, 6, 0, 0, 1, 44)))
