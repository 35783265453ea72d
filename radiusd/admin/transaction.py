"""One request, one transaction: the route class of all of /api/v1.

The rule: an endpoint never commits. What it did is committed when its answer stands, with the answer
itself where the request has an Idempotency-Key, and rolled back when it raises. A write to the policy
is answered when this process has it in its snapshot, or after `SEEN_WITHIN` seconds. The workers hear of it
at the same time and by themselves; nothing that they say of themselves could be waited for, since each
numbers its snapshots on its own.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Coroutine
from inspect import signature
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Query, Request, Response
from fastapi.routing import APIRoute
from sqlalchemy import Table, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from radiusd.admin.deps import authenticate
from radiusd.admin.services import services
from radiusd.errors import ApiError
from radiusd.store import rows
from radiusd.store.freeradius import Base
from radiusd.store.schema import SCHEMA, Change
from radiusd.store.tokens import Bearer

ANSWERS: Final[Table] = Base.metadata.tables[f"{SCHEMA}.idempotency"]
KEPT_HEADERS: Final = ("content-type", "etag", "location")
WRITES: Final = frozenset(("POST", "PUT", "PATCH", "DELETE"))
LONGEST_KEY: Final = 255

SEEN_WITHIN: Final = 1.0  # seconds
# Whether the triggers noted a change of the policy in this transaction.
_CHANGED: Final = select(Change.id).where(Change.xid == func.pg_current_xact_id_if_assigned()).limit(1)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


async def _try_only(
    request: Request,
    dry_run: Annotated[bool, Query(description="Answer as if it were done, and do nothing.")] = False,
) -> None:
    request.state.dry_run = dry_run


async def _keyed(
    _key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="A text of your own for this request, once for all its repetitions: within 24 hours they"
            " are answered with what the first was answered, and do nothing.",
            json_schema_extra={"minLength": 1, "maxLength": LONGEST_KEY},
        ),
    ] = None,
) -> None:
    """Describe the header; `_once` honours it."""


class Transaction(APIRoute):
    """A route whose endpoint runs in a transaction, for a bearer; writes take `dry_run` and Idempotency-Key."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if not WRITES.isdisjoint(options.get("methods") or ()):
            taken = [Depends(_keyed)]
            if "dry_run" not in signature(endpoint).parameters:
                taken.append(Depends(_try_only))
            options["dependencies"] = [*(options.get("dependencies") or ()), *taken]
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handler:
        """Wrap FastAPI's handler."""
        endpoint = super().get_route_handler()

        async def handle(request: Request) -> Response:
            bearer = await authenticate(request)
            request.state.bearer = bearer
            policy = services(request).policy
            async with services(request).engine.begin() as conn:
                request.state.conn = conn
                if request.method not in WRITES:
                    return await endpoint(request)
                key = request.headers.get("Idempotency-Key")
                if key is None:
                    response = await endpoint(request)
                else:
                    response = await _once(conn, bearer, key, request, endpoint)
                if getattr(request.state, "dry_run", False):
                    await conn.rollback()
                    return response
                changed = (await conn.execute(_CHANGED)).first() is not None
                generation = policy.generation
            if changed:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(SEEN_WITHIN):
                        await policy.wait_for(lambda snapshot: snapshot.generation > generation)
            return response

        return handle


async def _once(conn: AsyncConnection, bearer: Bearer, key: str, request: Request, endpoint: Handler) -> Response:
    """Run `endpoint` for the first request with this key; answer the later ones with what it answered.

    An endpoint that answers with a secret leaves in `request.state.kept_body` what may be kept of it.
    """
    if not 0 < len(key) <= LONGEST_KEY:
        raise ApiError(422, f"a key has 1 to {LONGEST_KEY} characters", field="Idempotency-Key")
    target = f"{request.url.path}?{request.url.query}"
    request_hash = hashlib.sha256(f"{request.method} {target}\n".encode() + await request.body()).digest()
    await rows.lock(conn, f"idempotency {bearer.id}", key)
    query = select(ANSWERS).where(ANSWERS.c.key == key, ANSWERS.c.token_id == bearer.id)
    known = (await conn.execute(query)).mappings().first()
    if known is not None:
        if known["request_hash"] != request_hash:
            raise ApiError(422, "this key came with another request before", field="Idempotency-Key")
        return Response(known["body"], known["status"], known["headers"])
    response = await endpoint(request)
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    await conn.execute(
        insert(ANSWERS).values(
            key=key,
            token_id=bearer.id,
            method=request.method,
            path=request.url.path,
            request_hash=request_hash,
            status=response.status_code,
            headers=headers,
            body=getattr(request.state, "kept_body", None) or bytes(response.body),
            created_at=func.now(),
        )
    )
    return response
