"""A number in postmaster.pid is believed only as far as the processes bear it out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from radiusd.store import postmaster

needs_proc = pytest.mark.skipif(not Path("/proc/self").exists(), reason="the system has no /proc")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("4711\n/data\n1700000000\n5432\n/socket\n\n1 2\nready   \n", (4711, "/socket")),
        ("4711\n/data\n1700000000\n", (4711, "")),
        ("", None),
        ("nonsense\n", None),
    ],
)
def test_the_file_is_read_as_far_as_it_goes(tmp_path, text, found):
    (tmp_path / "postmaster.pid").write_text(text)
    assert postmaster.read(tmp_path) == found


def test_no_file_is_no_server(tmp_path):
    assert postmaster.read(tmp_path) is None


def test_only_the_server_serves_its_cluster(postgres, tmp_path):
    found = postmaster.read(postgres.cluster)
    assert found.pid == postgres.pid
    assert postmaster.serves(found.pid, postgres.cluster)
    assert postmaster.leftovers(postgres.cluster)


@needs_proc
def test_others_do_not(postgres, tmp_path):
    assert not postmaster.serves(postgres.pid, tmp_path)
    assert not postmaster.serves(os.getpid(), postgres.cluster)
    assert not postmaster.serves(os.getpid(), Path.cwd())
    assert not postmaster.serves(0, postgres.cluster)
    assert not postmaster.leftovers(tmp_path)


def test_the_dead_and_the_undead_do_not(postgres):
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert postmaster.exists(process.pid)
        assert not postmaster.serves(process.pid, postgres.cluster)
    assert not postmaster.exists(process.pid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be without its rights")
def test_root_without_the_right_to_look_asks_the_account(postgres):
    program = (
        "import sys; from pathlib import Path; from radiusd.store import postmaster\n"
        "pid, cluster = int(sys.argv[1]), Path(sys.argv[2])\n"
        "try: Path(f'/proc/{pid}/cwd').readlink()\n"
        "except PermissionError: print(postmaster.serves(pid, cluster), postmaster.serves(pid, cluster / 'base'))\n"
    )
    limited = ["setpriv", "--bounding-set", "-sys_ptrace", sys.executable, "-c", program]
    answer = subprocess.run(
        [*limited, str(postgres.pid), str(postgres.cluster)], check=False, capture_output=True, text=True
    )
    assert (answer.stdout.split(), answer.stderr) == (["True", "False"], "")
