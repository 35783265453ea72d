import shutil
import tempfile
from pathlib import Path

import psycopg
import pytest

from radiusd.store.embedded import start_or_adopt


@pytest.fixture
def bare(run, empty_database, monkeypatch):
    """Run a command on a database where radiusd never was."""
    monkeypatch.setenv("RADIUSD_DATABASE_URL", empty_database)
    return run


def test_check_tells_whether_the_schema_fits(cli):
    told = cli("db", "check", "--json").json()
    assert told["verdict"] == "current"
    assert told["current"] == told["wanted"]


def test_an_upgrade_takes_a_bare_database_to_the_schema_once(bare):
    before = bare("db", "check")
    assert before.code == 1
    assert "radiusd db upgrade" in before.out
    first = bare("db", "upgrade")
    assert first.code == 0
    assert "applied" in first.out
    assert bare("db", "check").code == 0
    assert bare("db", "upgrade").out == "nothing to do\n"


def test_url_is_one_that_other_tools_take(cli, database):
    told = cli("db", "url")
    assert told.code == 0
    assert told.out.startswith("postgresql://")
    dbname = database.partition("?")[0].rpartition("/")[2]
    assert dbname in told.out


@pytest.fixture
def data_dir():
    """Name a folder for an embedded Postgres: short, and one that its account may enter."""
    folder = Path(tempfile.mkdtemp(prefix="radiusd-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder / "data"
    shutil.rmtree(folder)


def test_without_a_url_the_embedded_postgres_is_started_for_the_command(run, data_dir, monkeypatch):
    monkeypatch.delenv("RADIUSD_DATABASE_URL", raising=False)
    at = ["--data-dir", str(data_dir)]
    assert run(*at, "group", "add", "staff", "--session-timeout", "4h").code == 0
    assert not (data_dir / "postgres" / "postmaster.pid").exists()
    running = start_or_adopt(data_dir)
    try:
        assert [group["name"] for group in run(*at, "group", "list", "--json").json()] == ["staff"]
        told = run(*at, "db", "url")
        assert (told.code, told.err) == (0, "")
        assert running.alive()
        with psycopg.connect(told.out.strip()) as connection:
            assert connection.execute("SELECT count(*) FROM radgroupreply").fetchone() == (1,)
    finally:
        running.stop()


def test_url_starts_nothing(run, data_dir, monkeypatch):
    monkeypatch.delenv("RADIUSD_DATABASE_URL", raising=False)
    at = ["--data-dir", str(data_dir)]
    none = run(*at, "db", "url")
    assert (none.code, none.out) == (1, "")
    assert none.err == (
        f"radiusd: there is no database in {data_dir} yet: start `radiusd serve`, or run `radiusd db upgrade`\n"
    )
    assert not data_dir.exists()
    assert run(*at, "db", "upgrade").code == 0
    log = (data_dir / "postgres.log").read_text()
    stopped = run(*at, "db", "url")
    assert stopped.code == 0
    assert "does not run" in stopped.err
    assert (data_dir / "postgres.log").read_text() == log
    running = start_or_adopt(data_dir)
    try:
        assert run(*at, "db", "url").out == stopped.out
    finally:
        running.stop()
