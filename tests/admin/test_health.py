import asyncio
import json
import time
from dataclasses import replace

import httpx
import pytest

from radiusd.admin.app import create_app
from radiusd.admin.health import SchemaVerdict, read_workers
from radiusd.errors import StoreError
from radiusd.store import engines, migrate


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


@pytest.mark.parametrize("fields", [{"at": 0}, {"at": 9e12}, {"policy_ok": False}, {"policy_ok": "yes"}])
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
async def test_a_schema_that_is_gone_is_said(connect, sql):
    await sql("DROP TABLE radiusd.alembic_version")
    answer = await connect(None).get("http://radiusd/readyz")
    assert (answer.status_code, answer.json()["schema_revision"]) == (200, None)
    assert any("radiusd db upgrade" in warning for warning in answer.json()["warnings"])


@pytest.mark.usefixtures("workers")
async def test_the_schema_is_judged_anew_when_it_changes(connect, sql, database):
    client = connect(None)
    wanted = migrate.check(database).wanted
    for revision, warned in ((wanted, False), ("9999", True), (wanted, False)):
        await sql(f"UPDATE radiusd.alembic_version SET version_num = '{revision}'")
        told = (await client.get("http://radiusd/readyz")).json()
        assert (told["schema_revision"], bool(told["warnings"])) == (revision, warned)


async def test_while_the_schema_is_the_same_nothing_is_opened_to_judge_it(database):
    verdict = SchemaVerdict(database)
    current = migrate.check(database).wanted
    first = await verdict.judge(current)
    verdict._conninfo = "postgresql://nobody@127.0.0.1:1/nothing"
    assert (first.verdict, await verdict.judge(current)) == ("current", first)
    with pytest.raises(StoreError):
        await verdict.judge("9999")


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


@pytest.mark.parametrize("path", ["healthz", "readyz", "metrics"])
@pytest.mark.usefixtures("workers")
async def test_monitoring_may_ask_for_the_head_alone(connect, path):
    client = connect(None)
    heads, whole = await client.head(f"http://radiusd/{path}"), await client.get(f"http://radiusd/{path}")
    assert (heads.status_code, heads.headers["content-type"]) == (200, whole.headers["content-type"])


async def test_metrics_are_printed(connect):
    answer = await connect(None).get("http://radiusd/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "radiusd_packets" in answer.text


def test_a_broken_status_file_is_a_worker_that_is_not_ready(tmp_path):
    (tmp_path / "worker-0.json").write_text("{")
    (tmp_path / "worker-1.json").write_text("[]")
    assert [worker.ready for worker in read_workers(tmp_path, 0.0)] == [False, False]


def test_a_status_file_may_say_less_more_or_other_things(tmp_path):
    (tmp_path / "worker-0.json").write_text('{"at": 100.0, "policy_ok": true, "mood": "fine"}')
    report(tmp_path, 1, at=100.0, pid="four", queue=None, generation=[], error=5)
    for worker in read_workers(tmp_path, 101.0):
        assert (worker.ready, worker.age, worker.pid, worker.queue, worker.error) == (True, 1.0, None, None, None)
