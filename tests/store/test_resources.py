from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from radiusd.store.resources import (
    ClientIn,
    ClientPatch,
    GroupIn,
    GroupPatch,
    Membership,
    UserCreate,
    UserIn,
    UserPatch,
)


def test_a_patch_gives_what_was_sent():
    assert UserPatch(disabled=None).given() == {"disabled"}
    assert ClientPatch().given() == set()


def test_a_whole_resource_gives_all_fields_but_secrets_that_were_not_sent():
    assert UserIn().given() == set(UserIn.model_fields) - {"password"}
    assert UserIn(password="x").given() == set(UserIn.model_fields)
    assert GroupIn().given() == set(GroupIn.model_fields)
    assert "secret" not in ClientIn(name="a", address="192.0.2.1").given()


def test_no_repr_shows_a_password():
    assert "s3cret" not in repr(UserCreate(username="bob", password="s3cret"))


def test_read_only_fields_are_taken_and_ignored_and_others_refused():
    assert UserCreate.model_validate({"username": "bob", "has_password": True}) == UserCreate(username="bob")
    with pytest.raises(ValidationError, match="version"):
        UserCreate.model_validate({"username": "bob", "version": "x"})


def test_a_group_may_be_named_alone():
    assert UserPatch(groups=["staff"]).groups == [Membership(name="staff")]


def test_a_time_without_zone_is_utc():
    assert UserPatch.model_validate({"expires_at": "2030-01-01T00:00:00"}).expires_at == datetime(
        2030, 1, 1, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1/32", "192.0.2.1"),
        (" 192.0.2.0/24 ", "192.0.2.0/24"),
        ("2001:DB8:0::1/128", "2001:db8::1"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ],
)
def test_an_address_has_one_form(given, kept):
    assert ClientPatch(address=given).address == kept


@pytest.mark.parametrize("given", ["192.0.2.1/24", "192.0.2.1/33", "host.example", "", "192.0.2"])
def test_what_is_no_address_is_refused(given):
    with pytest.raises(ValidationError, match="address"):
        ClientPatch(address=given)


@pytest.mark.parametrize("name", ["", "a\nb", "a\0", "x" * 254, "\u00e4" * 127])
def test_names_are_printable_and_not_endless(name):
    with pytest.raises(ValidationError):
        UserCreate(username=name)


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("", "must not be empty"),
        ("a\0b", "NUL"),
        ("\ud800", "Unicode"),
        ("x" * 129, "PAP carries at most 128"),
        ("\u00e4" * 65, "130 octets"),
    ],
)
def test_passwords_are_text_that_postgres_and_pap_can_hold(password, words):
    with pytest.raises(ValidationError, match=words) as refused:
        UserCreate(username="bob", password=password)
    assert "after validation" not in str(refused.value)


def test_the_longest_password_and_secret_are_taken():
    assert UserCreate(username="bob", password="\u00e4" * 64).password is not None
    assert ClientPatch(secret="x" * 253).secret is not None
    with pytest.raises(ValidationError, match="at most 253 characters"):
        ClientPatch(secret="x" * 254)


def test_the_schema_says_how_long_they_may_be():
    schema = UserCreate.model_json_schema()["properties"]["password"]["anyOf"][0]
    assert (schema["minLength"], schema["maxLength"]) == (1, 128)
    assert GroupPatch.model_json_schema()["properties"]["dns"]["anyOf"][0]["maxItems"] == 2


def test_a_group_has_two_name_servers_at_most():
    with pytest.raises(ValidationError, match="two servers at most"):
        GroupPatch(dns=["192.0.2.1", "192.0.2.2", "192.0.2.3"])
