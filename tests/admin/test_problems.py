import httpx
import psycopg
import pytest
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


async def answer_to(error: Exception) -> httpx.Response:
    app = FastAPI()
    problems.install(app)

    @app.get("/")
    async def fail() -> None:
        raise error

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
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
