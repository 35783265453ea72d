"""Which process, if any, serves a cluster: what `postmaster.pid` says, held against the processes there are.

The file outlives a server that was killed, and the process number in it may since have gone to another
program; Postgres works in its cluster's folder, which tells the two apart.
"""

import os
from pathlib import Path
from typing import NamedTuple

from radiusd.store import binaries

PROCESSES = Path("/proc")


class Postmaster(NamedTuple):
    """What `postmaster.pid` says of a server: its process number and the folder of its socket."""

    pid: int
    socket: str


def read(cluster: Path) -> Postmaster | None:
    """Read the cluster's `postmaster.pid`; None where there is none. The socket is empty in a file cut short."""
    try:
        text = (cluster / "postmaster.pid").read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return None
    lines = [*text.splitlines(), "", "", "", "", ""]
    return Postmaster(int(lines[0]), lines[4]) if lines[0].strip().isdigit() else None


def exists(pid: int) -> bool:
    """Tell whether any process has this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def serves(pid: int, cluster: Path) -> bool:
    """Tell whether process `pid` is a Postgres at work in `cluster` (a resolved path).

    A zombie is not. Where the system has no /proc, nothing better is known than that the process exists.
    """
    if pid <= 0 or not exists(pid):
        return False
    if not (PROCESSES / "self").exists():
        return True
    process = PROCESSES / str(pid)
    try:
        return (process / "comm").read_text().startswith("postgres") and _folder_of(process, cluster) == str(cluster)
    except OSError:
        return False


def leftovers(cluster: Path) -> bool:
    """Tell whether processes of a server that died still work in the cluster; they leave by themselves."""
    if not (PROCESSES / "self").exists():
        return False
    return any(entry.name.isdigit() and serves(int(entry.name), cluster) for entry in PROCESSES.iterdir())


def _folder_of(process: Path, cluster: Path) -> str:
    """Return the folder a process works in.

    Root in a container often has not the right to see it in another account's process; that account has.
    """
    try:
        return str((process / "cwd").readlink())
    except PermissionError:
        account = binaries.account(cluster)
        return account.run("readlink", process / "cwd", cwd=Path("/")).stdout.removesuffix("\n")
