"""The embedded Postgres of a data folder: started for who needs it first, shared, ended after the last one.

Nobody owns the server. The rule: whoever uses it, a command for a moment or the server for months, holds a shared
lock (`flock`) on `postgres.users` from before it looks for the server until it is done; the server may be ended
only by one who has that lock alone. The one who finds no server starts it under a keeper (`keeper.py`), a small
process of its own: so it makes no difference to the others when the one who started it leaves or is killed. Who
leaves last ends the server and waits for its end; where the last one was killed, the keeper does it.

`postgres.keeper` is the second lock: one process at a time starts the server, and its keeper has that lock, by
inheritance, until the server has ended. The way in is a Unix socket in a folder of mode 0700, and no other:
whoever may enter the folder is the database's superuser.

Layout of the data folder: `postgres` (the cluster), `postgres.users` and `postgres.keeper` (the locks),
`postgres.log`, `socket`, and `postgres.binaries` where the programs had to be copied.
"""

import fcntl
import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg.conninfo import make_conninfo

from radiusd.errors import ConfigError, StoreError
from radiusd.store import binaries, keeper, postmaster
from radiusd.store.binaries import Account, Binaries

USER = "postgres"  # not radiusd: a schema of its own name would come first in its search path
DATABASE = "radiusd"
PORT = 5432  # names the socket file, nothing listens on it
PATH_LIMIT = 100  # octets of a socket's path; the kernels allow 103 or 107
START_WAIT = 120.0  # seconds, with room for the recovery after a crash
LEAVE_WAIT = 90.0  # seconds, with room for all the ways to end Postgres
LOG_LIMIT = 4 << 20  # octets of postgres.log, beyond which a start begins a new one
MAKING = 4_731_160_902  # the advisory lock under which the database is made

# Appended to postgresql.conf when the cluster is made: the operator may change them there. The server is
# small, holds what can be lost nowhere else, and is backed up by dumps, not by its WAL.
CONFIGURATION = """
# radiusd
max_connections = 100
shared_buffers = 64MB
wal_level = minimal
max_wal_senders = 0
wal_compression = on
max_wal_size = 512MB
checkpoint_timeout = 15min
jit = off
max_parallel_workers_per_gather = 0
log_checkpoints = off
cluster_name = 'radiusd'
"""
UNSAFE = ("fsync=off", "full_page_writes=off")  # a crash of the machine loses data, one of Postgres does not


class Lock:
    """A lock of a data folder, which ends with the process at the latest."""

    def __init__(self, file: Path) -> None:
        self.descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def share(self) -> bool:
        """Have the lock together with others, if nobody has it alone."""
        return self._take(fcntl.LOCK_SH)

    def take(self) -> bool:
        """Have the lock alone, if nobody else has it; what was shared before is given up in any case."""
        return self._take(fcntl.LOCK_EX)

    def sign(self, pid: int) -> None:
        """Note in the file who has the lock."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{pid}\n".encode(), 0)

    def close(self) -> None:
        """Give the lock up, but for a child that inherited it."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _take(self, operation: int) -> bool:
        with suppress(BlockingIOError):
            fcntl.flock(self.descriptor, operation | fcntl.LOCK_NB)
            return True
        return False


@dataclass(slots=True)
class Embedded:
    """A running server and the right to use it, which `stop` gives back. `conninfo` is for psycopg.

    `keeper` is None where another process started the server.
    """

    conninfo: str
    cluster: Path
    pid: int
    users: Lock | None
    keeper: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def alive(self) -> bool:
        """Tell whether the server still runs; if not, call `stop` and then `start_or_adopt` once more."""
        if self.keeper is not None:
            return self.keeper.poll() is None
        return postmaster.serves(self.pid, self.cluster)

    def stop(self) -> None:
        """Use the server no longer; if nobody else does, end it and wait for that. May be called twice."""
        if self.users is None:
            return
        try:
            _wait(self._left, LEAVE_WAIT)
        finally:
            self.users.close()
            self.users = None

    def _left(self) -> bool:
        """Tell whether the server has ended or is left to others.

        Who can have the lock neither alone nor with others sees somebody end the server. Two that leave at the
        same time may each take the other for one who stays: then it is the keeper that ends the server.
        """
        if self.users is None or not self.users.take():
            return self.users is None or self.users.share()
        for ending, seconds in keeper.ENDINGS:
            if not self.alive():
                break
            with suppress(ProcessLookupError):
                os.kill(self.pid, ending)
            _wait(lambda: not self.alive(), seconds)
        return True


class Place(NamedTuple):
    """Where a cluster's server can be reached, and whether it runs."""

    conninfo: str
    running: bool


