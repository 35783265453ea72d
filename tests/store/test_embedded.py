"""The embedded Postgres starts, is shared, survives every kind of death, and says why when it cannot."""

import fcntl
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from radiusd.errors import StoreError
from radiusd.store import embedded
from radiusd.store.embedded import Embedded, start_or_adopt

ROOT = os.geteuid() == 0
LINUX = sys.platform.startswith("linux")
needs_root = pytest.mark.skipif(not ROOT, reason="only root drops to another account")
needs_linux = pytest.mark.skipif(not LINUX, reason="only Linux ends a child with its parent")

# Starts or adopts, tells what it got as one line of JSON, and waits for the end of its standard input.
HOLDER = """
import json, sys
from pathlib import Path
from radiusd.store.embedded import start_or_adopt
server = start_or_adopt(Path(sys.argv[1]), fsync=False)
print(json.dumps({"pid": server.pid, "owner": server.owner is not None, "conninfo": server.conninfo}), flush=True)
sys.stdin.read()
server.stop()
"""


class Holder:
    """Another process that has the server of a data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, data_dir], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def told(self) -> dict:
        return json.loads(self.process.stdout.readline())

    def end(self, how: int | None = None) -> None:
        if how is None:
            self.process.communicate(timeout=60)
        else:
            self.process.send_signal(how)
            self.process.wait(60)
            self.process.communicate()


def wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what


def gone(pid: int) -> bool:
    """Tell whether a process has ended (a zombie has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def value(server: Embedded, query: str):
    with psycopg.connect(server.conninfo) as connection:
        return connection.execute(query).fetchone()[0]


@pytest.fixture
def base():
    """Give a short folder that other accounts may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="rd-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def made():
    """Make a cluster once and stop it; tests take copies."""
    folder = Path(tempfile.mkdtemp(prefix="rd-", dir="/tmp"))
    folder.chmod(0o711)
    server = start_or_adopt(folder / "data", fsync=False)
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    yield folder / "data"
    shutil.rmtree(folder)


@pytest.fixture
def data(base, made) -> Path:
    """Give the data folder of a cluster that was stopped in good order."""
    subprocess.run(["cp", "-a", made, base / "data"], check=True)
    return base / "data"


@pytest.fixture
def start():
    """Start or adopt as the tested function does; what is still owned at the end is stopped."""
    servers = []

    def start_(*arguments, **options) -> Embedded:
        servers.append(start_or_adopt(*arguments, fsync=False, **options))
        return servers[-1]

    yield start_
    for server in servers:
        server.stop()


def test_the_first_start_makes_a_database_and_the_next_finds_it(base, start):
    first = start(base / "data")
    assert first.owner is not None
    assert value(first, "SELECT current_database()") == "radiusd"
    assert value(first, "SHOW server_encoding") == "UTF8"
    assert value(first, "SELECT datcollate FROM pg_database WHERE datname = 'radiusd'") == "C"
    assert value(first, "SHOW max_connections") == "100"
    with psycopg.connect(first.conninfo, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert first.alive()
    first.stop()
    first.stop()
    assert not first.alive()
    assert gone(first.pid)
    assert sorted(path.name for path in (base / "data").iterdir() if path.name != "postgres.binaries") == [
        "postgres",
        "postgres.log",
        "postgres.owner",
        "socket",
    ]
    second = start(base / "data")
    assert value(second, "SELECT answer FROM kept") == 42


def test_what_is_committed_is_synced_unless_a_test_asks_otherwise(data):
    server = start_or_adopt(data)
    try:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert value(server, f"SHOW {setting}") == "on"
    finally:
        server.stop()


def test_nothing_listens_but_a_socket_behind_a_folder_of_its_own(data, start):
    server = start(data)
    assert value(server, "SHOW listen_addresses") == ""
    folder = Path(conninfo_to_dict(server.conninfo)["host"])
    assert folder == data / "socket"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / ".s.PGSQL.5432").is_socket()
    assert stat.S_IMODE((data / "postgres").stat().st_mode) == 0o700
    rules = (data / "postgres/pg_hba.conf").read_text().splitlines()
    assert {line.split()[0::3][0] + " " + line.split()[-1] for line in rules if line and line[0] != "#"} == {
        "local trust",
        "host reject",
    }


@pytest.mark.parametrize("name", ["long" * 25, "a,b"])
def test_a_folder_that_makes_no_good_socket_path_gets_a_short_one(base, made, start, name):
    subprocess.run(["cp", "-a", made, base / name], check=True)
    server = start(base / name)
    folder = Path(conninfo_to_dict(server.conninfo)["host"])
    assert folder.parent == Path(tempfile.gettempdir())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert value(server, "SELECT answer FROM kept") == 42
    assert start(base / name).conninfo == server.conninfo
    server.stop()
    folder.rmdir()


def test_a_socket_folder_that_is_a_link_is_refused(data, start, base):
    (data / "socket").rmdir()
    (base / "elsewhere").mkdir()
    (data / "socket").symlink_to(base / "elsewhere")
    with pytest.raises(StoreError, match="somebody else's: remove it"):
        start(data)
    (data / "socket").unlink()
    assert start(data).alive()


@needs_root
def test_root_drops_to_an_account_without_rights(data, start):
    server = start(data)
    status = Path(f"/proc/{server.pid}/status").read_text()
    account = pwd.getpwuid((data / "postgres").stat().st_uid)
    assert account.pw_name in ("postgres", "nobody")
    assert f"Uid:\t{account.pw_uid}\t{account.pw_uid}\t{account.pw_uid}\t" in status
    assert f"Gid:\t{account.pw_gid}\t{account.pw_gid}\t" in status
    assert "Groups:\t \n" in status
    assert "CapEff:\t0000000000000000\n" in status


@needs_root
def test_a_cluster_runs_as_its_owner(data, start):
    nobody = pwd.getpwnam("nobody")
    for path in ((data / "postgres"), *(data / "postgres").rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    server = start(data)
    assert f"Uid:\t{nobody.pw_uid}\t" in Path(f"/proc/{server.pid}/status").read_text()
    assert value(server, "SELECT answer FROM kept") == 42


@needs_root
def test_a_cluster_of_root_is_refused(data, start):
    os.chown(data / "postgres", 0, 0)
    with pytest.raises(StoreError, match="chown -R postgres"):
        start(data)


@needs_root
def test_a_folder_that_the_account_cannot_reach_is_refused(base, start):
    (base / "closed").mkdir(mode=0o700)
    with pytest.raises(StoreError, match=r"cannot reach .*chmod o\+x"):
        start(base / "closed" / "data")
    assert not list((base / "closed/data").iterdir())


def test_a_second_process_adopts_and_leaves_it_running(data, start):
    server = start(data)
    other = Holder(data)
    assert other.told() == {"pid": server.pid, "owner": False, "conninfo": server.conninfo}
    other.end()
    assert server.alive()
    assert value(server, "SELECT answer FROM kept") == 42
    again = start(data)
    assert (again.pid, again.owner) == (server.pid, None)
    assert again.alive()
    server.stop()
    assert not again.alive()


def test_of_two_that_start_at_once_one_owns(base):
    holders = [Holder(base / "data") for _ in range(3)]
    told = [holder.told() for holder in holders]
    assert len({answer["pid"] for answer in told}) == 1
    assert sorted(answer["owner"] for answer in told) == [False, False, True]
    for holder in holders:
        holder.end()
    assert gone(told[0]["pid"])


@needs_linux
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_server_ends_with_its_owner_and_the_next_start_finds_all(data, start, how):
    holder = Holder(data)
    told = holder.told()
    holder.end(how)
    wait(lambda: gone(told["pid"]), "Postgres outlives its owner")
    log = (data / "postgres.log").read_text()
    assert "fast shutdown request" in log
    assert value(start(data), "SELECT answer FROM kept") == 42


@needs_linux
def test_a_start_while_the_last_one_still_ends_waits_for_it(data, start):
    holder = Holder(data)
    told = holder.told()
    holder.process.kill()
    server = start(data)
    holder.end(signal.SIGKILL)
    wait(lambda: not server.alive() or server.pid != told["pid"], "the adopted server neither ends nor is a new one")
    server.stop()
    assert value(start(data), "SELECT answer FROM kept") == 42


def test_an_interrupt_from_the_terminal_is_not_for_the_server(data, start):
    server = start(data)
    assert os.getpgid(server.pid) == server.pid
    assert os.getsid(server.pid) == server.pid


def test_a_server_whose_owner_is_gone_gets_the_adopter_as_owner(data, start):
    server = start(data)
    server.owner.release()  # as the kernel does it for a process that died
    adopter = start(data)
    assert (adopter.pid, adopter.child) == (server.pid, None)
    assert adopter.owner is not None
    adopter.stop()
    server.child.wait(60)


@needs_linux
def test_a_killed_server_is_started_again_and_has_every_commit(data, start):
    server = start(data)
    with psycopg.connect(server.conninfo) as connection:
        connection.execute("CREATE TABLE last_work AS SELECT 1 AS n")
    os.kill(server.pid, signal.SIGKILL)
    wait(lambda: not server.alive(), "the killed server lives")
    server.stop()
    again = start(data)
    assert again.pid != server.pid
    assert value(again, "SELECT n FROM last_work") == 1


def test_a_link_to_the_data_folder_is_the_data_folder(data, start, base):
    server = start(data)
    (base / "link").symlink_to(data)
    assert start(base / "link").pid == server.pid


@needs_linux
def test_a_number_that_went_to_another_program_is_not_taken_for_the_server(data, start):
    """The account's own process of the same number is the case in which Postgres itself would give up."""
    account = embedded.binaries.account(data / "postgres")
    with subprocess.Popen(["sleep", "600"], user=account.uid if account.drops else None, cwd="/") as stranger:
        pid_file = data / "postgres/postmaster.pid"
        pid_file.write_text(f"{stranger.pid}\n{data}/postgres\n1\n5432\n{data}/socket\n\n1 1\nready   \n")
        account.give(pid_file, 0o600)
        server = start(data)
        assert server.pid != stranger.pid
        assert value(server, "SELECT answer FROM kept") == 42
        assert stranger.poll() is None
        stranger.kill()


@needs_linux
def test_a_number_that_nobody_has_is_left_to_postgres(data, start):
    gone_process = subprocess.Popen(["true"])
    gone_process.wait()
    (data / "postgres/postmaster.pid").write_text(f"{gone_process.pid}\n{data}/postgres\n1\n5432\n")
    embedded.binaries.account(data / "postgres").give(data / "postgres/postmaster.pid", 0o600)
    assert value(start(data), "SELECT answer FROM kept") == 42


def test_an_owner_without_a_server_is_named(data, start, monkeypatch):
    monkeypatch.setattr(embedded, "START_WAIT", 0.2)
    with (data / "postgres.owner").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711\n")
        lock.flush()
        with pytest.raises(StoreError, match="process number 4711 owns it"):
            start(data)


def test_a_cluster_half_made_is_made_anew(base, start):
    (base / "data").mkdir(mode=0o711)
    (base / "data").chmod(0o711)
    (base / "data/postgres.new-left").mkdir()
    (base / "data/postgres.new-left/PG_VERSION").write_text("18\n")
    server = start(base / "data")
    assert value(server, "SELECT 1") == 1
    assert not list((base / "data").glob("postgres.new-*"))


def test_data_of_another_release_is_refused_with_the_way_over(data, start):
    (data / "postgres/PG_VERSION").write_text("15\n")
    with pytest.raises(
        StoreError, match=r"made by PostgreSQL 15, .*RADIUSD_POSTGRES_BIN, dump with pg_dumpall"
    ) as caught:
        start(data)
    assert len(str(caught.value).splitlines()) == 1


def test_a_server_that_does_not_start_says_why(data, start):
    with (data / "postgres/postgresql.conf").open("a") as configuration:
        configuration.write("shared_buffers = nonsense\n")
    with pytest.raises(StoreError, match=r"does not start: .*configuration file .* contains errors") as caught:
        start(data)
    assert len(str(caught.value).splitlines()) == 1


def test_settings_of_a_client_do_not_reach_the_server(data, start, monkeypatch):
    monkeypatch.setenv("PGDATA", "/nonexistent")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")
    monkeypatch.setenv("LANG", "xx_XX.UTF-8")
    assert value(start(data), "SHOW lc_messages") == "C"


def test_a_long_log_is_begun_anew(data, start):
    with (data / "postgres.log").open("w") as log:
        log.truncate(embedded.LOG_LIMIT + 1)
    start(data)
    assert (data / "postgres.log").stat().st_size < embedded.LOG_LIMIT
    assert (data / "postgres.log.1").stat().st_size > embedded.LOG_LIMIT


def test_only_the_main_thread_starts_it(data):
    with ThreadPoolExecutor(1) as pool, pytest.raises(StoreError, match="from the main thread"):
        pool.submit(start_or_adopt, data).result(60)
