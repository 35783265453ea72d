"""/api/v1/groups: the policy of a group, a typed view of radgroupcheck and radgroupreply."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from radiusd.admin.deps import Admin, Attributes, By, Connection, IfMatch, Viewer, located, tagged
from radiusd.admin.paging import Paging
from radiusd.admin.transaction import Transaction
from radiusd.store import groups
from radiusd.store.resources import GroupCreate, GroupIn, GroupOut, GroupPatch, Name, Page

router = APIRouter(prefix="/groups", tags=["groups"], route_class=Transaction)


@router.get("", summary="List groups", dependencies=[Viewer])
async def find(conn: Connection, paging: Annotated[Paging, Query()]) -> Page[GroupOut]:
    """List groups by name, those that only have members too."""
    return await groups.find(conn, **paging.model_dump())


@router.post("", summary="Create a group", status_code=201, dependencies=[Admin])
async def create(conn: Connection, dictionary: Attributes, by: By, group: GroupCreate, response: Response) -> GroupOut:
    """Create a group, with or without a policy."""
    made = await groups.create(conn, dictionary, by, group)
    located(response, "groups", made.name)
    return tagged(response, made)


@router.get("/{name:path}", summary="Read a group", dependencies=[Viewer])
async def get(conn: Connection, name: Name, response: Response) -> GroupOut:
    """Read one group."""
    return tagged(response, await groups.get(conn, name))


@router.put("/{name:path}", summary="Create or replace a group", dependencies=[Admin])
async def put(
    conn: Connection,
    dictionary: Attributes,
    by: By,
    name: Name,
    group: GroupIn,
    response: Response,
    if_match: IfMatch = None,
) -> GroupOut:
    """Replace the whole policy; its members stay."""
    kept, is_new = await groups.put(conn, dictionary, by, name, group, if_match=if_match)
    if is_new:
        located(response, "groups", name)
    return tagged(response, kept)


@router.patch("/{name:path}", summary="Change a group", dependencies=[Admin])
async def patch(
    conn: Connection,
    dictionary: Attributes,
    by: By,
    name: Name,
    changes: GroupPatch,
    response: Response,
    if_match: IfMatch = None,
) -> GroupOut:
    """Change the fields that are sent; null takes one away."""
    return tagged(response, await groups.patch(conn, dictionary, by, name, changes, if_match=if_match))


@router.delete("/{name:path}", summary="Delete a group", status_code=204, dependencies=[Admin])
async def remove(
    conn: Connection,
    by: By,
    name: Name,
    with_members: Annotated[bool, Query(description="Delete its memberships too.")] = False,
    if_match: IfMatch = None,
) -> None:
    """Delete a group; refused while users are in it, unless their memberships are to go too."""
    await groups.remove(conn, by, name, if_match=if_match, with_members=with_members)
