"""Commands on the embedded Postgres share it with one another and with a server, and their mistakes have exit codes."""

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from radiusd.store import embedded
from radiusd.store.embedded import start_or_adopt

# Works on the database until its input ends, as a command does.
HOLDING = """
import sys
from radiusd.cli import database
from radiusd.config import load
with database.ready(load(None, {})):
    print("started", flush=True)
    sys.stdin.read()
"""


def wait(condition, what):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what


@pytest.fixture
def data_dir(monkeypatch):
    """Name a folder for an embedded Postgres: short, and one that its account may enter."""
    folder = Path(tempfile.mkdtemp(prefix="radiusd-", dir="/tmp"))
    folder.chmod(0o711)
    monkeypatch.delenv("RADIUSD_DATABASE_URL", raising=False)
    monkeypatch.setenv("RADIUSD_DATA_DIR", str(folder / "data"))
    yield folder / "data"
    shutil.rmtree(folder)


@pytest.fixture
def add(installed):
    """Run `radiusd user add` as a process of its own."""
    return lambda name: installed("user", "add", name, "--password-stdin", stdin=b"open sesame\n")


def test_commands_at_once_all_do_their_work(installed, add, data_dir):
    """The first round finds no cluster, the second one a cluster that does not run."""
    for names in (range(5), range(5, 10)):
        with ThreadPoolExecutor(5) as pool:
            told = list(pool.map(lambda number: add(f"p{number}"), names))
        assert [(answer.code, answer.err) for answer in told] == [(0, "")] * 5
        wait(lambda: not embedded.find(data_dir).running, "Postgres outlives the commands")
    assert {user["username"] for user in installed("user", "list", "--json").json()} == {f"p{n}" for n in range(10)}


def test_a_server_keeps_the_postgres_of_a_command_that_is_done(add, data_dir):
    """The command waits for its input, so that it is still at work when the server comes."""
    command = subprocess.Popen(
        [sys.executable, "-c", HOLDING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert command.stdout.readline() == "started\n"
    server = start_or_adopt(data_dir)
    try:
        assert server.keeper is None
        assert add("before").code == 0
        command.communicate(timeout=60)
        assert server.alive()
        assert add("after").code == 0
        assert server.alive()
    finally:
        server.stop()
    assert not embedded.find(data_dir).running


def test_a_command_that_is_killed_leaves_the_others_alone(add, data_dir):
    killed = subprocess.Popen([sys.executable, "-c", HOLDING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert killed.stdout.readline() == "started\n"
    server = start_or_adopt(data_dir)
    try:
        killed.send_signal(signal.SIGKILL)
        killed.communicate(timeout=60)
        assert add("after").code == 0
        assert server.alive()
    finally:
        server.stop()


def test_wrong_settings_end_with_two(run, data_dir, monkeypatch):
    (data_dir.parent / "file").write_text("")
    for at, setting in (
        (data_dir.parent / "file" / "data", "RADIUSD_DATA_DIR"),
        (data_dir.parent / "file", "RADIUSD_DATA_DIR"),
    ):
        told = run("--data-dir", str(at), "user", "list")
        assert (told.code, told.out) == (2, "")
        assert setting in told.err
        assert len(told.err.splitlines()) == 1
    monkeypatch.setenv("RADIUSD_POSTGRES_BIN", str(data_dir.parent))
    told = run("user", "list")
    assert told.code == 2
    assert told.err == f"radiusd: RADIUSD_POSTGRES_BIN: there is no postgres in {data_dir.parent}\n"
