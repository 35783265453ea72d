"""`radiusd token`: bearer tokens of the REST side; a token's text is shown once, at its making."""

import sys
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer

from radiusd.cli import database, duration, fields, listing
from radiusd.cli.listing import Column
from radiusd.store import tokens
from radiusd.store.records import TokenIn

app = typer.Typer(help="Tokens of the REST side.", no_args_is_help=True, rich_markup_mode=None)


class Role(StrEnum):
    """What a token may do."""

    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"


Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_COLUMNS = (
    Column("prefix", "prefix"),
    Column("name", "name"),
    Column("role", "role"),
    Column("created", "created_at", listing.moment),
    Column("expires", "expires_at", listing.moment),
    Column("last used", "last_used_at", listing.moment),
    Column("revoked", "revoked_at", listing.moment),
)


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    *,
    role: Annotated[Role, typer.Option(help="What it may do.")] = Role.VIEWER,
    expires_in: Annotated[int | None, typer.Option(parser=duration.parse, metavar="DURATION", help="30d, 12h.")] = None,
    as_json: Json = False,
) -> None:
    """Make a token and print it, this once: standard output has the token alone."""
    ends = None if expires_in is None else datetime.now(UTC) + timedelta(seconds=expires_in)
    wanted = fields.validated(TokenIn, {"name": name, "role": role, "expires_at": ends})
    made = database.work(context, lambda connection: tokens.create(connection, database.actor(), wanted))
    if as_json:
        listing.print_json(made.model_dump(mode="json"))
    else:
        sys.stdout.write(made.token + "\n")


@app.command("list")
def list_(context: typer.Context, *, as_json: Json = False) -> None:
    """List the tokens, revoked ones too."""
    found, _ = database.listed(
        context, lambda connection, limit, cursor: tokens.find(connection, limit=limit, cursor=cursor)
    )
    listing.print_list([token.model_dump(mode="json") for token in found], _COLUMNS, as_json=as_json)


@app.command()
def revoke(
    context: typer.Context,
    token: Annotated[str, typer.Argument(metavar="PREFIX", help="The token's prefix or id, as `list` shows it.")],
) -> None:
    """End a token at once."""
    ended = database.work(context, lambda connection: tokens.revoke(connection, database.actor(), token))
    sys.stdout.write(f"token {ended.name} revoked\n")
