"""`radiusd db`: the schema, and where the database is."""

import sys
from typing import Annotated

import typer

from radiusd.cli import database, listing
from radiusd.cli.context import settings
from radiusd.errors import StoreError
from radiusd.store import connections, embedded, migrate

app = typer.Typer(help="The database and its schema.", no_args_is_help=True, rich_markup_mode=None)

_WORDS = {
    "current": "the schema is the one that this radiusd wants",
    "absent": "radiusd has never been here: run `radiusd db upgrade`",
    "behind": "the schema is older than this radiusd: run `radiusd db upgrade`",
    "newer": "the schema is newer than this radiusd: run the newer radiusd",
}


@app.command()
def upgrade(context: typer.Context) -> None:
    """Apply the pending migrations; tables that FreeRADIUS made are kept with their rows."""
    with database.opened(settings(context)) as url:
        before = migrate.check(url)
        state = migrate.upgrade(url, _applied)
    if state.adopted:
        sys.stdout.write(f"adopted the existing tables {', '.join(state.adopted)}\n")
    sys.stdout.write("nothing to do\n" if before.verdict == "current" else f"the schema is now {state.current}\n")


@app.command()
def check(
    context: typer.Context, *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Say how the schema stands to this release: exit code 0 when it is the one wanted."""
    with database.opened(settings(context)) as url:
        state = migrate.check(url)
        place = connections.describe(url)
    facts = {
        "database": place,
        "current": state.current,
        "wanted": state.wanted,
        "verdict": state.verdict,
        "meaning": _WORDS[state.verdict],
    }
    listing.print_record(facts, as_json=as_json)
    if state.verdict != "current":
        raise typer.Exit(1)


@app.command("url")
def show_url(context: typer.Context) -> None:
    """Print a URL for psql and other tools; it holds the password, where there is one.

    The embedded Postgres can be reached while `radiusd serve` runs, by whoever may enter its folder; it is not
    started for this command.
    """
    configured = settings(context)
    if configured.database_url is not None:
        sys.stdout.write(connections.url(configured.database_url.get_secret_value()) + "\n")
        return
    place = embedded.find(configured.data_dir)
    if place is None:
        raise StoreError(
            f"there is no database in {configured.data_dir} yet: start `radiusd serve`, or run `radiusd db upgrade`"
        )
    if not place.running:
        sys.stderr.write("the embedded Postgres does not run: this URL answers while `radiusd serve` runs\n")
    sys.stdout.write(connections.url(place.conninfo) + "\n")


def _applied(step: str) -> None:
    sys.stdout.write(f"applied {step}\n")
