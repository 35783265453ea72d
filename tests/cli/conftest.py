"""The command line as its users call it: arguments and standard input in, exit code and both outputs back."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from radiusd.cli.main import main


class Outcome(NamedTuple):
    code: int
    out: str
    err: str

    def json(self):
        assert self.code == 0, self
        return json.loads(self.out)


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a command in this process, by the entry that the installed script has."""

    def call(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main(arguments)
        out, err = capsys.readouterr()
        return Outcome(left.value.code, out, err)

    return call


@pytest.fixture
def cli(run, database, monkeypatch):
    """Run a command on a database of its own."""
    monkeypatch.setenv("RADIUSD_DATABASE_URL", database)
    return run


@pytest.fixture
def sql(database):
    """Run a statement as another tool would, and return its rows."""

    def execute(statement, parameters=()):
        with psycopg.connect(database, autocommit=True) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    return execute


@pytest.fixture
def installed():
    """Run the installed `radiusd` as a process of its own."""

    def call(*arguments, stdin=b"", environment=None):
        script = Path(sys.executable).with_name("radiusd")
        done = subprocess.run(
            [script, *arguments],
            input=stdin,
            capture_output=True,
            timeout=120,
            check=False,
            env={**os.environ, **(environment or {})},
        )
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())

    return call
