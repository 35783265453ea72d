"""Errors to HTTP: every refusal is a problem+json (RFC 9457) that names the field where one is wrong.

The rule: what was sent is never repeated in an answer or a log, since it may hold a password; what went
wrong inside is in the log, once and not in the answer.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from traceback import TracebackException
from typing import Any, Final

import psycopg
import sqlalchemy.exc
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radiusd.errors import ApiError

MEDIA_TYPE: Final = "application/problem+json"
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
DETAILS: Final = {
    404: "there is nothing at this path",
    405: "this path does not take that method",
    413: "a body may have at most 1 MiB",
}


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
    """Make `app` answer all errors in this form."""
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(ClientDisconnect, _disconnected)
    app.add_exception_handler(sqlalchemy.exc.SQLAlchemyError, _database_error)
    app.add_exception_handler(psycopg.Error, _database_error)
    app.add_middleware(_Failures)


class _Failures:
    """The ASGI layer that answers, and logs, what nobody expected.

    A handler registered for Exception would not do: the exception goes on to the server, which logs it again.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as error:
            if started or scope["type"] != "http":
                raise
            await _unexpected(Request(scope), error)(scope, receive, send)


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


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - it is registered for this class
    entries = error.errors()
    unparsable = next((entry for entry in entries if entry["type"] == "json_invalid"), None)
    if unparsable is not None:
        place = f"{unparsable['ctx']['error']} at character {unparsable['loc'][-1]}"
        return _bad_body(f"this is not JSON: {place}")
    errors = [_field_error(entry) for entry in entries]
    if errors and errors[0].field == "body" and not _is_json(request):
        errors = [FieldError(field="body", message="send JSON, and the header `Content-Type: application/json`")]
    detail = "; ".join(f"{entry.field}: {entry.message}" for entry in errors[:3])
    return respond(422, detail or "the request cannot be read", errors=errors)


def _bad_body(message: str) -> Response:
    return respond(400, f"body: {message}", errors=[FieldError(field="body", message=message)])


def _is_json(request: Request) -> bool:
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def _field_error(entry: Mapping[str, Any]) -> FieldError:
    message = str(entry["msg"]).removeprefix("Value error, ")
    if entry["type"] == "extra_forbidden":
        message = "there is no such field"
    return FieldError(field=field_path(entry["loc"]), message=message[:1].lower() + message[1:])


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for this class
    status = error.status_code
    if status == HTTPStatus.BAD_REQUEST:
        reasons: dict[type, str] = {
            UnicodeDecodeError: "this is not UTF-8",
            RecursionError: "this is nested too deeply",
        }
        return _bad_body(reasons.get(type(error.__cause__), "this cannot be read as JSON"))
    headers = dict(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request)) or headers.get("Allow", "")
    return respond(status, DETAILS.get(status, str(error.detail)), headers=headers)


def _allowed(request: Request) -> Iterator[str]:
    """Name all methods that some route takes at the path of the request."""
    asked = {name: request.scope[name] for name in ("type", "path", "root_path", "headers", "app")}
    for method in METHODS:
        if any(route.matches({**asked, "method": method})[0] is Match.FULL for route in request.app.routes):
            yield method


async def _disconnected(_request: Request, _error: Exception) -> Response:
    return _bad_body("it ended before all of it was there")


async def _database_error(request: Request, error: Exception) -> Response:
    """Tell a database that is away, which mends itself, from a value that it refuses and from our own mistakes."""
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, psycopg.DataError):
        return respond(422, f"the database refuses a value: {_first_line(cause)}")
    away = (psycopg.OperationalError, psycopg.InterfaceError, sqlalchemy.exc.TimeoutError)
    if not isinstance(cause, away):
        return _unexpected(request, error)
    structlog.get_logger().warning("database-away", path=request.url.path, reason=_first_line(cause))
    return respond(503, "the database cannot be reached at the moment", headers={"Retry-After": "2"})


def _unexpected(request: Request, error: BaseException) -> Response:
    structlog.get_logger().error(
        "request-failed", method=request.method, path=request.url.path, exception="\n".join(_frames(error))
    )
    return respond(500, "this is a mistake of the server; its log says more")


def _frames(error: BaseException) -> Iterator[str]:
    """Write where `error` arose, and what led to it, without the messages: those may quote the request.

    Of Postgres's errors the main message is kept, which names tables and columns; rows are in the detail.
    """
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _frames(cause)
    yield "".join(TracebackException.from_exception(error).stack.format()).rstrip()
    told = f": {error.sqlstate} {error.diag.message_primary}" if isinstance(error, psycopg.Error) else ""
    yield f"{type(error).__module__}.{type(error).__qualname__}{told}"


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
