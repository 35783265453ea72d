"""Tests against real peers: what they need is checked first, and a radiusd is started for them."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from radiusd.store.embedded import Embedded
from tests.conftest import fresh_database
from tests.running import Launcher, Server, add_client, missing, start


def pytest_runtest_setup(item: pytest.Item) -> None:
    """`interop("radclient", …, root=True)`: without these the test is skipped, or fails where CI=true."""
    for mark in item.iter_markers("interop"):
        lacking = [f"{program} is not installed" for program in missing(*mark.args)]
        if mark.kwargs.get("root") and os.geteuid() != 0:
            lacking.append("this is not root")
        if lacking and os.environ.get("CI") == "true":
            pytest.fail(f"CI skips nothing, but {', '.join(lacking)}", pytrace=False)
        if lacking:
            pytest.skip(", ".join(lacking))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """Show the log of every server that a failed test had."""
    report = yield
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            servers = value.servers if isinstance(value, Launcher) else [value]
            for server in servers:
                if isinstance(server, Server):
                    report.sections.append((f"log of radiusd {server.process.pid}", server.log[-20000:]))
    return report


@pytest.fixture
def run_server(database: str, tmp_path: Path) -> Iterator[Launcher]:
    """Start servers of one's own, with settings: `run_server(workers=1, reject_delay=1)`; 127.0.0.1 is a client."""
    add_client(database, "127.0.0.1/32", name="here")
    launcher = Launcher(database, tmp_path)
    yield launcher
    left_running = [server for server in launcher.servers if server.process.poll() is None]
    codes = [server.stop() for server in left_running]
    for server in launcher.servers:
        server.discard()
    assert codes == [0] * len(codes)


@pytest.fixture(scope="module")
def module_database(postgres: Embedded, template: str) -> Iterator[str]:
    """Give the URL of a database that the tests of a module share."""
    yield from fresh_database(postgres, template)


@pytest.fixture(scope="module")
def server(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server that the tests of a module share, so each takes names of its own; 127.0.0.1 is a client."""
    add_client(module_database, "127.0.0.1/32", name="here")
    running = start(module_database, tmp_path_factory.mktemp("radiusd"))
    yield running
    assert running.stop() == 0


@pytest.fixture
def fresh() -> Callable[[str], str]:
    """Make names that no other test uses."""
    return lambda stem: f"{stem}-{uuid.uuid4().hex[:8]}"
