"""A keeper ends what it keeps as soon as nobody has the lock, and its end is the other's end."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from radiusd.store import keeper

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="the system has no /proc")
# Stands where Postgres does: a program that an interrupt ends.
SERVER = ["sleep", "600"]


def wait(condition, what):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what


def kept_by(process):
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(children[0]) if children else None


def command_of(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]


def gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture
def lock(tmp_path):
    with (tmp_path / "users").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield file


@pytest.fixture
def run(lock):
    processes = []

    def start(server=SERVER, identity=None):
        processes.append(subprocess.Popen(keeper.command(Path(lock.name), identity, server), stderr=subprocess.DEVNULL))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def running(run):
    """Give a keeper and the number of what it keeps."""
    process = run()
    wait(lambda: kept_by(process) and command_of(kept_by(process)) == b"sleep", "nothing was started")
    return process, kept_by(process)


def ignored_signals(pid):
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigIgn"))
    mask = int(line.split()[1], 16)
    return {number for number in signal.valid_signals() if mask >> (number - 1) & 1}


def test_it_ends_the_server_when_the_last_lock_is_gone(lock, running):
    process, server = running
    with Path(lock.name).open() as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert process.poll() is None
        assert not gone(server)
    assert process.wait(60) == 0
    assert gone(server)


def test_it_ends_with_its_server(running):
    process, server = running
    os.kill(server, signal.SIGKILL)
    assert process.wait(60) == 0


def test_a_server_that_cannot_be_started_is_the_end(run, tmp_path):
    assert run([tmp_path / "nothing"]).wait(60) != 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends a child with its parent")
def test_the_server_ends_with_its_keeper(running):
    process, server = running
    process.kill()
    wait(lambda: gone(server), "the server outlives its keeper")


def test_a_request_to_end_is_not_for_the_keeper(running):
    process, server = running
    ends = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM}
    wait(lambda: ends <= ignored_signals(process.pid), "the keeper can be told to end")
    assert not ends & ignored_signals(server)
    process.terminate()
    os.kill(server, signal.SIGINT)
    assert process.wait(60) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another account")
def test_the_server_has_the_account_and_the_keeper_has_not(run):
    process = run(identity=(65534, 65534))
    wait(lambda: kept_by(process) and command_of(kept_by(process)) == b"sleep", "nothing was started")
    assert Path(f"/proc/{kept_by(process)}").stat().st_uid == 65534
    assert Path(f"/proc/{process.pid}").stat().st_uid == 0
