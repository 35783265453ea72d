"""`radiusd serve`: run the server."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from radiusd.cli.context import options


def serve(
    context: typer.Context,
    *,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Read settings from this radiusd.toml.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Add a demo client and user, and say how to try them.")] = False,
    migrations: Annotated[
        bool, typer.Option("--migrate/--no-migrate", help="Apply pending migrations, or refuse to start with them.")
    ] = True,
) -> None:
    """Run the server until it is told to stop."""
    # Only this command needs the web stack, whose import takes longer than most other commands do.
    from radiusd.cli.launch import launch  # noqa: PLC0415

    given = options(context)
    settings = (given if config is None else replace(given, config=config)).settings()
    launch(settings, demo=demo, migrations=migrations)
