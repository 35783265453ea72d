"""`radiusd user`: users, their passwords and groups, and their own rows of radcheck and radreply."""

import sys
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from radiusd.cli import database, fields, listing, secret
from radiusd.cli.context import dictionary, settings
from radiusd.cli.listing import Column
from radiusd.store import users
from radiusd.store.resources import Page, UserCreate, UserOut, UserPatch

app = typer.Typer(help="Users.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="The user's name.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
PasswordText = Annotated[str | None, typer.Option("--password", metavar="TEXT", help="Password; better not here.")]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]
PasswordFile = Annotated[Path | None, typer.Option(metavar="FILE", help="Read the password from a file.")]
Rows = Annotated[
    list[str] | None,
    typer.Option(metavar="'ATTR OP VALUE'", help="A further row; those given replace all further rows."),
]


def _names(value: object) -> str:
    return listing.cell([group["name"] for group in value] if isinstance(value, list) else None)


def _membership(value: object) -> str:
    return f"{value['name']} (priority {value['priority']})" if isinstance(value, dict) else "-"


_WRITERS = {"groups": _membership, "expires_at": listing.moment}
_CLEARABLE = [field for field in UserPatch.model_fields if field not in ("username", "disabled")]
_COLUMNS = (
    Column("name", "username"),
    Column(
        "groups",
        "groups",
        lambda value: listing.cell([group["name"] for group in value] if isinstance(value, list) else None),
    ),
    Column("password", "has_password"),
    Column("disabled", "disabled"),
    Column("expires", "expires_at", listing.moment),
    Column("static ip", "static_ip"),
)


def _account(
    *,
    group: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[:PRIORITY]", help="A group; those given replace all. Least priority first."),
    ] = None,
    disabled: Annotated[bool | None, typer.Option("--disabled/--enabled", help="Refuse every login.")] = None,
    expires_at: fields.Time = None,
    static_ip: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Framed-IP-Address.")] = None,
    check: Rows = None,
    reply: Rows = None,
) -> dict[str, object]:
    """Collect the account's fields from their options."""
    return {
        "groups": [fields.membership(text) for text in group or ()],
        "disabled": disabled,
        "expires_at": expires_at,
        "static_ip": static_ip,
        "check": [fields.item(text) for text in check or ()],
        "reply": [fields.item(text) for text in reply or ()],
    }


@app.command()
@fields.taking(_account)
def add(
    context: typer.Context,
    name: Name,
    *,
    password: PasswordText = None,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
    no_password: Annotated[bool, typer.Option("--no-password", help="Make the user without one.")] = False,
    as_json: Json = False,
    taken: Mapping[str, object],
) -> None:
    """Make a user; the password is asked for unless an option gives it."""
    given = fields.changes(taken, (), ())
    if not no_password:
        given["password"] = secret.required(
            "password", argument=password, from_stdin=password_stdin, file=password_file
        )
    elif password is not None or password_stdin or password_file is not None:
        raise typer.BadParameter("--no-password and a password cannot both be given")
    elif not given.keys() - {"disabled"} and not given.get("disabled"):
        raise typer.BadParameter("a user without a password needs something else to be kept by: give a --group")
    user = fields.validated(UserCreate, {"username": name, **given})
    names = dictionary(settings(context))
    made = database.work(context, lambda connection: users.create(connection, names, database.actor(), user))
    _show(made, as_json=as_json) if as_json else sys.stdout.write(f"user {made.username} added\n")


@app.command("set")
@fields.taking(_account)
def change(
    context: typer.Context,
    name: Name,
    *,
    password: PasswordText = None,
    password_stdin: PasswordStdin = False,
    password_file: PasswordFile = None,
    password_prompt: Annotated[bool, typer.Option("--password-prompt", help="Ask for a new password.")] = False,
    clear: fields.Clear = None,
    as_json: Json = False,
    taken: Mapping[str, object],
) -> None:
    """Change what the options name of a user."""
    ask = secret.required if password_prompt else secret.given
    given = dict(taken)
    given["password"] = ask("password", argument=password, from_stdin=password_stdin, file=password_file)
    wanted = fields.validated(UserPatch, fields.some(fields.changes(given, clear or (), _CLEARABLE)))
    names = dictionary(settings(context))
    made = database.work(context, lambda connection: users.patch(connection, names, database.actor(), name, wanted))
    _show(made, as_json=as_json) if as_json else sys.stdout.write(f"user {made.username} changed\n")


@app.command()
def show(context: typer.Context, name: Name, *, as_json: Json = False) -> None:
    """Show a user; never the password."""
    _show(database.work(context, lambda connection: users.get(connection, name)), as_json=as_json)


@app.command("list")
def list_(
    context: typer.Context,
    *,
    group: Annotated[str | None, typer.Option(metavar="NAME", help="Only members of this group.")] = None,
    disabled: Annotated[bool | None, typer.Option("--disabled/--enabled", help="Only these.")] = None,
    q: Annotated[str | None, typer.Option("-q", metavar="TEXT", help="Only names with TEXT in them.")] = None,
    as_json: Json = False,
) -> None:
    """List the users."""

    def page(connection: AsyncConnection, limit: int, cursor: str | None) -> Awaitable[Page[UserOut]]:
        return users.find(connection, limit=limit, cursor=cursor, q=q, group=group, disabled=disabled)

    found, _ = database.listed(context, page)
    listing.print_list([user.model_dump(mode="json") for user in found], _COLUMNS, as_json=as_json)


@app.command()
def rm(context: typer.Context, name: Name) -> None:
    """Remove a user; sessions and logs keep the name."""
    database.work(context, lambda connection: users.remove(connection, database.actor(), name))
    sys.stdout.write(f"user {name} removed\n")


def _show(user: UserOut, *, as_json: bool) -> None:
    listing.print_record(user.model_dump(mode="json"), _WRITERS, as_json=as_json)
