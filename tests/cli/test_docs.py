"""What the documents tell people to type exists, and what can be watched is documented."""

import re
import shlex
from pathlib import Path

import prometheus_client
import pytest
from typer.main import get_command

from radiusd import telemetry
from radiusd.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
METRICS = [
    metric for metric in vars(telemetry).values() if isinstance(metric, prometheus_client.metrics.MetricWrapperBase)
]


def commands():
    """Collect every `radiusd …` of the pages, in blocks and in running text."""
    for page in PAGES:
        text = page.read_text()
        blocks = "\n".join(re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
        lines = re.findall(r"^(?:\S*/)?(radiusd [^&#\n]*)", blocks, re.MULTILINE)
        lines += re.findall(r"`(radiusd [a-z][^`]*)`", text)
        for line in lines:
            yield pytest.param(line, id=f"{page.name}: {line}")


@pytest.mark.parametrize("line", list(commands()))
def test_a_documented_command_exists_with_its_options(line):
    command = get_command(app)
    for word in shlex.split(line.replace("…", ""))[1:]:
        if word.startswith("-"):
            known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
            assert word.partition("=")[0] in known
        elif hasattr(command, "get_command"):
            command = command.get_command(None, word)
            assert command is not None


def test_the_examples_of_the_reference_are_in_the_readme():
    readme = PAGES[0].read_text()
    for line in (
        "radiusd client add vpn1 192.0.2.10/32 --secret-stdin --kind pptpd",
        "radiusd group add staff --session-timeout 4h --idle-timeout 10m --interim-interval 5m --simultaneous-use 1",
        "radiusd user add alice --group staff --password-stdin",
        "radiusd session list --state active --json",
    ):
        assert line in readme


def test_the_two_commands_come_first():
    blocks = re.findall(r"^```\n(.*?)^```", PAGES[0].read_text(), re.DOTALL | re.MULTILINE)
    assert blocks[0] == "make run\nmake test\n"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_the_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric._name)
def test_every_metric_is_documented(metric):
    name = metric._name + ("_total" if metric._type == "counter" else "")
    assert f"`{name}`" in OPERATIONS


def test_no_metric_is_documented_that_is_not_there():
    known = {metric._name for metric in METRICS}
    assert {name.removesuffix("_total") for name in re.findall(r"`(radiusd_\w+)`", OPERATIONS)} == known


def test_documented_log_events_are_logged():
    table = OPERATIONS.partition("| event | meaning |")[2].partition("\n\n")[0]
    cells = "".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))
    events = re.findall(r"`([a-z-]+)`", cells)
    source = "\n".join(path.read_text() for path in (ROOT / "radiusd").rglob("*.py"))
    assert events
    assert [event for event in events if f'"{event}"' not in source] == []


def test_the_limits_that_are_not_enforced_are_in_the_readme():
    assert "**stored, not enforced yet**" in PAGES[0].read_text()
