import io
import os
import pty
import subprocess
import sys

import pytest

from radiusd.cli import secret
from radiusd.errors import ConfigError


@pytest.fixture
def stdin(monkeypatch):
    def put(octets):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(octets)))

    return put


def given(**source):
    return secret.given("secret", **{"argument": None, "from_stdin": False, "file": None, **source})


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"s3cret\n", "s3cret"),
        (b"s3cret\r\n", "s3cret"),
        (b"s3cret", "s3cret"),
        (b" two words ", " two words "),
        ("pä\n".encode(), "pä"),
    ],
)
def test_standard_input_is_taken_without_its_line_end(stdin, octets, text):
    stdin(octets)
    assert given(from_stdin=True) == text


def test_a_file_is_taken_without_its_line_end(tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(b"s3cret\n")
    assert given(file=path) == "s3cret"


def test_nothing_given_is_none_and_an_argument_is_taken():
    assert given() is None
    assert given(argument="s3cret") == "s3cret"


@pytest.mark.parametrize(
    ("octets", "word"),
    [
        (b"", "empty"),
        (b"\n", "empty"),
        (b"a\nb\n", "more than one line"),
        (b"a\0b", "NUL"),
        (b"\xff", "UTF-8"),
        (b"x" * 1025, "longer"),
    ],
)
def test_what_cannot_be_a_secret_is_refused_without_repeating_it(stdin, octets, word):
    stdin(octets)
    with pytest.raises(ConfigError, match=word):
        given(from_stdin=True)


def test_two_sources_are_one_too_many(tmp_path):
    with pytest.raises(ConfigError, match="one of --secret-stdin"):
        given(argument="a", file=tmp_path / "b")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="nowhere"):
        given(file=tmp_path / "nowhere")


def test_without_a_terminal_nobody_is_asked(stdin):
    stdin(b"s3cret\n")
    with pytest.raises(ConfigError, match="--secret-stdin"):
        secret.required("secret", argument=None, from_stdin=False, file=None)


ASK = """
from radiusd.cli import secret
told = secret.required("secret", argument=None, from_stdin=False, file=None)
raise SystemExit(0 if told == "s3cret" else 1)
"""


def test_on_a_terminal_it_is_asked_for_twice_and_not_echoed():
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", ASK]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as asking:
        os.close(theirs)
        seen = b""
        for prompts in (1, 2):
            while seen.count(b": ") < prompts:
                seen += os.read(ours, 1024)
            os.write(ours, b"s3cret\n")
        assert asking.wait(30) == 0
    assert b"s3cret" not in seen + os.read(ours, 1024)
    os.close(ours)
