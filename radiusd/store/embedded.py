"""The embedded Postgres: started for a data folder, or adopted where it already runs.

One process owns the server, by a lock (`flock`) it holds until it stops it; all others that name the same
data folder adopt it and leave it running. The owner starts `postgres` as its child, and the kernel stops that
child when the owner dies, however it dies (Linux). The way in is a Unix socket in a folder of mode 0700, and
no other: whoever may enter the folder is the database's superuser.

Layout of the data folder: `postgres` (the cluster), `postgres.owner` (the lock), `postgres.log`, `socket`,
and `postgres.binaries` where the programs had to be copied.
"""

import ctypes
import fcntl
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from radiusd.errors import StoreError
from radiusd.store import binaries, postmaster
from radiusd.store.binaries import Account, Binaries

USER = "postgres"  # not radiusd: a schema of its own name would come first in its search path
DATABASE = "radiusd"
PORT = 5432  # names the socket file, nothing listens on it
PATH_LIMIT = 100  # octets of a socket's path; the kernels allow 103 or 107
START_WAIT = 120.0  # seconds, with room for the recovery after a crash
STOP_WAIT = 30.0  # seconds for a fast shutdown, before an immediate one
LOG_LIMIT = 4 << 20  # octets of postgres.log, beyond which a start begins a new one

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


