import asyncio
import json
import time
from dataclasses import replace

import httpx
import pytest

from radiusd.admin.app import create_app
from radiusd.admin.health import read_workers
from radiusd.store import engines


def report(folder, index, **fields):
    status = {"pid": 1, "at": time.time(), "generation": 1, "policy_ok": True, "database_ok": True, "problems": 0}
    status |= {"queue": 0, "error": None, **fields}
    (folder / f"worker-{index}.json").write_text(json.dumps(status))


@pytest.fixture
def workers(services):
    for index in range(services.settings.workers):
        report(services.runtime_dir, index)


async def test_a_living_process_is_healthy(connect):
    assert (await connect(None).get("http://radiusd/healthz")).json() == {"status": "ok"}


@pytest.mark.usefixtures("workers")
async def test_ready_when_workers_answer_and_postgres_is_there(connect):
    answer = await connect(None).get("http://radiusd/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert (answer.json()["missing"], answer.json()["warnings"]) == ([], [])
    assert [worker["ready"] for worker in answer.json()["workers"]] == [True, True]
    assert answer.json()["schema_revision"]


async def test_not_ready_without_a_worker(connect):
    answer = await connect(None).get("http://radiusd/readyz")
    assert (answer.status_code, answer.json()["missing"]) == (503, ["no worker answers RADIUS"])


@pytest.mark.parametrize("fields", [{"at": 0}, {"policy_ok": False}])
async def test_a_worker_that_hangs_or_has_no_policy_does_not_count(connect, services, fields):
    report(services.runtime_dir, 0, **fields)
    assert (await connect(None).get("http://radiusd/readyz")).status_code == 503
    report(services.runtime_dir, 1)
    answer = await connect(None).get("http://radiusd/readyz")
    assert answer.status_code == 200
    assert "1 of 2 workers answer RADIUS" in answer.json()["warnings"]


@pytest.mark.usefixtures("workers")
async def test_a_bad_row_is_named_and_nothing_else_stops(connect, sql, services):
    await sql("INSERT INTO radcheck (username, attribute, op, value) VALUES ('bob', 'No-Such-Thing', ':=', 'x')")
    deadline = time.monotonic() + 10
    while not services.policy.snapshot.problems:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    answer = await connect(None).get("http://radiusd/readyz")
    assert answer.status_code == 200
    (warning,) = answer.json()["warnings"]
    assert "No-Such-Thing" in warning
    assert "bob" in warning


@pytest.mark.usefixtures("workers")
async def test_a_newer_schema_is_said(connect, sql):
    await sql("UPDATE radiusd.alembic_version SET version_num = '9999'")
    answer = await connect(None).get("http://radiusd/readyz")
    assert answer.status_code == 200
    assert any("newer" in warning for warning in answer.json()["warnings"])


@pytest.mark.usefixtures("workers")
async def test_a_database_that_is_away_is_missed(services):
    away = engines.make("postgresql://nobody@127.0.0.1:1/nothing")
    app = create_app(replace(services, engine=away))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://radiusd") as client:
        answer = await client.get("http://radiusd/readyz")
        assert answer.status_code == 503
        assert answer.json()["missing"][0].startswith("Postgres cannot be reached")
        refused = await client.get(
            "http://radiusd/api/v1/users", headers={"Authorization": "Bearer radiusd_00000000_x"}
        )
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert refused.headers["content-type"] == "application/problem+json"
    await away.dispose()


async def test_metrics_are_printed(connect):
    answer = await connect(None).get("http://radiusd/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "radiusd_packets" in answer.text


def test_a_broken_status_file_is_a_worker_that_is_not_ready(tmp_path):
    (tmp_path / "worker-0.json").write_text("{")
    (tmp_path / "worker-1.json").write_text("[]")
    assert [worker.ready for worker in read_workers(tmp_path, 0.0)] == [False, False]
