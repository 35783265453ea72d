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

from radiusd.errors import ConfigError, StoreError
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
print(json.dumps({"pid": server.pid, "started": server.keeper is not None, "conninfo": server.conninfo}), flush=True)
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
    """Start or adopt as the tested function does; what is still used at the end is stopped."""
    servers = []

    def start_(*arguments, **options) -> Embedded:
        servers.append(start_or_adopt(*arguments, fsync=False, **options))
        return servers[-1]

    yield start_
    for server in reversed(servers):
        server.stop()


def test_the_first_start_makes_a_database_and_the_next_finds_it(base, start):
    first = start(base / "data")
    assert first.keeper is not None
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
        "postgres.keeper",
        "postgres.log",
        "postgres.users",
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
    adopter = start(base / name)
    assert adopter.conninfo == server.conninfo == embedded.find(base / name).conninfo
    adopter.stop()
    server.stop()
    assert embedded.find(base / name) == (server.conninfo, False)
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
    with pytest.raises(ConfigError, match=r"cannot reach .*RADIUSD_DATA_DIR.*chmod o\+x"):
        start(base / "closed" / "data")
    assert not list((base / "closed/data").iterdir())


def test_a_second_process_adopts_and_leaves_it_running(data, start):
    server = start(data)
    other = Holder(data)
    assert other.told() == {"pid": server.pid, "started": False, "conninfo": server.conninfo}
    other.end()
    assert server.alive()
    assert value(server, "SELECT answer FROM kept") == 42
    again = start(data)
    assert (again.pid, again.keeper) == (server.pid, None)
    again.stop()
    assert again.alive()
    server.stop()
    assert not again.alive()


@pytest.mark.parametrize("how", [None, signal.SIGKILL, signal.SIGTERM])
def test_who_started_it_may_leave_in_any_way_while_others_use_it(data, start, how):
    command = Holder(data)
    told = command.told()
    assert told["started"]
    server = start(data)
    with psycopg.connect(server.conninfo) as connection:
        command.end(how)
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    assert server.alive()
    assert value(start(data), "SELECT answer FROM kept") == 42
    for user in (start(data), server):
        user.stop()
        assert server.alive()
    assert "shutdown request" not in (data / "postgres.log").read_text().rpartition("ready to accept connections")[2]


def test_of_many_that_start_at_once_one_starts_it_and_the_last_ends_it(base):
    holders = [Holder(base / "data") for _ in range(3)]
    told = [holder.told() for holder in holders]
    assert len({answer["pid"] for answer in told}) == 1
    assert sorted(answer["started"] for answer in told) == [False, False, True]
    *others, last = sorted(range(3), key=lambda number: not told[number]["started"])
    for number in others:
        holders[number].end()
        with psycopg.connect(told[last]["conninfo"]) as connection:
            assert connection.execute("SELECT current_database()").fetchone() == ("radiusd",)
    holders[last].end()
    assert gone(told[last]["pid"])


def test_of_those_that_leave_at_once_one_ends_it(data):
    holders = [Holder(data) for _ in range(4)]
    told = [holder.told() for holder in holders]
    for holder in holders:
        holder.process.stdin.close()
    for holder in holders:
        assert holder.process.wait(60) == 0
        holder.process.stdout.close()
    wait(lambda: gone(told[0]["pid"]), "Postgres outlives its users")


@needs_linux
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_server_ends_with_its_last_user_and_the_next_start_finds_all(data, start, how):
    first = Holder(data)
    told = first.told()
    last = Holder(data)
    assert not last.told()["started"]
    first.end(how)
    assert not gone(told["pid"])
    last.end(how)
    wait(lambda: gone(told["pid"]), "Postgres outlives its users")
    log = (data / "postgres.log").read_text()
    assert "fast shutdown request" in log
    assert value(start(data), "SELECT answer FROM kept") == 42


