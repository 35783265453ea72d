"""Who may do what, and what endpoints ask for: the bearer, the connection of the request, the actor.

The rule: viewers read; operators also write users and act on sessions; admins do everything. The
token is looked up at each request, so that revoking it ends it at once.
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import Annotated, Final, Protocol, TypeVar
from urllib.parse import quote
from uuid import UUID

from fastapi import Depends, Header, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.ext.asyncio import AsyncConnection

from radiusd.admin.services import Services, services
from radiusd.dictionary.attributes import Dictionary
from radiusd.errors import ApiError
from radiusd.store import tokens
from radiusd.store.audit import Actor
from radiusd.store.records import Role
from radiusd.store.tokens import Bearer

API: Final = "/api/v1"
BOOTSTRAP: Final = Bearer(UUID(int=0), "bootstrap", "admin")
RANK: Final[dict[Role, int]] = {"viewer": 0, "operator": 1, "admin": 2}

_scheme = HTTPBearer(auto_error=False, description="A token of /api/v1/tokens, or the bootstrap token.")


async def authenticate(request: Request) -> Bearer:
    """Return whose request it is; ApiError 401 when it carries no token that is in force."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise ApiError(401, "send a token: `Authorization: Bearer …`")
    parts = services(request)
    bootstrap = parts.settings.admin_token
    if bootstrap is not None and _equal(token, bootstrap.get_secret_value()):
        return BOOTSTRAP
    async with parts.engine.begin() as conn:
        bearer = await tokens.authenticate(conn, token)
    if bearer is None:
        raise ApiError(401, "the token is unknown, expired or revoked")
    return bearer


def _equal(given: str, wanted: str) -> bool:
    digests = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (given, wanted)]
    return hmac.compare_digest(*digests)


def role(least: Role) -> Callable[..., None]:
    """Make the dependency that lets in bearers of `least` and above; ApiError 403 for others."""

    def allow(
        request: Request,
        _credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_scheme, scopes=[least])] = None,
    ) -> None:
        bearer: Bearer = request.state.bearer
        if RANK[bearer.role] < RANK[least]:
            raise ApiError(403, f"the token {bearer.name!r} has the role {bearer.role}; this needs {least}")

    return allow


def _connection(request: Request) -> AsyncConnection:
    conn = request.state.conn
    assert isinstance(conn, AsyncConnection)  # noqa: S101 - the route opened it
    return conn


def _actor(request: Request) -> Actor:
    bearer: Bearer = request.state.bearer
    return Actor(f"token:{bearer.name}", request.client.host if request.client else "")


def _dictionary(request: Request) -> Dictionary:
    return services(request).dictionary


def _if_match(
    request: Request,
    _described: Annotated[
        str | None, Header(alias="If-Match", description="The ETag that the item must still have, or `*`.")
    ] = None,
) -> str | None:
    """Return the tags of If-Match that can match: a weak one never does (RFC 9110, 13.1.1)."""
    lines = request.headers.getlist("If-Match")
    tags = [tag.strip() for line in lines for tag in line.split(",")]
    return ",".join(tag for tag in tags if not tag.startswith("W/")) if lines else None


class Versioned(Protocol):
    """What has an ETag."""

    version: str


Out = TypeVar("Out", bound=Versioned)


def tagged(response: Response, out: Out) -> Out:
    """Set the ETag of `out` and return it."""
    response.headers["ETag"] = f'"{out.version}"'
    return out


def located(response: Response, *place: str) -> None:
    """Answer 201, with the path of what was created: its collection and its name."""
    response.status_code = 201
    response.headers["Location"] = "/".join((API, *(quote(part, safe="") for part in place)))


Connection = Annotated[AsyncConnection, Depends(_connection)]
By = Annotated[Actor, Depends(_actor)]
Attributes = Annotated[Dictionary, Depends(_dictionary)]
Parts = Annotated[Services, Depends(services)]
IfMatch = Annotated[str | None, Depends(_if_match)]
Viewer = Depends(role("viewer"))
Operator = Depends(role("operator"))
Admin = Depends(role("admin"))
