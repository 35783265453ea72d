from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusd.policy import typed
from radiusd.policy.typed import GROUP_FIELDS, USER_FIELDS, Row


def test_a_users_rows_are_read_as_its_fields():
    rows = [
        Row("Cleartext-Password", ":=", "secret"),
        Row("Auth-Type", ":=", "Reject"),
        Row("Expiration", ":=", "1893456000"),
        Row("Huntgroup-Name", "==", "east"),
    ]
    values, others = typed.split(USER_FIELDS, "check", rows)
    assert values == {"password": "secret", "disabled": True, "expires_at": datetime(2030, 1, 1, tzinfo=UTC)}
    assert others == [Row("Huntgroup-Name", "==", "east")]


@pytest.mark.parametrize(
    "row",
    [
        Row("Auth-Type", ":=", "Accept"),
        Row("Auth-Type", "==", "Reject"),
        Row("Cleartext-Password", "==", "secret"),
        Row("Expiration", ":=", "next year"),
    ],
)
def test_a_row_that_a_field_cannot_say_stays_a_row(row):
    assert typed.split(USER_FIELDS, "check", [row]) == ({}, [row])


def test_of_two_rows_the_first_is_the_field():
    rows = [Row("Session-Timeout", ":=", "60"), Row("Session-Timeout", "=", "90")]
    assert typed.split(GROUP_FIELDS, "reply", rows) == ({"session_timeout": 60}, rows[1:])


def test_names_and_words_are_read_whatever_their_case():
    rows = [Row("session-TIMEOUT", "=", "60"), Row("fall-through", "=", "YES")]
    assert typed.split(GROUP_FIELDS, "reply", rows) == ({"session_timeout": 60, "fall_through": True}, [])


def test_a_value_in_quotes_is_what_stands_between_them():
    assert typed.split(GROUP_FIELDS, "reply", [Row("Idle-Timeout", "=", '"600"')]) == ({"idle_timeout": 600}, [])


@pytest.mark.parametrize("text", ['"quoted"', "'quoted'", "`id`", '"', "plain", 'half"', "''", '"\'"'])
def test_a_text_in_quotes_is_written_so_that_it_reads_the_same(text):
    assert typed.unquoted(typed.literal(text)) == text


def test_a_changed_field_keeps_its_place_and_operator():
    existing = [Row("Idle-Timeout", ":=", "60"), Row("Reply-Message", "=", "hi"), Row("Session-Timeout", ":=", "1")]
    values = {"idle_timeout": 90, "session_timeout": 1}
    assert typed.compose(GROUP_FIELDS, "reply", values, [existing[1]], existing) == [
        Row("Idle-Timeout", ":=", "90"),
        Row("Reply-Message", "=", "hi"),
        Row("Session-Timeout", ":=", "1"),
    ]


def test_an_unchanged_field_keeps_its_spelling():
    existing = [Row("Expiration", ":=", "1 Jan 2030 00:00:00 UTC")]
    values, _ = typed.split(USER_FIELDS, "check", existing)
    assert typed.compose(USER_FIELDS, "check", values, [], existing) == existing


def test_new_group_replies_give_way_to_the_users_own():
    assert typed.compose(GROUP_FIELDS, "reply", {"session_timeout": 60}, []) == [Row("Session-Timeout", "=", "60")]


def test_new_group_checks_set_and_do_not_compare():
    assert typed.compose(GROUP_FIELDS, "check", {"simultaneous_use": 1}, []) == [Row("Simultaneous-Use", ":=", "1")]


def test_a_field_stands_before_a_raw_row_that_could_be_it():
    others = [Row("Session-Timeout", "=", "1"), Row("Class", "=", "0x01")]
    existing = [Row("Class", "=", "0x02")]
    rows = typed.compose(GROUP_FIELDS, "reply", {"session_timeout": 60}, others, existing)
    assert typed.split(GROUP_FIELDS, "reply", rows) == ({"session_timeout": 60}, others)


VALUES = st.fixed_dictionaries(
    {},
    optional={
        "session_timeout": st.integers(0, 2**32 - 1),
        "idle_timeout": st.integers(0, 2**32 - 1),
        "framed_pool": st.text(min_size=1),
        "mppe_policy": st.sampled_from([1, 2]),
        "mppe_types": st.sampled_from([0, 2, 4, 6]),
        "fall_through": st.booleans(),
    },
)
ROWS = st.lists(
    st.builds(
        Row,
        st.sampled_from(["Session-Timeout", "Framed-Pool", "Class", "Fall-Through"]),
        st.sampled_from(["=", ":=", "+="]),
        st.sampled_from(["1", "x", "No"]),
    ),
    max_size=5,
)


@given(VALUES, ROWS, ROWS)
def test_what_is_composed_reads_back(values, others, existing):
    # Raw rows that are fields themselves are read as such: leave out those that no field claims here.
    fields = [field for field in GROUP_FIELDS if field.where == "reply"]
    others = [row for row in others if not any(f.owns(row) and f.name not in values for f in fields)]
    composed = typed.compose(GROUP_FIELDS, "reply", values, others, existing)
    assert typed.split(GROUP_FIELDS, "reply", composed) == (values, others)


@given(ROWS)
def test_split_and_compose_change_nothing_by_themselves(rows):
    values, others = typed.split(GROUP_FIELDS, "reply", rows)
    assert typed.compose(GROUP_FIELDS, "reply", values, others, rows) == rows


@pytest.mark.parametrize(
    ("mppe", "bits", "policy", "types"),
    [
        (None, None, None, None),
        ("off", None, 1, 0),
        ("allowed", [40, 128], 1, 6),
        ("required", [128], 2, 4),
        ("required", [40], 2, 2),
        (None, [128], None, 4),
    ],
)
def test_mppe_is_two_rows(mppe, bits, policy, types):
    assert typed.mppe_rows(mppe, bits) == (policy, types)
    assert typed.mppe_view(policy, types) == (mppe, bits)


def test_mppe_without_lengths_lets_both_be_used():
    assert typed.mppe_rows("required", None) == (2, 6)


@pytest.mark.parametrize("name", ["Cleartext-Password", "NT-Password", "Tunnel-Password", "TOTP-Secret", "Digest-HA1"])
def test_passwords_are_secret(name):
    assert typed.secret(name)
    assert typed.secret(name.upper())


@pytest.mark.parametrize("name", ["User-Name", "Session-Timeout", "Auth-Type"])
def test_other_attributes_are_not_secret(name):
    assert not typed.secret(name)
