"""`radiusd group`: policies of groups, as typed fields and as the rows of radgroupcheck and radgroupreply."""

import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import typer

from radiusd.cli import database, duration, fields, listing
from radiusd.cli.context import dictionary, settings
from radiusd.cli.listing import Column
from radiusd.store import groups
from radiusd.store.resources import GroupCreate, GroupOut, GroupPatch

app = typer.Typer(help="Groups and their policy.", no_args_is_help=True, rich_markup_mode=None)


class Mppe(StrEnum):
    """What MPPE a link must or may use."""

    REQUIRED = "required"
    ALLOWED = "allowed"
    OFF = "off"


Name = Annotated[str, typer.Argument(help="The group's name.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Span = Annotated[int | None, typer.Option(parser=duration.parse, metavar="DURATION", help="4h, 10m, 1h30m, 300.")]
Count = Annotated[int | None, typer.Option(min=0, metavar="N")]
Text = Annotated[str | None, typer.Option(metavar="TEXT")]
Rows = Annotated[
    list[str] | None,
    typer.Option(metavar="'ATTR OP VALUE'", help="A further row; those given replace all further rows."),
]

_SPANS = (
    "session_timeout",
    "idle_timeout",
    "interim_interval",
    "max_daily_session",
    "max_weekly_session",
    "max_monthly_session",
    "max_all_session",
)
_CLEARABLE = [field for field in GroupPatch.model_fields if field != "name"]
_COLUMNS = (
    Column("name", "name"),
    Column("members", "members", right=True),
    Column("session", "session_timeout", duration.written, right=True),
    Column("idle", "idle_timeout", duration.written, right=True),
    Column("interim", "interim_interval", duration.written, right=True),
    Column("at once", "simultaneous_use", right=True),
    Column("login time", "login_time"),
    Column("mppe", "mppe"),
)


def _policy(
    *,
    session_timeout: Span = None,
    idle_timeout: Span = None,
    interim_interval: Span = None,
    simultaneous_use: Count = None,
    login_time: Annotated[str | None, typer.Option(metavar="TEXT", help="UUCP form, such as Wk0800-1800.")] = None,
    max_daily_session: Span = None,
    max_weekly_session: Span = None,
    max_monthly_session: Span = None,
    max_all_session: Span = None,
    max_monthly_bytes: Count = None,
    framed_pool: Text = None,
    mppe: Annotated[Mppe | None, typer.Option(help="Encryption of the link.")] = None,
    mppe_bits: Annotated[list[int] | None, typer.Option(metavar="40|128", help="Key lengths; both if none.")] = None,
    dns: Annotated[list[str] | None, typer.Option(metavar="ADDRESS", help="DNS servers, up to two.")] = None,
    fall_through: Annotated[bool | None, typer.Option(help="Go on to the user's next group.")] = None,
    check: Rows = None,
    reply: Rows = None,
) -> dict[str, object]:
    """Collect the policy's fields from their options."""
    return {
        "session_timeout": session_timeout,
        "idle_timeout": idle_timeout,
        "interim_interval": interim_interval,
        "simultaneous_use": simultaneous_use,
        "login_time": login_time,
        "max_daily_session": max_daily_session,
        "max_weekly_session": max_weekly_session,
        "max_monthly_session": max_monthly_session,
        "max_all_session": max_all_session,
        "max_monthly_bytes": max_monthly_bytes,
        "framed_pool": framed_pool,
        "mppe": mppe,
        "mppe_bits": mppe_bits,
        "dns": dns,
        "fall_through": fall_through,
        "check": [fields.item(text) for text in check or ()],
        "reply": [fields.item(text) for text in reply or ()],
    }


@app.command()
@fields.taking(_policy)
def add(context: typer.Context, name: Name, *, as_json: Json = False, taken: Mapping[str, object]) -> None:
    """Make a group."""
    group = fields.validated(GroupCreate, {"name": name, **fields.changes(taken, (), ())})
    names = dictionary(settings(context))
    made = database.work(context, lambda connection: groups.create(connection, names, database.actor(), group))
    _show(made, as_json=as_json) if as_json else sys.stdout.write(f"group {made.name} added\n")


@app.command("set")
@fields.taking(_policy)
def change(
    context: typer.Context,
    name: Name,
    *,
    clear: fields.Clear = None,
    as_json: Json = False,
    taken: Mapping[str, object],
) -> None:
    """Change what the options name of a group."""
    wanted = fields.validated(GroupPatch, fields.some(fields.changes(taken, clear or (), _CLEARABLE)))
    names = dictionary(settings(context))
    made = database.work(context, lambda connection: groups.patch(connection, names, database.actor(), name, wanted))
    _show(made, as_json=as_json) if as_json else sys.stdout.write(f"group {made.name} changed\n")


@app.command()
def show(context: typer.Context, name: Name, *, as_json: Json = False) -> None:
    """Show a group."""
    _show(database.work(context, lambda connection: groups.get(connection, name)), as_json=as_json)


@app.command("list")
def list_(
    context: typer.Context,
    *,
    q: Annotated[str | None, typer.Option("-q", metavar="TEXT", help="Only names with TEXT in them.")] = None,
    as_json: Json = False,
) -> None:
    """List the groups."""
    found, _ = database.listed(
        context, lambda connection, limit, cursor: groups.find(connection, limit=limit, cursor=cursor, q=q)
    )
    listing.print_list([group.model_dump(mode="json") for group in found], _COLUMNS, as_json=as_json)


@app.command()
def rm(
    context: typer.Context,
    name: Name,
    *,
    with_members: Annotated[bool, typer.Option("--with-members", help="Even if users are in it.")] = False,
) -> None:
    """Remove a group; refused while users are in it, who could do more without its policy."""
    database.work(
        context, lambda connection: groups.remove(connection, database.actor(), name, with_members=with_members)
    )
    sys.stdout.write(f"group {name} removed\n")


def _show(group: GroupOut, *, as_json: bool) -> None:
    listing.print_record(group.model_dump(mode="json"), dict.fromkeys(_SPANS, duration.written), as_json=as_json)