def start_or_adopt(data_dir: Path, postgres_bin: Path | None = None, *, fsync: bool = True) -> Embedded:
    """Give the server of `data_dir`, started if it does not run yet; make the cluster at the first start.

    `fsync=False` is for tests. Raises ConfigError where a setting is wrong and StoreError for all else, with one
    line that says what to do.
    """
    data_dir = Path(os.path.realpath(data_dir))  # unlike resolve, it leaves a loop of links to be found by its user
    account, users, starting = _enter(data_dir)
    try:
        return _adopted_or_started(data_dir, postgres_bin, account, users, starting, fsync)
    except BaseException as error:
        users.close()
        if isinstance(error, OSError):
            raise StoreError(f"the embedded Postgres in {data_dir}: {error.filename}: {error.strerror}") from error
        if isinstance(error, psycopg.Error):
            raise StoreError(f"the embedded Postgres in {data_dir}: {str(error).strip()}") from error
        raise
    finally:
        starting.close()


def find(data_dir: Path) -> Place | None:
    """Say where the server of `data_dir` can be reached, without starting it; None where there is no cluster."""
    data_dir = Path(os.path.realpath(data_dir))
    cluster = data_dir / "postgres"
    try:
        if not (cluster / "PG_VERSION").exists():
            return None
        running = postmaster.read(cluster)
        if running is not None and postmaster.serves(running.pid, cluster):
            return Place(_conninfo(running.socket or str(_socket_folder(data_dir))), running=True)
    except OSError as error:
        raise ConfigError(f"RADIUSD_DATA_DIR: {error.filename or data_dir}: {error.strerror}") from error
    return Place(_conninfo(str(_socket_folder(data_dir))), running=False)


def _enter(data_dir: Path) -> tuple[Account, Lock, Lock]:
    """Make the data folder if there is none; return whom Postgres runs as, and the two locks, not taken yet."""
    try:
        account = binaries.account(data_dir / "postgres")
        if not data_dir.exists():
            mode = 0o711 if account.drops else 0o700
            data_dir.mkdir(mode, parents=True, exist_ok=True)
            data_dir.chmod(mode)
        if not account.may_enter(data_dir):
            raise ConfigError(
                f"Postgres runs as the account {account.name}, which cannot reach {data_dir}: "
                "choose another RADIUSD_DATA_DIR, or let others pass through its folders (chmod o+x)"
            )
        users = Lock(data_dir / "postgres.users")
        try:
            return account, users, Lock(data_dir / "postgres.keeper")
        except BaseException:
            users.close()
            raise
    except OSError as error:
        raise ConfigError(f"RADIUSD_DATA_DIR: {error.filename or data_dir}: {error.strerror}") from error


def _adopted_or_started(
    data_dir: Path, postgres_bin: Path | None, account: Account, users: Lock, starting: Lock, fsync: bool
) -> Embedded:
    cluster = data_dir / "postgres"
    deadline = time.monotonic() + START_WAIT
    while True:
        if users.share():
            running = postmaster.read(cluster)
            if running is not None and postmaster.serves(running.pid, cluster):
                conninfo = _conninfo(running.socket)
                if _answers(conninfo, cluster):
                    _make_database(conninfo)
                    return Embedded(conninfo, cluster, running.pid, users)
            elif not postmaster.leftovers(cluster) and starting.take():
                break
        if time.monotonic() > deadline:
            raise StoreError(f"the embedded Postgres of {data_dir} neither runs nor may be started: {_hint(data_dir)}")
        time.sleep(0.05)
    starting.sign(os.getpid())
    found = binaries.find(postgres_bin, account, data_dir)
    _prepare(cluster, found, account, fsync)
    return _start(cluster, found, account, users, starting, fsync)


def _prepare(cluster: Path, found: Binaries, account: Account, fsync: bool) -> None:
    """Make the cluster if there is none; else see that these programs may open it."""
    for leftover in cluster.parent.glob("postgres.new-*"):
        shutil.rmtree(leftover)
    if not cluster.exists():
        _make(cluster, found, account, fsync)
    major = (cluster / "PG_VERSION").read_text(encoding="ascii").strip()
    if major != str(found.major):
        raise StoreError(
            f"the database in {cluster} was made by PostgreSQL {major}, the programs at hand are {found.version}: "
            f"name those of {major} by RADIUSD_POSTGRES_BIN, dump with pg_dumpall, move the folder away, "
            "start with the new ones and restore the dump with psql"
        )
    # Postgres itself clears away what a dead server left, but believes any process of its account that has
    # got the same number to be that server.
    left = postmaster.read(cluster)
    if left is not None and postmaster.exists(left.pid):
        (cluster / "postmaster.pid").unlink()