@needs_linux
def test_the_server_ends_with_its_keeper_and_is_started_again(data, start):
    server = start(data)
    server.keeper.kill()
    wait(lambda: not server.alive(), "the keeper lives")
    server.stop()
    again = start(data)
    assert again.pid != server.pid
    assert gone(server.pid)
    assert value(again, "SELECT answer FROM kept") == 42


def test_a_server_without_a_keeper_is_ended_by_its_last_user(data, start):
    account = embedded.binaries.account(data / "postgres")
    found = embedded.binaries.find(None, account, data)
    command = [found.folder / "postgres", "-D", data / "postgres", "-c", "listen_addresses="]
    identity = {"user": account.uid, "group": account.gid, "extra_groups": ()} if account.drops else {}
    with (data / "postgres.log").open("ab") as log:
        alone = subprocess.Popen(
            [*command, "-c", f"unix_socket_directories={data}/socket"], cwd=data, stdout=log, stderr=log, **identity
        )
    wait((data / "socket/.s.PGSQL.5432").exists, "Postgres does not start")
    first, last = start(data), start(data)
    assert (first.pid, first.keeper, last.pid) == (alone.pid, None, alone.pid)
    first.stop()
    assert alone.poll() is None
    last.stop()
    assert alone.wait(60) == 0


def test_who_comes_while_somebody_ends_the_server_waits(data, start, monkeypatch):
    server = start(data)
    server.stop()
    with (data / "postgres.users").open() as lock, ThreadPoolExecutor(1) as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        monkeypatch.setattr(embedded, "START_WAIT", 0.2)
        with pytest.raises(StoreError, match="neither runs nor may be started"):
            start(data)
        monkeypatch.undo()
        waiting = pool.submit(start, data)
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert waiting.result(60).alive()


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


def test_who_keeps_the_folder_without_a_server_is_named(data, start, monkeypatch):
    monkeypatch.setattr(embedded, "START_WAIT", 0.2)
    with (data / "postgres.keeper").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711\n")
        lock.flush()
        with pytest.raises(StoreError, match="process with the number 4711 keeps it"):
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


def test_any_thread_may_start_it_and_end(data, start):
    with ThreadPoolExecutor(1) as pool:
        server = pool.submit(start, data).result(60)
    assert value(server, "SELECT answer FROM kept") == 42


def test_a_lost_database_is_made_again(data, start):
    server = start(data)
    with psycopg.connect(server.conninfo, dbname="postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE radiusd")
    assert value(start(data), "SELECT current_database()") == "radiusd"


def test_a_server_is_found_without_starting_it(data, start, base):
    assert embedded.find(base / "none") is None
    stopped = embedded.find(data)
    assert not stopped.running
    assert not (data / "postgres/postmaster.pid").exists()
    server = start(data)
    assert embedded.find(data) == (server.conninfo, True)
    assert stopped.conninfo == server.conninfo


@pytest.mark.parametrize("name", ["file/data", "loop", "loop/data"])
def test_a_data_folder_that_cannot_be_one_is_a_wrong_setting(base, name):
    (base / "file").write_text("")
    (base / "loop").symlink_to(base / "loop")
    with pytest.raises(ConfigError, match=f"RADIUSD_DATA_DIR: {base}/"):
        start_or_adopt(base / name)
    assert embedded.find(base / name) is None


def test_a_data_folder_out_of_reach_is_a_wrong_setting(base):
    program = (
        "import sys; from pathlib import Path; from radiusd.store import embedded\n"
        "for act in (embedded.start_or_adopt, embedded.find):\n"
        "    try: act(Path(sys.argv[1]))\n"
        "    except embedded.ConfigError as error: print(error)\n"
    )
    (base / "closed").mkdir(mode=0)
    limited = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if ROOT else []
    if ROOT:
        os.chown(base / "closed", 1, 1)
    answer = subprocess.run(
        [*limited, sys.executable, "-c", program, base / "closed/data"], check=False, capture_output=True, text=True
    )
    assert answer.stderr == ""
    assert len(answer.stdout.splitlines()) == 2
    assert all("RADIUSD_DATA_DIR" in line for line in answer.stdout.splitlines())
