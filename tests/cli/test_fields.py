from datetime import UTC, datetime

import pytest
import typer

from radiusd.cli import fields
from radiusd.store.resources import GroupPatch


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Session-Timeout := 300", ("Session-Timeout", ":=", "300")),
        ("Session-Timeout:=300", ("Session-Timeout", ":=", "300")),
        ("Tunnel-Type:1 += PPTP", ("Tunnel-Type:1", "+=", "PPTP")),
        ("NAS-Identifier =~ ^vpn[0-9]$", ("NAS-Identifier", "=~", "^vpn[0-9]$")),
        ("Filter-Id -= a", ("Filter-Id", "-=", "a")),
        ("Attr-26.9.1 = 0x00", ("Attr-26.9.1", "=", "0x00")),
        ('Reply-Message = "two words"', ("Reply-Message", "=", "two words")),
        ("Calling-Station-Id =* any", ("Calling-Station-Id", "=*", "any")),
        ("Class = a=b", ("Class", "=", "a=b")),
        ("Class ==", ("Class", "==", "")),
    ],
)
def test_a_row_is_attribute_operator_value(text, parts):
    assert tuple(fields.item(text).values()) == parts


@pytest.mark.parametrize("text", ["", "Session-Timeout", ":= 300", "Session-Timeout 300"])
def test_what_is_no_row_is_refused(text):
    with pytest.raises(typer.BadParameter, match="Attribute op value"):
        fields.item(text)


def test_a_time_without_zone_is_utc_as_on_the_rest_side():
    assert fields.moment("2030-01-31T18:00") == datetime(2030, 1, 31, 18, tzinfo=UTC)
    assert fields.moment("2030-01-31T18:00+02:00") == datetime(2030, 1, 31, 16, tzinfo=UTC)
    with pytest.raises(typer.BadParameter, match="no time"):
        fields.moment("soon")


def test_a_packet_has_no_operators():
    assert fields.pair("NAS-Port=3") == ("NAS-Port", "3")
    with pytest.raises(typer.BadParameter, match="ATTRIBUTE=VALUE"):
        fields.pair("NAS-Port:=3")


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("staff", {"name": "staff"}),
        ("staff:5", {"name": "staff", "priority": 5}),
        ("staff:-1", {"name": "staff", "priority": -1}),
        ("a:b", {"name": "a:b"}),
    ],
)
def test_a_group_may_carry_its_priority(text, group):
    assert fields.membership(text) == group


def test_only_what_was_given_changes_and_what_is_cleared_becomes_none():
    given = {"idle_timeout": None, "session_timeout": 60, "check": []}
    known = ["idle_timeout", "session_timeout", "check"]
    assert fields.changes(given, ["--idle-timeout"], known) == {"session_timeout": 60, "idle_timeout": None}
    assert fields.changes(given, ["check"], known)["check"] == []


@pytest.mark.parametrize(("clear", "word"), [("name", "cannot clear"), ("session-timeout", "both")])
def test_what_cannot_be_cleared_is_said(clear, word):
    with pytest.raises(typer.BadParameter, match=word):
        fields.changes({"session_timeout": 60}, [clear], ["session_timeout"])


def test_the_model_s_refusal_names_the_option():
    with pytest.raises(typer.BadParameter, match="session-timeout"):
        fields.validated(GroupPatch, {"session_timeout": -1})
    with pytest.raises(typer.BadParameter, match=r"^reply\[1\]\.value: field required"):
        fields.validated(GroupPatch, {"reply": [{"attribute": "Class", "value": "x"}, {"attribute": "Class"}]})


def test_nothing_to_change_is_said():
    with pytest.raises(typer.BadParameter, match="nothing to change"):
        fields.some({})
    assert fields.some({"mppe": None}) == {"mppe": None}
