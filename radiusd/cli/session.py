"""`radiusd session`: sessions as they stand, one session's life, and the reaper by hand."""

import asyncio
import sys
from collections.abc import Awaitable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from radiusd.cli import database, duration, fields, listing
from radiusd.cli.context import settings
from radiusd.cli.listing import Column
from radiusd.store import sessions
from radiusd.store.reaper import Reaped, Reaper
from radiusd.store.records import SessionOut
from radiusd.store.resources import Page

app = typer.Typer(help="Sessions.", no_args_is_help=True, rich_markup_mode=None)


class State(StrEnum):
    """Where a session is in its life."""

    PENDING = "pending"
    ACTIVE = "active"
    LATE = "late"
    SUSPECT = "suspect"
    CLOSED = "closed"


Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_COLUMNS = (
    Column("id", "id"),
    Column("state", "state"),
    Column("user", "username"),
    Column("group", "group"),
    Column("client", "client"),
    Column("address", "framed_ip"),
    Column("started", "started_at", listing.moment),
    Column("last seen", "last_seen", listing.moment),
    Column("time", "session_time", duration.written, right=True),
    Column("in", "input_octets", listing.octets, right=True),
    Column("out", "output_octets", listing.octets, right=True),
)
_EVENT_COLUMNS = (Column("at", "at", listing.moment), Column("event", "kind"), Column("detail", "detail"))
_REAPED_COLUMNS = (
    Column("id", "id"),
    Column("user", "username"),
    Column("client", "client"),
    Column("nas", "nas_ip"),
    Column("started", "started_at", listing.moment),
    Column("stop", "stopped_at", listing.moment),
    Column("interval", "interim_interval", duration.written, right=True),
)
_WRITERS = {
    "session_time": duration.written,
    "interim_interval": duration.written,
    "stop_uncertainty_s": duration.written,
    "started_at": listing.moment,
    "updated_at": listing.moment,
    "last_seen": listing.moment,
    "stopped_at": listing.moment,
    "closed_at": listing.moment,
}


@app.command("list")
def list_(
    context: typer.Context,
    *,
    state: Annotated[list[State] | None, typer.Option(help="Only these; may be given several times.")] = None,
    user: Annotated[str | None, typer.Option(metavar="NAME", help="Only this user's.")] = None,
    group: Annotated[str | None, typer.Option(metavar="NAME", help="Only this group's.")] = None,
    client: Annotated[str | None, typer.Option(metavar="NAME", help="Only this client's.")] = None,
    framed_ip: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Only with this address.")] = None,
    calling_station_id: Annotated[str | None, typer.Option(metavar="TEXT", help="Only from this station.")] = None,
    since: fields.Time = None,
    until: fields.Time = None,
    q: Annotated[str | None, typer.Option("-q", metavar="TEXT", help="Only those with TEXT in them.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 1000,
    as_json: Json = False,
) -> None:
    """List sessions, the newest first."""

    def page(connection: AsyncConnection, wanted: int, cursor: str | None) -> Awaitable[Page[SessionOut]]:
        return sessions.find(
            connection,
            limit=wanted,
            cursor=cursor,
            q=q,
            state=[one.value for one in state] if state else None,
            username=user,
            group=group,
            client=client,
            framed_ip=framed_ip,
            calling_station_id=calling_station_id,
            since=since,
            until=until,
        )

    found, more = database.listed(context, page, limit)
    listing.print_list([session.model_dump(mode="json") for session in found], _COLUMNS, as_json=as_json)
    if more:
        sys.stderr.write(f"radiusd: there are more than {limit}; see --limit\n")


@app.command()
def show(
    context: typer.Context,
    session_id: Annotated[str, typer.Argument(metavar="ID", help="The session's id, or its acctuniqueid.")],
    *,
    as_json: Json = False,
) -> None:
    """Show a session and its timeline."""
    session = database.work(context, lambda connection: sessions.get(connection, session_id))
    events, _ = database.listed(
        context,
        lambda connection, limit, cursor: sessions.timeline(connection, session_id, limit=limit, cursor=cursor),
        1000,
    )
    record = session.model_dump(mode="json")
    timeline = [event.model_dump(mode="json") for event in events]
    if as_json:
        listing.print_json({**record, "timeline": timeline})
        return
    listing.print_record(record, _WRITERS, as_json=False)
    sys.stdout.write("\n")
    listing.print_list(timeline, _EVENT_COLUMNS, as_json=False)


@app.command()
def reap(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which sessions would be closed.")] = False,
    as_json: Json = False,
) -> None:
    """Close at once the sessions whose interims have stopped; `radiusd serve` does so by itself."""
    with database.ready(settings(context)) as url, database.refusals():
        closed = asyncio.run(Reaper(url).reap(dry_run=dry_run))
    listing.print_list([_reaped(session) for session in closed], _REAPED_COLUMNS, as_json=as_json)
    if not as_json:
        sys.stderr.write(f"radiusd: {len(closed)} sessions {'would be ' if dry_run else ''}closed\n")


def _reaped(session: Reaped) -> dict[str, object]:
    return {
        "id": session.session_id or session.unique_id,
        "acct_unique_id": session.unique_id,
        "username": session.user_name,
        "client": session.client_name,
        "nas_ip": session.nas_address,
        "started_at": _moment(session.start),
        "stopped_at": _moment(session.stop),
        "last_seen": _moment(session.last_seen),
        "interim_interval": session.expected,
    }


def _moment(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).isoformat()
