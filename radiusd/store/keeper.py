"""The keeper of an embedded Postgres: the process that starts it, and ends it when nobody uses it any more.

It belongs to nobody and outlives whoever started it. All who use the server hold a shared lock (`flock`) on one
file; the keeper waits to have that lock alone, and the kernel gives it as soon as the last user has let go of it
or has died, however it died. When the keeper itself dies, the kernel interrupts Postgres (Linux).

Run as a program, by its file and with the standard library alone, as it stays in memory as long as Postgres does:

    keeper.py LOCKFILE UID:GID|- POSTGRES ARGUMENT...
"""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

STOP_WAIT = 30.0  # seconds for a fast shutdown, and again for an immediate one
ENDINGS = ((signal.SIGINT, STOP_WAIT), (signal.SIGQUIT, STOP_WAIT), (signal.SIGKILL, 5.0))
"""How Postgres is ended: the signal, and the seconds until the next one."""


def command(lock: Path, identity: tuple[int, int] | None, server: Sequence[str | Path]) -> list[str | Path]:
    """Return the command that runs a keeper: `identity` is the account of Postgres, None for the keeper's own."""
    account = "-" if identity is None else f"{identity[0]}:{identity[1]}"
    return [sys.executable, "-I", "-S", __file__, lock, account, *server]


def main(arguments: Sequence[str]) -> None:
    """Keep one server, from its start to its end."""
    lock, account, *server = arguments
    uid, gid = (None, None) if account == "-" else map(int, account.split(":"))
    # The kernel ties Postgres to the thread that starts it: this one, which ends last.
    postgres = subprocess.Popen(  # noqa: S603 - the command is the one that `command` was given
        server,
        start_new_session=True,
        user=uid,
        group=gid,
        extra_groups=None if uid is None else (),
        preexec_fn=_tie_to(os.getpid()),  # noqa: PLW1509 - no other thread runs yet
    )
    for ignored in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)  # Postgres ends last, by the users' word
    threading.Thread(target=_end_when_unused, args=(lock, postgres), daemon=True).start()
    postgres.wait()


def _end_when_unused(lock: str, postgres: "subprocess.Popen[bytes]") -> None:
    with Path(lock).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # until this process ends: who comes meanwhile waits for the end of Postgres
        for ending, seconds in ENDINGS:
            postgres.send_signal(ending)
            try:
                postgres.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
            return


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


if __name__ == "__main__":
    main(sys.argv[1:])
