"""The OpenAPI document (3.1): what FastAPI reads off the endpoints, made complete.

The rule: an operation names the refusals that it can answer with and no others, each by reference to one
description; the main bodies have examples that work, in this order, on an empty server.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fastapi import FastAPI

from radiusd.admin.body_limit import MOST
from radiusd.admin.deps import API
from radiusd.admin.examples import BODIES, NAMES
from radiusd.admin.problems import MEDIA_TYPE, Problem

INTRODUCTION: Final = f"""\
Send a token as `Authorization: Bearer …`; `radiusd token create` makes one. The role that an operation needs is
named with it: viewers read, operators also write users and act on sessions, admins do everything.

Every refusal is a problem (RFC 9457, `{MEDIA_TYPE}`) that names the wrong field where there is one. A method that
a path does not have is answered with 405 and the header Allow. Lists come in pages: `next` is the `cursor` of the
page that follows. Writes take `dry_run`, to see the answer without the deed, and `Idempotency-Key`, to be repeated
safely. A body has at most {MOST >> 20} MiB.
"""

ETAG: Final = {"description": "The version, for If-Match.", "schema": {"type": "string"}}
LOCATION: Final = {"description": "The path of what was created.", "schema": {"type": "string"}}

REFUSALS: Final[dict[int, str]] = {
    400: "The body cannot be read: it is not JSON, not UTF-8, or incomplete; `field` is `body`.",
    401: "There is no token, or it is unknown, expired or revoked.",
    403: "The token's role does not suffice.",
    404: "There is no such item.",
    405: "The path does not take this method; Allow names those that it takes.",
    409: "It conflicts with what is there: the name or address is taken, or the item is in use.",
    412: "The item is not what If-Match says; a weak tag never matches.",
    413: "The body is too large.",
    422: "A field is wrong: `field` names the first, `errors` all.",
    503: "The database, or the policy, is not there at the moment; try again.",
}
HEADERS: Final[dict[int, dict[str, Any]]] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    405: {"Allow": {"schema": {"type": "string"}}},
    503: {"Retry-After": {"description": "Seconds.", "schema": {"type": "string"}}},
}
# Collections whose items have names that may be taken, and versions.
NAMED: Final = tuple(f"{API}/{name}" for name in ("users", "groups", "clients"))
# What else may collide: a client's new name or address; a group that has members.
CONFLICTS: Final = (
    ("put", f"{API}/clients/{{name}}"),
    ("patch", f"{API}/clients/{{name}}"),
    ("delete", f"{API}/groups/{{name}}"),
)


def install(app: FastAPI) -> None:
    """Make `app` describe itself so."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        document = describe()
        if "responses" not in document["components"]:
            _complete(document)
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(document: dict[str, Any]) -> None:
    components = document["components"]
    schemas = components["schemas"]
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= {**problem.pop("$defs"), "Problem": problem}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["TokenCreated"]["properties"]["token"] = {
        "type": ["string", "null"],
        "description": "Shown this once; null when a request is repeated with its Idempotency-Key.",
    }
    components["responses"] = {f"Refusal{status}": _refusal(status) for status in REFUSALS}
    for path, operations in document["paths"].items():
        if path.startswith(API):
            for method, operation in operations.items():
                _answers(path, method, operation)
                _examples(path, method, operation)


def _refusal(status: int) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    headers = {"headers": HEADERS[status]} if status in HEADERS else {}
    return {"description": REFUSALS[status], "content": content, **headers}


def _answers(path: str, method: str, operation: dict[str, Any]) -> None:
    """Describe the headers of a success, and every refusal that can occur."""
    responses = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
    if method == "put":
        responses["201"] = {**responses["200"], "description": "Created"}
    if path.startswith(NAMED) and not (path in NAMED and method == "get"):
        for status, answer in responses.items():
            if status != "204":
                answer["headers"] = {"ETag": ETAG}
    if "201" in responses:
        responses["201"]["headers"] = {**responses["201"].get("headers", {}), "Location": LOCATION}
    for status in sorted(_possible(path, method, operation)):
        responses[str(status)] = {"$ref": f"#/components/responses/Refusal{status}"}
    operation["responses"] = responses


def _possible(path: str, method: str, operation: Mapping[str, Any]) -> Iterator[int]:
    """Name the refusals of an operation."""
    yield from (401, 405, 503)
    if any("viewer" not in roles for scheme in operation["security"] for roles in scheme.values()):
        yield 403
    parameters = operation.get("parameters", [])
    if any(parameter["in"] == "path" for parameter in parameters) and method != "put":
        yield 404
    if any(parameter["name"] == "If-Match" for parameter in parameters):
        yield 412
    if "requestBody" in operation:
        yield from (400, 413)
    if "requestBody" in operation or parameters:
        yield 422
    if (path in NAMED and method == "post") or (method, path) in CONFLICTS:
        yield 409


def _examples(path: str, method: str, operation: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path" and path.startswith(tuple(NAMES)):
            parameter["example"] = next(name for start, name in NAMES.items() if path.startswith(start))
    bodies = BODIES.get((method, path))
    if bodies is not None:
        examples = {key: {"summary": key, "value": body} for key, body in bodies.items()}
        operation["requestBody"]["content"]["application/json"]["examples"] = examples
