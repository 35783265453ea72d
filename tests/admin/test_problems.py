import httpx
import psycopg
import pytest
import structlog
from fastapi import FastAPI
from starlette.exceptions import HTTPException

from radiusd.admin import problems
from radiusd.errors import ApiError


@pytest.mark.parametrize(
    ("location", "path"),
    [
        (("body", "reply", 2, "value"), "reply[2].value"),
        (("query", "limit"), "limit"),
        (("body", 0), "[0]"),
        (("body",), "body"),
    ],
)
def test_a_place_in_a_request_is_written_as_people_write_it(location, path):
    assert problems.field_path(location) == path


async def answer_to(error: BaseException) -> httpx.Response:
    app = FastAPI()
    problems.install(app)

    @app.get("/")
    async def fail() -> None:
        raise error

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://radiusd") as client:
        answer = await client.get("/")
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["type"], answer.json()["status"]) == ("about:blank", answer.status_code)
    return answer


async def test_a_refusal_names_its_field():
    answer = await answer_to(ApiError(409, "taken", field="name"))
    assert answer.status_code == 409
    assert answer.json() == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "taken",
        "field": "name",
        "errors": [{"field": "name", "message": "taken"}],
    }


async def test_text_that_is_no_unicode_is_answered_all_the_same():
    assert (await answer_to(ApiError(422, "no \ud800"))).status_code == 422


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (psycopg.OperationalError("gone"), 503),
        (psycopg.errors.NumericValueOutOfRange("too much"), 422),
        (psycopg.errors.UndefinedTable("our mistake"), 500),
        (HTTPException(405), 405),
        (ZeroDivisionError("password=s3cret"), 500),
    ],
)
async def test_the_status_tells_whose_fault_it_is(error, status):
    answer = await answer_to(error)
    assert answer.status_code == status
    assert "s3cret" not in answer.text


async def test_what_is_away_may_be_asked_for_again():
    assert (await answer_to(psycopg.OperationalError("gone"))).headers["retry-after"] == "2"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "this is not JSON: Expecting property name enclosed in double quotes at character 1"),
        (b'{"password": s3cret}', "this is not JSON: Expecting value at character 13"),
        (b'{"username": "\xff"}', "this is not UTF-8"),
        (b"[" * 200_000, "this is nested too deeply"),
        (b'{"username": ' + b"1" * 5000 + b"}", "this cannot be read as JSON"),
    ],
)
async def test_a_body_that_cannot_be_read_is_named(api, body, message):
    answer = await api.post("users", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"] == [{"field": "body", "message": message}]
    assert (answer.json()["field"], answer.json()["detail"]) == ("body", f"body: {message}")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded"])
async def test_a_body_of_another_type_is_asked_for_as_json(api, media_type):
    answer = await api.post("users", content=b'{"username": "bob"}', headers={"Content-Type": media_type})
    assert (answer.status_code, answer.json()["field"]) == (422, "body")
    assert "application/json" in answer.json()["detail"]


async def test_a_mistake_is_logged_once_and_without_what_was_sent():
    class Quoting(psycopg.errors.NotNullViolation):
        """Says what Postgres would: the row that fails."""

    mistake = RuntimeError("for s3cret")
    mistake.__cause__ = Quoting("DETAIL: Failing row contains (1, bob, s3cret).")
    with structlog.testing.capture_logs() as lines:
        # The transport would raise here what had not ended at the answer.
        assert (await answer_to(mistake)).status_code == 500
    (line,) = lines
    assert (line["event"], line["method"], line["path"]) == ("request-failed", "GET", "/")
    assert "RuntimeError" in line["exception"]
    assert "Quoting" in line["exception"]
    assert "raise error" in line["exception"]
    assert "s3cret" not in str(line)


async def test_what_postgres_says_of_a_statement_of_ours_is_logged(database):
    with pytest.raises(psycopg.errors.UndefinedTable) as failed:
        async with await psycopg.AsyncConnection.connect(database) as connection:
            await connection.execute("SELECT 1 FROM nowhere")
    with structlog.testing.capture_logs() as lines:
        assert (await answer_to(failed.value)).status_code == 500
    assert '42P01 relation "nowhere" does not exist' in lines[0]["exception"]
