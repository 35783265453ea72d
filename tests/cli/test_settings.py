"""The reference of the settings is complete, and is what the command prints."""

from pathlib import Path

import pytest

from radiusd.cli.settings import reference
from radiusd.config import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "settings.md"


def rows():
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    return {line.split("`")[1]: line for line in lines}


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(name):
    row = rows()[name]
    assert f"`RADIUSD_{name.upper()}`" in row
    assert len(row.rstrip("| ").split("|")[-1].strip()) > 10


def test_no_setting_is_documented_that_is_not_there():
    assert rows().keys() == Settings.model_fields.keys()


def test_the_page_is_what_the_command_prints(run):
    printed = run("settings")
    assert printed.code == 0
    assert PAGE.read_text() == printed.out, "write docs/settings.md anew: radiusd settings > docs/settings.md"


def test_the_reference_does_not_depend_on_the_machine(monkeypatch):
    before = reference()
    monkeypatch.setenv("RADIUSD_AUTH_PORT", "1")
    monkeypatch.setenv("RADIUSD_DATA_DIR", "/elsewhere")
    assert reference() == before


@pytest.mark.parametrize(
    "variable",
    [
        "RADIUSD_DATABASE_URL",
        "RADIUSD_DATA_DIR",
        "RADIUSD_BIND",
        "RADIUSD_AUTH_PORT",
        "RADIUSD_ACCT_PORT",
        "RADIUSD_ADMIN_BIND",
        "RADIUSD_ADMIN_PORT",
        "RADIUSD_ADMIN_TOKEN",
        "RADIUSD_DICTIONARIES",
        "RADIUSD_REJECT_DELAY",
        "RADIUSD_WORKERS",
    ],
)
def test_names_that_scripts_hold_on_to_stay(variable):
    assert f"`{variable}`" in PAGE.read_text()
