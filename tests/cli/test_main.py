"""How the command as a whole behaves: help, exit codes, one line for every error."""

import pytest

from radiusd import __version__

SECRET_URL = "postgresql://radiusd:hunter2@127.0.0.1:1/radiusd"


def test_the_version_is_printed(run):
    assert run("--version") == (0, f"radiusd {__version__}\n", "")


@pytest.mark.parametrize(
    "command", ["db", "client", "user", "group", "session", "token", "probe", "explain", "doctor", "settings"]
)
def test_every_command_has_help(run, command):
    told = run(command, "--help")
    assert told.code == 0
    assert told.out.startswith(f"Usage: radiusd {command}")


def test_without_a_command_the_help_is_shown(run):
    told = run()
    assert told.code == 2
    assert "Commands:" in told.out + told.err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["nonsense"], "nonsense"),
        (["group", "add"], "name"),
        (["group", "add", "g", "--session-timeout", "never"], "never"),
        (["client", "add", "x", "192.0.2.1", "--kind", "toaster"], "toaster"),
        (["session", "list", "--state", "asleep"], "asleep"),
        (["user", "list", "--since", "2030-01-01"], "--since"),
        (["--config", "/nowhere/radiusd.toml", "group", "list"], "/nowhere/radiusd.toml"),
    ],
)
def test_a_mistake_in_usage_is_one_line_and_exit_code_2(run, arguments, word):
    told = run(*arguments)
    assert told.code == 2
    assert told.out == ""
    assert told.err.startswith("radiusd: ")
    assert told.err.count("\n") == 1
    assert word in told.err


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["nonsense"], "radiusd"),
        (["user", "nonsense"], "radiusd user"),
        (["user", "add"], "radiusd user add"),
        (["group", "add", "g", "--session-timeout", "never"], "radiusd group add"),
        (["group", "add", "g", "--check", "never"], "radiusd group add"),
        (["explain"], "radiusd explain"),
        (["user", "set", "alice"], "radiusd user set"),
    ],
)
def test_a_mistake_in_usage_names_the_help_of_its_command(run, arguments, command):
    assert run(*arguments).err.endswith(f"(see `{command} --help`)\n")


def test_what_is_refused_as_it_is_written_is_a_mistake_in_usage_and_what_is_there_is_not(cli):
    assert cli("user", "add", "alice", "--password", "x", "--reply", "Session-Timeout := soon").code == 2
    assert cli("user", "list", "--group", "nobody").code == 0
    assert cli("user", "add", "alice", "--password", "x").code == 0
    assert cli("user", "add", "alice", "--password", "x").code == 1
    assert cli("user", "show", "nobody").code == 1


def test_an_unknown_setting_in_the_file_is_named(run, tmp_path):
    file = tmp_path / "radiusd.toml"
    file.write_text("sesion_timeout = 3\n")
    told = run("--config", str(file), "group", "list")
    assert told.code == 2
    assert "sesion_timeout" in told.err


def test_a_setting_that_cannot_be_used_is_named(run, monkeypatch):
    monkeypatch.setenv("RADIUSD_AUTH_PORT", "many")
    told = run("group", "list")
    assert told.code == 2
    assert "RADIUSD_AUTH_PORT" in told.err


def test_a_database_that_is_away_is_one_line_without_the_password(run, monkeypatch):
    monkeypatch.setenv("RADIUSD_DATABASE_URL", SECRET_URL)
    told = run("group", "list")
    assert told.code == 1
    assert told.err.count("\n") == 1
    assert "hunter2" not in told.err


def test_the_database_may_be_named_before_the_command(run, database, tmp_path):
    file = tmp_path / "radiusd.toml"
    file.write_text(f'database_url = "{database}"\n')
    assert run("--config", str(file), "group", "list", "--json").json() == []
    assert run("--database-url", database, "group", "list", "--json").json() == []


def test_a_database_without_the_schema_says_what_to_do(run, empty_database):
    told = run("--database-url", empty_database, "group", "list")
    assert told.code == 1
    assert "radiusd db upgrade" in told.err


def test_the_installed_command_and_the_module_are_the_same(installed, database):
    environment = {"RADIUSD_DATABASE_URL": database}
    assert installed("group", "list", "--json", environment=environment).json() == []
    assert installed("nonsense", environment=environment).code == 2
