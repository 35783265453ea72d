"""/api/v1/clients: the NAS that may talk to this server."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from radiusd.admin.deps import Admin, By, Connection, IfMatch, Viewer, located, tagged
from radiusd.admin.paging import Paging
from radiusd.admin.transaction import Transaction
from radiusd.store import clients
from radiusd.store.resources import ClientCreate, ClientIn, ClientOut, ClientPatch, Kind, Name, Page

router = APIRouter(prefix="/clients", tags=["clients"], route_class=Transaction)


class ClientFilters(Paging):
    """What a list of clients may be narrowed by."""

    kind: Kind | None = None


@router.get("", summary="List clients", dependencies=[Viewer])
async def find(conn: Connection, filters: Annotated[ClientFilters, Query()]) -> Page[ClientOut]:
    """List clients by name."""
    return await clients.find(conn, **filters.model_dump())


@router.post("", summary="Create a client", status_code=201, dependencies=[Admin])
async def create(conn: Connection, by: By, client: ClientCreate, response: Response) -> ClientOut:
    """Create a client; it may talk at once."""
    made = await clients.create(conn, by, client)
    located(response, "clients", made.name)
    return tagged(response, made)


@router.get("/{name:path}", summary="Read a client", dependencies=[Viewer])
async def get(conn: Connection, name: Name, response: Response) -> ClientOut:
    """Read one client; the secret is never shown."""
    return tagged(response, await clients.get(conn, name))


@router.put("/{name:path}", summary="Create or replace a client", dependencies=[Admin])
async def put(
    conn: Connection, by: By, name: Name, client: ClientIn, response: Response, if_match: IfMatch = None
) -> ClientOut:
    """Replace all fields; a secret that is not sent stays."""
    kept, is_new = await clients.put(conn, by, name, client, if_match=if_match)
    if is_new:
        located(response, "clients", name)
    return tagged(response, kept)


@router.patch("/{name:path}", summary="Change a client", dependencies=[Admin])
async def patch(
    conn: Connection, by: By, name: Name, changes: ClientPatch, response: Response, if_match: IfMatch = None
) -> ClientOut:
    """Change the fields that are sent; a new `name` renames the client."""
    return tagged(response, await clients.patch(conn, by, name, changes, if_match=if_match))


@router.delete("/{name:path}", summary="Delete a client", status_code=204, dependencies=[Admin])
async def remove(conn: Connection, by: By, name: Name, if_match: IfMatch = None) -> None:
    """Delete a client; from then on its packets get silence."""
    await clients.remove(conn, by, name, if_match=if_match)
