"""Errors to HTTP: every refusal is a problem+json (RFC 9457) that names the field where one is wrong.

The rule: what was sent is never repeated in an answer, since it may hold a password; what went wrong
inside is in the log, not in the answer.
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import psycopg
import sqlalchemy.exc
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from radiusd.errors import ApiError

MEDIA_TYPE: Final = "application/problem+json"


class FieldError(BaseModel):
    """One wrong field, as a path into the request: `reply[2].value`."""

    field: str
    message: str


class Problem(BaseModel):
    """The body of every error."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    field: str | None = Field(None, description="The wrong field of the request, where there is one.")
    errors: list[FieldError] = Field([], description="All wrong fields.")


RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    status: {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status in (401, 403, 404, 409, 412, 422, 503)
}


def respond(
    status: int,
    detail: str,
    *,
    title: str | None = None,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Make the answer for one error."""
    problem = Problem(
        title=title or HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        field=errors[0].field if errors else None,
        errors=list(errors),
    )
    body = json.dumps(problem.model_dump(exclude_none=True), ensure_ascii=True)
    return Response(body, status, dict(headers or {}), MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make `app` answer all errors in this form, and say so in its description."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        description = describe()
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        description["components"]["schemas"] |= {**problem.pop("$defs"), "Problem": problem}
        return description

    app.openapi = openapi  # type: ignore[method-assign]
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(sqlalchemy.exc.SQLAlchemyError, _database_error)
    app.add_exception_handler(psycopg.Error, _database_error)
    app.add_exception_handler(Exception, _unexpected)


def field_path(location: Sequence[int | str]) -> str:
    """Write a place in the request as `reply[2].value`; where it lies (body, query) is left out."""
    path = ""
    for part in location[1:]:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else part
    return path or str(location[0] if location else "body")


async def _api_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 - it is registered for this class
    errors = [FieldError(field=error.field, message=str(error))] if error.field else []
    headers = {"WWW-Authenticate": 'Bearer realm="radiusd"'} if error.status == HTTPStatus.UNAUTHORIZED else None
    return respond(error.status, str(error), title=error.title, errors=errors, headers=headers)


async def _validation_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - it is registered for this class
    errors = [_field_error(entry) for entry in error.errors()]
    detail = "; ".join(f"{entry.field}: {entry.message}" for entry in errors[:3])
    return respond(422, detail or "the request cannot be read", errors=errors)


def _field_error(entry: Mapping[str, Any]) -> FieldError:
    if entry["type"] == "json_invalid":
        return FieldError(field="body", message="this is not JSON")
    message = str(entry["msg"]).removeprefix("Value error, ")
    if entry["type"] == "extra_forbidden":
        message = "there is no such field"
    return FieldError(field=field_path(entry["loc"]), message=message[:1].lower() + message[1:])


async def _http_exception(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for this class
    details = {404: "there is nothing at this path", 405: "this path does not take that method"}
    detail = details.get(error.status_code, str(error.detail))
    return respond(error.status_code, detail, headers=error.headers)


async def _database_error(request: Request, error: Exception) -> Response:
    """Tell a database that is away, which mends itself, from a value that it refuses and from our own mistakes."""
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, psycopg.DataError):
        return respond(422, f"the database refuses a value: {_first_line(cause)}")
    away = (psycopg.OperationalError, psycopg.InterfaceError, sqlalchemy.exc.TimeoutError)
    if not isinstance(cause, away):
        return await _unexpected(request, error)
    structlog.get_logger().warning("database-away", path=request.url.path, reason=_first_line(cause))
    return respond(503, "the database cannot be reached at the moment", headers={"Retry-After": "2"})


async def _unexpected(request: Request, error: Exception) -> Response:
    structlog.get_logger().error("request-failed", method=request.method, path=request.url.path, exc_info=error)
    return respond(500, "this is a mistake of the server; its log says more")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
