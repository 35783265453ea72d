import pytest

from radiusd.config import load
from radiusd.errors import ConfigError


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    import os

    for name in [name for name in os.environ if name.startswith("RADIUSD_")]:
        monkeypatch.delenv(name)


def test_the_later_source_wins(tmp_path, monkeypatch):
    file = tmp_path / "radiusd.toml"
    file.write_text("auth_port = 1001\nacct_port = 1002\nadmin_port = 1003\n")
    monkeypatch.setenv("RADIUSD_ACCT_PORT", "2002")
    monkeypatch.setenv("RADIUSD_ADMIN_PORT", "2003")
    settings = load(file, {"admin_port": 3003, "workers": None})
    assert (settings.auth_port, settings.acct_port, settings.admin_port) == (1001, 2002, 3003)


def test_lists_are_split(monkeypatch):
    monkeypatch.setenv("RADIUSD_BIND", "127.0.0.1, ::1")
    monkeypatch.setenv("RADIUSD_DICTIONARIES", "/a:/b/dictionary")
    settings = load()
    assert settings.bind == ("127.0.0.1", "::1")
    assert [str(path) for path in settings.dictionaries] == ["/a", "/b/dictionary"]


def test_an_empty_variable_is_not_set(monkeypatch):
    monkeypatch.setenv("RADIUSD_DATABASE_URL", "")
    assert load().database_url is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("reject_delay = 6", r"reject_delay \(RADIUSD_REJECT_DELAY\) in .*radiusd\.toml"),
        ("no_such = 1", "there is no setting 'no_such'"),
        ("auth_port = 1812\nacct_port = 1812", "both 1812"),
        ("not toml", "is not TOML"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(tmp_path, text, words):
    file = tmp_path / "radiusd.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=words) as caught:
        load(file)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ConfigError, match="cannot read"):
        load(tmp_path / "nowhere.toml")


def test_no_secret_is_in_an_error_or_a_repr(monkeypatch):
    monkeypatch.setenv("RADIUSD_DATABASE_URL", "postgresql://radius:hidden-word@db/radius")
    monkeypatch.setenv("RADIUSD_ADMIN_TOKEN", "hidden-word")
    assert "hidden-word" not in repr(load())
    with pytest.raises(ConfigError) as caught:
        load(flags={"workers": 0})
    assert "hidden-word" not in str(caught.value)
