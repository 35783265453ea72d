"""/api/v1/tokens: who may use this API."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from radiusd.admin.deps import Admin, By, Connection, located
from radiusd.admin.paging import Paging
from radiusd.admin.transaction import Transaction
from radiusd.store import tokens
from radiusd.store.records import TokenCreated, TokenIn, TokenOut
from radiusd.store.resources import Page

router = APIRouter(prefix="/tokens", tags=["tokens"], route_class=Transaction, dependencies=[Admin])


@router.get("", summary="List tokens")
async def find(conn: Connection, paging: Annotated[Paging, Query()]) -> Page[TokenOut]:
    """List tokens by name, revoked and expired ones too."""
    return await tokens.find(conn, **paging.model_dump())


@router.post("", summary="Create a token", status_code=201)
async def create(conn: Connection, by: By, token: TokenIn, request: Request, response: Response) -> TokenCreated:
    """Create a token; its text is in this answer and nowhere else.

    It is not kept: where the request is repeated with the same Idempotency-Key, the answer is the first one
    with `"token": null`. Whoever missed the first answer revokes the token and creates another.
    """
    made = await tokens.create(conn, by, token)
    located(response, "tokens", str(made.id))
    request.state.kept_body = made.model_copy(update={"token": None}).model_dump_json(warnings=False).encode()
    return made


@router.get("/{token_id}", summary="Read a token")
async def get(conn: Connection, token_id: UUID) -> TokenOut:
    """Read one token."""
    return await tokens.get(conn, token_id)


@router.delete("/{token_id}", summary="Revoke a token")
async def revoke(conn: Connection, by: By, token_id: UUID) -> TokenOut:
    """Revoke a token: the next request with it is refused."""
    return await tokens.revoke(conn, by, token_id)