def _make(cluster: Path, found: Binaries, account: Account, fsync: bool) -> None:
    """Run initdb beside the cluster's place and rename: a cluster is there whole or not at all."""
    making = Path(tempfile.mkdtemp(prefix="postgres.new-", dir=cluster.parent))
    account.give(making, 0o700)
    options = ["-U", USER, "-E", "UTF8", "--no-locale", "--auth-local=trust", "--auth-host=reject"]
    answer = account.run(
        found.folder / "initdb", "-D", making, *options, *([] if fsync else ["--no-sync"]), cwd=cluster.parent
    )
    if answer.returncode != 0:
        shutil.rmtree(making)
        reason = (answer.stderr.strip() or answer.stdout.strip() or "no reason given").splitlines()[-1]
        raise StoreError(f"initdb failed for {cluster}: {reason}")
    with (making / "postgresql.conf").open("a", encoding="utf-8") as configuration:
        configuration.write(CONFIGURATION)
        configuration.flush()
        os.fsync(configuration.fileno())
    making.rename(cluster)
    folder = os.open(cluster.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _start(cluster: Path, found: Binaries, account: Account, users: Lock, starting: Lock, fsync: bool) -> Embedded:
    """Start Postgres under a keeper, which inherits the lock `starting`, and wait until it answers."""
    socket = _socket_folder(cluster.parent)
    _make_socket_folder(socket, cluster.parent, account)
    log_file = cluster.parent / "postgres.log"
    if log_file.exists() and log_file.stat().st_size > LOG_LIMIT:
        log_file.rename(log_file.with_suffix(".log.1"))
    settings = ["listen_addresses=", f"unix_socket_directories={socket}", f"port={PORT}", *(() if fsync else UNSAFE)]
    options = [part for setting in settings for part in ("-c", setting)]
    with log_file.open("ab") as log:
        log.seek(0, os.SEEK_END)
        before = log.tell()
        process = subprocess.Popen(  # noqa: S603 - the program is the one found
            keeper.command(
                cluster.parent / "postgres.users",
                (account.uid, account.gid) if account.drops else None,
                [found.folder / "postgres", "-D", cluster, *options],
            ),
            cwd=cluster.parent,
            env=binaries.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # an interrupt from the terminal is for radiusd, which ends the server last
            pass_fds=(starting.descriptor,),
        )
    starting.sign(process.pid)
    conninfo = _conninfo(str(socket))
    answered = _wait(lambda: process.poll() is not None or _answers(conninfo, cluster), START_WAIT)
    running = postmaster.read(cluster)
    if process.poll() is not None or running is None:
        raise StoreError(f"the embedded Postgres does not start: {_reason(log_file, before)}")
    server = Embedded(conninfo, cluster, running.pid, users, process)
    if not answered:
        server.stop()
        raise StoreError(f"the embedded Postgres did not answer within {START_WAIT:.0f} s: see {log_file}")
    _make_database(conninfo)
    return server


def _reason(log_file: Path, before: int) -> str:
    """Find in the log, from the octet `before` on, why there is no server."""
    with log_file.open("rb") as log:
        log.seek(before)
        lines = log.read().decode(errors="replace").splitlines()
    reason = next((line for line in lines if "FATAL" in line), lines[-1] if lines else "no reason given")
    return reason.partition("FATAL:")[2].strip() or reason


def _socket_folder(data_dir: Path) -> Path:
    """Choose the folder of the socket: in the data folder, or a short one where that is too long."""
    folder = data_dir / "socket"
    if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) > PATH_LIMIT or "," in str(folder):
        digest = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"radiusd-{digest}"
    return folder


def _make_socket_folder(folder: Path, data_dir: Path, account: Account) -> None:
    """Make the folder of the socket if there is none, mode 0700 and the account's own."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    ours = folder.parent == data_dir or found.st_uid in (os.geteuid(), account.uid)
    if not (stat.S_ISDIR(found.st_mode) and ours):
        raise StoreError(f"{folder} should be the folder of Postgres's socket, but is somebody else's: remove it")
    account.give(folder, 0o700)


def _make_database(conninfo: str) -> None:
    """Make the database if there is none; not only who started the server, as that one may have died since."""
    wanted = "SELECT FROM pg_database WHERE datname = %s"
    with psycopg.connect(make_conninfo(conninfo, dbname="postgres"), autocommit=True) as connection:
        if connection.execute(wanted, (DATABASE,)).rowcount == 0:
            connection.execute("SELECT pg_advisory_lock(%s)", (MAKING,))
            if connection.execute(wanted, (DATABASE,)).rowcount == 0:
                connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(DATABASE)))


def _conninfo(socket: str) -> str:
    return make_conninfo("", host=socket, port=PORT, user=USER, dbname=DATABASE)


def _answers(conninfo: str, cluster: Path) -> bool:
    """Tell whether the server behind the socket takes connections and is the one of this cluster."""
    try:
        with psycopg.connect(make_conninfo(conninfo, dbname="postgres", connect_timeout=5)) as connection:
            row = connection.execute("SELECT current_setting('data_directory')").fetchone()
    except psycopg.OperationalError:
        return False
    return row is not None and Path(row[0]).resolve() == cluster.resolve()


def _hint(data_dir: Path) -> str:
    try:
        number = (data_dir / "postgres.keeper").read_text().strip()
    except OSError:
        number = ""
    return f"the process with the number {number or 'unknown'} keeps it; end that one, or see postgres.log"


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for `condition` and tell whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
