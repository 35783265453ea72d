import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
import pytest

from radiusd.store import connections
from radiusd.store.embedded import start_or_adopt
from tests.running import ROOT, environment, free_ports, launch, until


@pytest.fixture
def folder():
    made = Path(tempfile.mkdtemp(prefix="radiusd-launch-", dir="/tmp"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


def serve(**settings):
    """Run `radiusd serve` that is expected to end by itself."""
    given = {f"RADIUSD_{name.upper()}": str(value) for name, value in settings.items()}
    command = [sys.executable, "-m", "radiusd", "serve"]
    return subprocess.run(
        command, cwd=ROOT, env=environment(given), capture_output=True, text=True, timeout=60, check=False
    )


def readyz(port, status):
    """Return the answer of /readyz if it has this status."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5)
    except httpx.HTTPError:
        return None
    return answer if answer.status_code == status else None


def probe(what, port):
    """Return the exit code of `radiusd probe` for the demo's user."""
    credentials = ["--password", "password"] if what == "auth" else []
    asked = [sys.executable, "-m", "radiusd", "probe", what, "demo", *credentials]
    asked += ["--secret", "testing123", "--port", str(port)]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, timeout=30, check=False).returncode


@pytest.mark.parametrize(
    ("text", "words"), [(None, "cannot be read"), ("ATTRIBUTE Some-Name 300 no-such-type\n", ":1: ")]
)
def test_a_mistake_in_a_dictionary_ends_the_start(tmp_path, text, words):
    file = tmp_path / "dictionary.site"
    if text is not None:
        file.write_text(text)
    ended = serve(dictionaries=file, data_dir=tmp_path / "data")
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert str(file) in ended.stderr
    assert words in ended.stderr


def test_a_database_that_does_not_exist_is_a_mistake_in_the_settings(postgres, tmp_path):
    url = connections.url(postgres.conninfo).replace("/radiusd?", "/nowhere?").replace("/postgres?", "/nowhere?")
    auth, acct, admin = free_ports(3)
    ended = serve(
        database_url=url, bind="127.0.0.1", auth_port=auth, acct_port=acct, admin_port=admin, data_dir=tmp_path
    )
    assert ended.returncode == 2
    assert "RADIUSD_DATABASE_URL" in ended.stderr


def test_a_database_that_comes_late_is_said_and_then_used(folder):
    cluster = start_or_adopt(folder / "postgres", fsync=False)
    url = connections.url(cluster.conninfo)
    cluster.stop()
    auth, acct, admin = free_ports(3)
    settings = {"database_url": url, "bind": "127.0.0.1", "auth_port": auth, "acct_port": acct, "admin_port": admin}
    process = launch(folder, {**settings, "data_dir": folder / "data", "workers": 1}, "--demo")

    try:
        away = until(lambda: readyz(admin, 503), 20, "/readyz says what is missing")
        assert any("Postgres" in missing for missing in away.json()["missing"])
        cluster = start_or_adopt(folder / "postgres", fsync=False)
        until(lambda: readyz(admin, 200), 30, "the server is ready")
        assert probe("auth", auth) == 0
        assert "admin token" in (folder / "log").read_text()
    finally:
        process.terminate()
        assert process.wait(15) == 0
        cluster.stop()


def test_an_embedded_postgres_that_is_killed_is_started_again(folder):
    auth, acct, admin = free_ports(3)
    settings = {"bind": "127.0.0.1", "auth_port": auth, "acct_port": acct, "admin_port": admin, "workers": 1}
    process = launch(folder, {**settings, "data_dir": folder / "data"}, "--demo")
    pid_file = folder / "data" / "postgres" / "postmaster.pid"
    try:
        until(lambda: readyz(admin, 200), 30, "the server is ready")
        before = int(pid_file.read_text().split()[0])
        os.kill(before, signal.SIGKILL)
        until(lambda: probe("acct", acct) == 0, 20, "accounting is written again")
        assert int(pid_file.read_text().split()[0]) != before
        until(lambda: readyz(admin, 200), 10, "the server is ready again")
        assert "embedded-postgres-died" in (folder / "log").read_text()
        assert process.poll() is None
    finally:
        process.terminate()
        assert process.wait(15) == 0
    assert not pid_file.exists()