class Owner:
    """The lock that makes a process the owner of a data folder's server."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._descriptor = -1

    def take(self) -> bool:
        """Take the lock if nobody has it, and note who did."""
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let the next process be the owner."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


@dataclass(slots=True)
class Embedded:
    """A running server. `conninfo` is for psycopg; `stop` ends the server if this process owns it."""

    conninfo: str
    cluster: Path
    pid: int
    owner: Owner | None
    child: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def alive(self) -> bool:
        """Tell whether the server still runs; if not, call `stop` and then `start_or_adopt` once more."""
        if self.child is not None:
            return self.child.poll() is None
        return postmaster.serves(self.pid, self.cluster)

    def stop(self) -> None:
        """End the server, if this process owns it, and give up the ownership. May be called twice."""
        if self.owner is None:
            return
        for signal_, wait in ((signal.SIGINT, STOP_WAIT), (signal.SIGQUIT, STOP_WAIT), (signal.SIGKILL, 5.0)):
            if not self.alive():
                break
            os.kill(self.pid, signal_)
            _wait(lambda: not self.alive(), wait)
        self.owner.release()
        self.owner = None


def start_or_adopt(data_dir: Path, postgres_bin: Path | None = None, *, fsync: bool = True) -> Embedded:
    """Give the server of `data_dir`, started if it does not run yet; make the cluster at the first start.

    Call it from the main thread: the kernel ties the server to the life of the thread that starts it.
    `fsync=False` is for tests. Raises StoreError with one line that says what to do.
    """
    if threading.current_thread() is not threading.main_thread():
        raise StoreError("the embedded Postgres must be started from the main thread")
    try:
        return _start_or_adopt(data_dir.resolve(), postgres_bin, fsync)
    except OSError as error:
        raise StoreError(f"the embedded Postgres in {data_dir}: {error.filename}: {error.strerror}") from error


def _start_or_adopt(data_dir: Path, postgres_bin: Path | None, fsync: bool) -> Embedded:
    cluster = data_dir / "postgres"
    account = binaries.account(cluster)
    if not data_dir.exists():
        data_dir.mkdir(parents=True)
        data_dir.chmod(0o711 if account.drops else 0o700)
    if not account.may_enter(data_dir):
        raise StoreError(
            f"Postgres runs as the account {account.name}, which cannot reach {data_dir}: "
            "choose another RADIUSD_DATA_DIR, or let others pass through its folders (chmod o+x)"
        )
    owner = Owner(data_dir / "postgres.owner")
    deadline = time.monotonic() + START_WAIT
    while True:
        running = postmaster.read(cluster)
        if running is not None and postmaster.serves(running.pid, cluster):
            conninfo = _conninfo(running.socket)
            if _answers(conninfo, cluster):
                return Embedded(conninfo, cluster, running.pid, owner if owner.take() else None)
        elif not postmaster.leftovers(cluster) and owner.take():
            break
        if time.monotonic() > deadline:
            raise StoreError(f"the embedded Postgres of {data_dir} neither runs nor may be started: {_hint(data_dir)}")
        time.sleep(0.05)
    try:
        found = binaries.find(postgres_bin, account, data_dir)
        _prepare(cluster, found, account, fsync)
        return _start(cluster, found, account, owner, fsync)
    except BaseException:
        owner.release()
        raise


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


def _start(cluster: Path, found: Binaries, account: Account, owner: Owner, fsync: bool) -> Embedded:
    """Start `postgres` as a child and wait until it answers."""
    socket = _socket_folder(cluster.parent, account)
    log_file = cluster.parent / "postgres.log"
    if log_file.exists() and log_file.stat().st_size > LOG_LIMIT:
        log_file.rename(log_file.with_suffix(".log.1"))
    settings = ["listen_addresses=", f"unix_socket_directories={socket}", f"port={PORT}", *(() if fsync else UNSAFE)]
    with log_file.open("ab") as log:
        log.seek(0, os.SEEK_END)
        before = log.tell()
        child = subprocess.Popen(  # noqa: S603 - the program is the one found
            [found.folder / "postgres", "-D", cluster, *(part for setting in settings for part in ("-c", setting))],
            cwd=cluster.parent,
            env=binaries.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # an interrupt from the terminal is for radiusd, which stops the server last
            user=account.uid if account.drops else None,
            group=account.gid if account.drops else None,
            extra_groups=() if account.drops else None,
            preexec_fn=_tie_to(os.getpid()),  # noqa: PLW1509 - the main thread starts it, before any other runs
        )
    server = Embedded(_conninfo(str(socket)), cluster, child.pid, owner, child)
    if not _wait(lambda: child.poll() is not None or _answers(server.conninfo, cluster), START_WAIT):
        server.stop()
        raise StoreError(f"the embedded Postgres did not answer within {START_WAIT:.0f} s: see {log_file}")
    if child.poll() is not None:
        with log_file.open("rb") as log:
            log.seek(before)
            lines = log.read().decode(errors="replace").splitlines()
        reason = next((line for line in lines if "FATAL" in line), lines[-1] if lines else "no reason given")
        raise StoreError(f"the embedded Postgres does not start: {reason.partition('FATAL:')[2].strip() or reason}")
    _make_database(server.conninfo)
    return server


def _tie_to(parent: int) -> Callable[[], None] | None:
    """Return what the child runs last before Postgres: ask the kernel to interrupt it when `parent` dies.

    After the change of account, as that would take the request back.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl

    def tie() -> None:
        prctl(1, int(signal.SIGINT), 0, 0, 0)  # PR_SET_PDEATHSIG; SIGINT is Postgres's fast shutdown
        if os.getppid() != parent:
            os._exit(1)

    return tie


def _socket_folder(data_dir: Path, account: Account) -> Path:
    """Make the folder of the socket, mode 0700: in the data folder, or a short one where that is too long."""
    folder = data_dir / "socket"
    if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) > PATH_LIMIT or "," in str(folder):
        digest = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"radiusd-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    ours = folder.parent == data_dir or found.st_uid in (os.geteuid(), account.uid)
    if not (stat.S_ISDIR(found.st_mode) and ours):
        raise StoreError(f"{folder} should be the folder of Postgres's socket, but is somebody else's: remove it")
    account.give(folder, 0o700)
    return folder


def _make_database(conninfo: str) -> None:
    with psycopg.connect(make_conninfo(conninfo, dbname="postgres"), autocommit=True) as connection:
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).rowcount == 0:
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
        owner = (data_dir / "postgres.owner").read_text().strip()
    except OSError:
        owner = ""
    return f"the radiusd with the process number {owner or 'unknown'} owns it; stop that one, or see postgres.log"


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for `condition` and tell whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
