import multiprocessing
import os
import signal
import socket
import time

import httpx
import psycopg
import pytest

from radiusd.admin import process
from radiusd.config import Settings


def until(look, what, within=30.0):
    deadline = time.monotonic() + within
    while True:
        try:
            seen = look()
        except httpx.TransportError:
            seen = None
        if seen:
            return seen
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@pytest.fixture
def running(database, tmp_path, monkeypatch):
    """Run the admin process as the supervisor does."""
    metrics = tmp_path / "metrics"
    metrics.mkdir()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(metrics))
    settings = Settings(admin_token="bootstrap", data_dir=tmp_path, log_format="json")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        arguments = (settings, database, listener, tmp_path)
        child = multiprocessing.get_context("spawn").Process(target=process.run, args=arguments)
        child.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        yield child, url
        if child.is_alive():
            child.kill()
        child.join()


def test_it_serves_and_leaves_when_told(running, database):
    child, url = running
    until(lambda: httpx.get(f"{url}/healthz").status_code == 200, "it answers")
    headers = {"Authorization": "Bearer bootstrap"}
    made = httpx.post(f"{url}/api/v1/users", json={"username": "bob", "password": "x"}, headers=headers)
    assert made.status_code == 201
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT username FROM radcheck").fetchall() == [("bob",)]

    def leads():
        with psycopg.connect(database) as connection:
            return connection.execute("SELECT FROM radiusd.service WHERE key = 'heartbeat'").fetchone() is not None

    until(leads, "the reaper leaves a heartbeat")
    metrics = httpx.get(f"{url}/metrics")
    assert metrics.status_code == 200
    assert "python_info" not in metrics.text  # the metrics that all processes share, not this one's own
    assert httpx.get(f"{url}/readyz").status_code == 503  # there is no worker
    assert httpx.head(f"{url}/healthz").content == b""
    for body in (b" " * 4_000_000, iter([b" " * 1_000_000] * 4)):
        refused = httpx.post(
            f"{url}/api/v1/users", content=body, headers=headers | {"Content-Type": "application/json"}
        )
        assert refused.status_code == 413
    os.kill(child.pid, signal.SIGTERM)
    child.join(10)
    assert child.exitcode == 0
