import pytest


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
