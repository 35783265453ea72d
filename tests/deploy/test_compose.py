"""The deployment files stand in step with the settings' table and with each other."""

import configparser
import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from radiusd.config import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILE = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text()).splitlines()
UNIT_TEXT = (ROOT / "deploy" / "radiusd.service").read_text()
KNOWN_VARIABLES = {f"RADIUSD_{name.upper()}" for name in Settings.model_fields}


def default(name):
    return Settings.model_fields[name].default


def instructions(word):
    """Return the arguments of every such instruction of the image that runs (the last stage)."""
    lines = [line for line in DOCKERFILE if line and not line.startswith("#")]
    last_stage = max(number for number, line in enumerate(lines) if line.startswith("FROM "))
    return [line.split(None, 1)[1] for line in lines[last_stage:] if line.split()[0] == word]


def image_environment():
    return dict(pair.split("=", 1) for line in instructions("ENV") for pair in shlex.split(line))


def unit():
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str
    parser.read_string(UNIT_TEXT)
    return parser


@pytest.mark.parametrize("variable", sorted(v for v in SERVICES["radiusd"]["environment"] if v.startswith("RADIUSD_")))
def test_every_variable_of_compose_is_a_setting(variable):
    assert variable in KNOWN_VARIABLES


def test_every_variable_of_the_image_and_the_unit_is_a_setting():
    named = set(re.findall(r"\bRADIUSD_[A-Z_]+\b", "\n".join(instructions("ENV") + instructions("HEALTHCHECK"))))
    named |= set(re.findall(r"^Environment=(RADIUSD_[A-Z_]+)=", UNIT_TEXT, re.MULTILINE))
    assert named
    assert named <= KNOWN_VARIABLES


def test_the_environment_of_compose_makes_valid_settings(monkeypatch):
    for name, value in SERVICES["radiusd"]["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:\?[^}]*\}", "x" * 32, value))
    settings = Settings()
    assert (settings.auth_port, settings.acct_port) == (default("auth_port"), default("acct_port"))
    assert settings.admin_port == default("admin_port")


def test_published_ports_are_the_defaults_of_the_settings():
    published = {}
    for entry in SERVICES["radiusd"]["ports"]:
        host, _, container = entry.rpartition(":")
        published[container] = host
    auth, acct, admin = (default(name) for name in ("auth_port", "acct_port", "admin_port"))
    assert published == {
        f"{auth}/udp": str(auth),
        f"{acct}/udp": str(acct),
        f"{admin}/tcp": f"127.0.0.1:{admin}",
    }


def test_the_image_exposes_the_defaults_of_the_settings():
    (ports,) = instructions("EXPOSE")
    assert ports.split() == [
        f"{default('auth_port')}/udp",
        f"{default('acct_port')}/udp",
        f"{default('admin_port')}/tcp",
    ]


def test_nothing_runs_as_root():
    (user,) = instructions("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert SERVICES["radiusd"]["user"] == user
    assert SERVICES["postgres"]["user"] not in ("root", "0", "")
    assert unit()["Service"]["User"] == "radiusd"


def test_no_compiler_reaches_the_image_that_runs():
    assert not [line for line in instructions("RUN") if re.search(r"\b(apt-get|apk|gcc|build-essential)\b", line)]
    assert len([line for line in DOCKERFILE if line.startswith("FROM ")]) == 2


def test_both_health_checks_ask_readyz_in_the_same_way():
    (of_image,) = instructions("HEALTHCHECK")
    command = json.loads(of_image.split(" CMD ", 1)[1])
    of_compose = SERVICES["radiusd"]["healthcheck"]["test"]
    assert "/readyz" in command[-1]
    assert of_compose == ["CMD", *command]
    compile(command[-1], "healthcheck", "exec")


def test_the_path_of_the_health_check_is_served():
    sources = "\n".join(path.read_text() for path in (ROOT / "radiusd" / "admin").glob("*.py"))
    assert '"/readyz"' in sources


def test_postgres_is_ready_before_radiusd_starts():
    assert SERVICES["postgres"]["image"] == "postgres:17"
    assert SERVICES["radiusd"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert "pg_isready" in SERVICES["postgres"]["healthcheck"]["test"][1]


@pytest.mark.parametrize(
    ("service", "variable"),
    [("postgres", "POSTGRES_PASSWORD"), ("radiusd", "PGPASSWORD"), ("radiusd", "RADIUSD_ADMIN_TOKEN")],
)
def test_secrets_are_required_and_have_no_default(service, variable):
    assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", SERVICES[service]["environment"][variable])


def test_everything_that_the_image_copies_is_let_through_to_the_build():
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = set()
    for line in DOCKERFILE:
        if line.startswith("COPY ") and "--from" not in line:
            copied |= set(line.split()[1:-1])
    assert copied == let_through


def test_state_is_kept_in_the_volume_that_the_image_names():
    data_dir = image_environment()["RADIUSD_DATA_DIR"]
    assert instructions("VOLUME") == [data_dir]
    assert [volume.split(":") for volume in SERVICES["radiusd"]["volumes"]] == [["radiusd-data", data_dir]]
    assert set(COMPOSE["volumes"]) == {"postgres-data", "radiusd-data"}


def test_the_unit_starts_the_server_and_does_not_repeat_a_mistake_in_the_settings():
    service = unit()["Service"]
    assert service["ExecStart"].split()[1:] == ["serve"]
    assert service["RestartPreventExitStatus"] == "2"
    assert service["StateDirectory"] == Path(service["Environment"].split("=")[1]).name


@pytest.mark.parametrize("directive", ["NoNewPrivileges", "PrivateTmp", "PrivateDevices", "ProtectHome"])
def test_the_unit_is_hardened(directive):
    assert unit()["Service"][directive] == "yes"
