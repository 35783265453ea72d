"""/api/v1/users."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from radiusd.admin.deps import Attributes, By, Connection, IfMatch, Operator, Viewer, located, tagged
from radiusd.admin.paging import FilterText, Paging
from radiusd.admin.transaction import Transaction
from radiusd.store import users
from radiusd.store.resources import Name, Page, UserCreate, UserIn, UserOut, UserPatch

router = APIRouter(prefix="/users", tags=["users"], route_class=Transaction)


class UserFilters(Paging):
    """What a list of users may be narrowed by."""

    group: FilterText | None = None
    disabled: bool | None = None


@router.get("", summary="List users", dependencies=[Viewer])
async def find(conn: Connection, filters: Annotated[UserFilters, Query()]) -> Page[UserOut]:
    """List users by name."""
    return await users.find(conn, **filters.model_dump())


@router.post("", summary="Create a user", status_code=201, dependencies=[Operator])
async def create(conn: Connection, dictionary: Attributes, by: By, user: UserCreate, response: Response) -> UserOut:
    """Create a user."""
    made = await users.create(conn, dictionary, by, user)
    located(response, "users", made.username)
    return tagged(response, made)


@router.get("/{username:path}", summary="Read a user", dependencies=[Viewer])
async def get(conn: Connection, username: Name, response: Response) -> UserOut:
    """Read one user; the password is never shown."""
    return tagged(response, await users.get(conn, username))


@router.put("/{username:path}", summary="Create or replace a user", dependencies=[Operator])
async def put(
    conn: Connection,
    dictionary: Attributes,
    by: By,
    username: Name,
    user: UserIn,
    response: Response,
    if_match: IfMatch = None,
) -> UserOut:
    """Replace all fields; a password that is not sent stays."""
    kept, is_new = await users.put(conn, dictionary, by, username, user, if_match=if_match)
    if is_new:
        located(response, "users", username)
    return tagged(response, kept)


@router.patch("/{username:path}", summary="Change a user", dependencies=[Operator])
async def patch(
    conn: Connection,
    dictionary: Attributes,
    by: By,
    username: Name,
    changes: UserPatch,
    response: Response,
    if_match: IfMatch = None,
) -> UserOut:
    """Change the fields that are sent; null takes one away."""
    return tagged(response, await users.patch(conn, dictionary, by, username, changes, if_match=if_match))


@router.delete("/{username:path}", summary="Delete a user", status_code=204, dependencies=[Operator])
async def remove(conn: Connection, by: By, username: Name, if_match: IfMatch = None) -> None:
    """Delete a user's rows; sessions and logs keep the name."""
    await users.remove(conn, by, username, if_match=if_match)
