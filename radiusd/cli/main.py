"""The `radiusd` command: its options, its commands, and how every error of theirs ends.

A mistake in usage or settings ends with exit code 2, everything else that was foreseen with 1: one line
on standard error that says what to do. A command that only failed to find or to allow something (a rejected
probe, a finding of doctor) ends with 1 as well, after its own output.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from radiusd import __version__
from radiusd.cli import client, db, doctor, explain, group, probe, serve, session, settings, token, user
from radiusd.cli.context import Options
from radiusd.errors import ConfigError, RadiusdError

app = typer.Typer(
    name="radiusd",
    help="A RADIUS policy server for VPN operators.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for name, commands in (
    ("db", db.app),
    ("client", client.app),
    ("user", user.app),
    ("group", group.app),
    ("session", session.app),
    ("token", token.app),
    ("probe", probe.app),
):
    app.add_typer(commands, name=name)
app.command()(serve.serve)
app.command()(explain.explain)
app.command()(doctor.doctor)
app.command()(settings.settings)


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"radiusd {__version__}\n")
        raise typer.Exit


@app.callback()
def global_options(
    context: typer.Context,
    *,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Read settings from this radiusd.toml.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder of the embedded Postgres (RADIUSD_DATA_DIR).")
    ] = None,
    database_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Postgres to use; a password is better kept in RADIUSD_DATABASE_URL."),
    ] = None,
    version: Annotated[  # noqa: ARG001 - the callback of the option does the work
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Take the options that stand before the command."""
    context.obj = Options(config=config, data_dir=data_dir, database_url=database_url)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code; `arguments` are the process's own when None."""
    try:
        code = app(arguments, prog_name="radiusd", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        text = error.format_message()
        # Without a command, the message is the help itself.
        _fail(text if text.startswith("Usage:") else f"{_one_line(text)} (see `radiusd --help`)", 2)
    except typer.Abort:
        _fail("given up", 1)
    except ConfigError as error:
        _fail(_one_line(str(error)), 2)
    except RadiusdError as error:
        _fail(_one_line(str(error)), 1)
    except BrokenPipeError:
        # The reader of a pipe has left; Python would complain again when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        _fail("interrupted", 130)
    sys.exit(code if isinstance(code, int) else 0)


def _one_line(text: str) -> str:
    return "radiusd: " + " ".join(text.split())


def _fail(line: str, code: int) -> NoReturn:
    sys.stderr.write(line + "\n")
    sys.exit(code)
