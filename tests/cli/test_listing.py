import contextlib
import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from radiusd.cli import listing
from radiusd.cli.listing import Column

RECORDS = [{"name": "alice", "octets": 5}, {"name": "bob\x1b[2Jx", "octets": 12345}]
COLUMNS = (Column("who", "name"), Column("octets", "octets", listing.octets, right=True))


def test_a_list_is_aligned_plain_text_where_there_is_no_terminal(capsys):
    listing.print_list(RECORDS, COLUMNS, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["who", "octets"]
    assert lines[1].startswith("alice ")
    assert len({len(line) for line in lines}) == 1


def test_what_a_terminal_would_obey_is_shown_escaped(capsys):
    listing.print_list(RECORDS, COLUMNS, as_json=False)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert r"bob\x1b[2Jx" in out


def test_json_is_the_whole_record(capsys):
    listing.print_list(RECORDS, COLUMNS[:1], as_json=True)
    assert json.loads(capsys.readouterr().out) == RECORDS


def test_an_empty_list_is_a_header_or_an_empty_json_list(capsys):
    listing.print_list([], COLUMNS, as_json=False)
    assert capsys.readouterr().out.split() == ["who", "octets"]
    listing.print_list([], COLUMNS, as_json=True)
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        ("", "-"),
        ([], "-"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (["a", "b"], "a, b"),
        ({"a": 1}, "a=1"),
    ],
)
def test_values_are_written_on_one_line(value, text):
    assert listing.cell(value) == text


def test_a_moment_keeps_its_instant():
    at = datetime(2030, 1, 1, 12, tzinfo=UTC)
    assert datetime.fromisoformat(listing.moment(at.isoformat())) == at
    assert listing.moment(None) == "-"


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 * 2**30, "5.0 GiB"), (2**45, "32.0 TiB"), (None, "-")],
)
def test_octets_have_a_unit(number, text):
    assert listing.octets(number) == text


def test_a_record_takes_a_line_a_field_and_a_line_a_part(capsys):
    listing.print_record(
        {"name": "staff", "idle_timeout": 5, "check": [{"a": 1}, {"a": 2}], "dns": ["a", "b"]}, as_json=False
    )
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["name", "staff"],
        ["idle-timeout", "5"],
        ["check", "a=1"],
        ["a=2"],
        ["dns", "a,", "b"],
    ]


SHOW = """
from radiusd.cli.listing import Column, print_list
records = [{"name": "alice[red]", "n": 5}, {"name": "x\\x1b[2J", "n": 6}]
print_list(records, (Column("who", "name"), Column("n", "n")), as_json=False)
"""


def test_on_a_terminal_it_is_a_table_and_markup_in_names_is_text():
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    subprocess.run([sys.executable, "-c", SHOW], stdout=theirs, stderr=theirs, env=environment, check=True, timeout=60)
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):
        while part := os.read(ours, 4096):
            seen += part
    os.close(ours)
    assert b"\x1b[1m" in seen  # the header is bold
    assert b"alice[red]" in seen
    assert b"\x1b[2J" not in seen
