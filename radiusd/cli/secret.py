"""How a command is told a secret: from standard input, a file, a prompt, or an argument.

An argument is seen by everyone who may list processes, and stays in the shell's history: it is taken, last of all.
A secret is the bytes without the line end that closes them; it must be UTF-8, as the database's columns are text.
"""

import sys
from pathlib import Path

import typer

from radiusd.errors import ConfigError

# A shared secret or password longer than this is a wrong file.
LONGEST = 1024


def given(what: str, *, argument: str | None, from_stdin: bool, file: Path | None) -> str | None:
    """Return the secret that the options give, or None when they give none.

    `what` is the option's stem ("secret", "password"). Raises ConfigError when two are given or the source is bad.
    """
    if (argument is not None) + from_stdin + (file is not None) > 1:
        raise ConfigError(f"give one of --{what}-stdin, --{what}-file and --{what}")
    if from_stdin:
        return _clean(what, sys.stdin.buffer.read(LONGEST + 3))
    if file is not None:
        try:
            with file.open("rb") as source:
                return _clean(what, source.read(LONGEST + 3))
        except OSError as error:
            raise ConfigError(f"cannot read {file}: {error.strerror}") from error
    return None if argument is None else _clean(what, argument.encode())


def required(what: str, *, argument: str | None, from_stdin: bool, file: Path | None) -> str:
    """Return the secret that the options give, else ask for it twice on the terminal.

    Raises ConfigError where there is no terminal to ask on.
    """
    secret = given(what, argument=argument, from_stdin=from_stdin, file=file)
    if secret is not None:
        return secret
    if not sys.stdin.isatty():
        raise ConfigError(f"there is no terminal to ask for the {what}; give --{what}-stdin or --{what}-file FILE")
    answer: str = typer.prompt(what.capitalize(), hide_input=True, confirmation_prompt=True, err=True)
    return _clean(what, answer.encode())


def _clean(what: str, raw: bytes) -> str:
    raw = raw.removesuffix(b"\n").removesuffix(b"\r")
    if not raw:
        raise ConfigError(f"the {what} is empty")
    if len(raw) > LONGEST:
        raise ConfigError(f"the {what} is longer than {LONGEST} octets")
    if b"\0" in raw or b"\n" in raw:
        raise ConfigError(f"the {what} has more than one line or a NUL octet")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"the {what} is not UTF-8") from error
