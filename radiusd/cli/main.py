"""The `radiusd` command: its options, its commands, and how every error of theirs ends.

A mistake in usage, in what is to be written or in settings ends with exit code 2, everything else that was foreseen
with 1: one line on standard error that says what to do. A command that only failed to find or to allow something (a
rejected probe, a finding of doctor) ends with 1 as well, after its own output.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Annotated, Final, NoReturn, cast

import typer
from typer.core import TyperCommand, TyperGroup

from radiusd import __version__
from radiusd.cli import fields
from radiusd.cli.context import Options
from radiusd.errors import ApiError, ConfigError, PolicyError, RadiusdError

COMMANDS: Final = {
    "serve": "radiusd.cli.serve:serve",
    "db": "radiusd.cli.db:app",
    "client": "radiusd.cli.client:app",
    "user": "radiusd.cli.user:app",
    "group": "radiusd.cli.group:app",
    "session": "radiusd.cli.session:app",
    "token": "radiusd.cli.token:app",
    "probe": "radiusd.cli.probe:app",
    "explain": "radiusd.cli.explain:explain",
    "doctor": "radiusd.cli.doctor:doctor",
    "settings": "radiusd.cli.settings:settings",
}
"""Every command and where it is: a module is imported when its command is asked for, since some load much."""


_UNUSABLE: Final = 422
"""The status of what is refused as it is written, whatever there is already."""


class _Context(typer.Context):
    """The run of one command, which notes on an error whose it is; the first note is the innermost command's."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        if isinstance(error, (typer.TyperException, RadiusdError)):
            error.add_note(self.command_path)
        return super().__exit__(kind, error, traceback)


class _Commands(TyperGroup):
    """The commands of the table above."""

    context_class = _Context

    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002 - the signature is typer's
        return list(COMMANDS)

    def get_command(self, ctx: object, cmd_name: str) -> TyperCommand | TyperGroup | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        found = getattr(importlib.import_module(module), attribute)
        if not isinstance(found, typer.Typer):
            alone = typer.Typer(rich_markup_mode=None)
            alone.command(cmd_name)(found)
            found = alone
        command = cast("TyperCommand | TyperGroup", typer.main.get_command(found))
        command.name = cmd_name
        for each in (command, *getattr(command, "commands", {}).values()):
            each.context_class = _Context
        return command


app = typer.Typer(
    name="radiusd",
    cls=_Commands,
    help="A RADIUS policy server for VPN operators.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
        ours = isinstance(error, typer.BadParameter) and error.param is None and error.param_hint is None
        text = error.message if ours else error.format_message()
        # Without a command, the message is the help itself.
        _fail(text if text.startswith("Usage:") else _with_help(text, error), 2)
    except typer.Abort:
        _fail("given up", 1)
    except ConfigError as error:
        _fail(_one_line(str(error)), 2)
    except ApiError as error:
        text = _spelled(error)
        _fail(_with_help(text, error), 2) if error.status == _UNUSABLE else _fail(_one_line(text), 1)
    except PolicyError as error:
        _fail(_with_help(str(error), error), 2)
    except RadiusdError as error:
        _fail(_one_line(str(error)), 1)
    except BrokenPipeError:
        # The reader of a pipe has left; Python would complain again when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        _fail("interrupted", 130)
    sys.exit(code if isinstance(code, int) else 0)


def _spelled(error: ApiError) -> str:
    """Return the error's words, the field that they begin with as the command line spells it."""
    text = str(error)
    if error.field is None or not text.startswith(f"{error.field}: "):
        return text
    return fields.spelled(error.field) + text.removeprefix(error.field)


def _with_help(text: str, error: Exception) -> str:
    """Return one line that ends with where the help of the command that failed is."""
    command = getattr(error, "__notes__", ["radiusd"])[0]
    return f"{_one_line(text)} (see `{command} --help`)"


def _one_line(text: str) -> str:
    return "radiusd: " + " ".join(text.split())


def _fail(line: str, code: int) -> NoReturn:
    sys.stderr.write(line + "\n")
    sys.exit(code)
