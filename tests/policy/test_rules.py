import pytest

from radiusd.policy.items import ItemTable
from radiusd.policy.rules import EMPTY_RULES, Summary, parse_rows


@pytest.fixture
def rules(dictionary):
    table = ItemTable(dictionary)
    return lambda *rows: parse_rows(table, [(number, *row) for number, row in enumerate(rows, 1)])


def test_a_list_knows_what_is_compared_and_what_just_appends(rules):
    appending = rules(("Session-Timeout", ":=", "60"), ("Auth-Type", "=", "Reject"))
    assert appending.simple
    assert appending.compared == []
    mixed = rules(("Session-Timeout", ":=", "60"), ("NAS-Port", "==", "7"))
    assert not mixed.simple
    assert [row_id for row_id, _ in mixed.compared] == [2]
    assert rules(("Reply-Message", "=", "`x`")).expands
    assert rules() is EMPTY_RULES


@pytest.mark.parametrize(
    ("values", "expected"), [((), None), (("Yes",), True), (("No", "Yes"), False), (("2",), False)]
)
def test_the_first_fall_through_counts(rules, values, expected):
    rows = [("Fall-Through", "=", value) for value in values]
    assert rules(("Session-Timeout", ":=", "60"), *rows).fall_through is expected


def test_the_first_bad_row_is_named(rules):
    bad = rules(("NAS-Port", "==", "1"), ("Nonsense", "==", "1"), ("Worse", "==", "1"))
    assert bad.bad is not None
    row_id, message = bad.bad
    assert row_id == 2
    assert "Nonsense" in message


def test_rows_without_effect_are_named(rules):
    ((row_id, caution),) = rules(("NAS-Port", "==", "1"), ("Cleartext-Password", "==", "x")).cautions
    assert row_id == 2
    assert "never authenticates" in caution


def test_the_summary_of_a_reply(rules, dictionary):
    listed = rules(
        ("Session-Timeout", ":=", "60"),
        ("Session-Timeout", "+=", "70"),
        ("Acct-Interim-Interval", ":=", "300"),
        ("MS-MPPE-Encryption-Policy", ":=", "2"),
        ("MS-MPPE-Encryption-Types", ":=", "4"),
        ("Fall-Through", "=", "Yes"),
        ("Pool-Name", ":=", "main"),
        ("Reply-Message", "=", ""),
    )
    summary = listed.summary()
    assert summary is listed.summary()
    assert (summary.session_timeout, summary.interim_interval) == (60, 300)
    assert (summary.mppe_policy, summary.mppe_types) == (b"\0\0\0\2", b"\0\0\0\4")
    assert len(summary.sent) == 5
    assert summary.wire == b"".join(item.wire for item in listed.items)
    assert summary.notes == ("Pool-Name is no reply attribute: in a reply list it has no effect",)


def test_what_must_be_hidden_has_no_wire_form_in_advance(rules):
    summary = rules(("Session-Timeout", ":=", "60"), ("Tunnel-Password:1", ":=", "x")).summary()
    assert summary.wire is None
    assert [(attribute.name, value) for attribute, value in summary.sent][1] == ("Tunnel-Password", b"\1x")


def test_an_empty_reply():
    summary = Summary([])
    assert summary.wire == b""
    assert summary.sent == []
    assert summary.session_timeout is None
