"""`radiusd client`: the NASes that may ask, by address or network; the longest prefix wins."""

import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, get_args

import typer

from radiusd.cli import database, duration, fields, listing, secret
from radiusd.cli.listing import Column
from radiusd.store import clients
from radiusd.store.resources import ClientCreate, ClientOut, ClientPatch, Kind, RequireMessageAuthenticator

app = typer.Typer(help="Clients (NAS).", no_args_is_help=True, rich_markup_mode=None)

KindName = StrEnum("KindName", {kind: kind for kind in get_args(Kind)})  # type: ignore[misc]
Require = StrEnum("Require", {word: word for word in get_args(RequireMessageAuthenticator)})  # type: ignore[misc]

Name = Annotated[str, typer.Argument(help="The client's name.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SecretText = Annotated[str | None, typer.Option("--secret", metavar="TEXT", help="Shared secret; better not here.")]
SecretStdin = Annotated[bool, typer.Option("--secret-stdin", help="Read the shared secret from standard input.")]
SecretFile = Annotated[Path | None, typer.Option(metavar="FILE", help="Read the shared secret from a file.")]
Span = Annotated[int | None, typer.Option(parser=duration.parse, metavar="DURATION")]

_SPANS = {"reap_grace": duration.written, "nas_hold": duration.written}
_COLUMNS = (
    Column("name", "name"),
    Column("address", "address"),
    Column("kind", "kind"),
    Column("message-authenticator", "require_message_authenticator"),
    Column("missed interims", "reap_missed_interims", right=True),
    Column("grace", "reap_grace", duration.written, right=True),
    Column("description", "description"),
)


def _traits(
    *,
    kind: Annotated[KindName | None, typer.Option(help="What the NAS is.")] = None,
    require_message_authenticator: Annotated[
        Require | None, typer.Option(help="Whether its requests must be signed; auto: checked where they are.")
    ] = None,
    reap_missed_interims: Annotated[
        int | None, typer.Option(metavar="N", help="Interims that a dead session has missed.")
    ] = None,
    reap_grace: Span = None,
    nas_hold: Span = None,
    dynauth_port: Annotated[int | None, typer.Option(metavar="PORT", help="Its port for Disconnect-Requests.")] = None,
    strip_user_name: Annotated[bool | None, typer.Option(help="Look users up without DOMAIN\\ and @realm too.")] = None,
    description: Annotated[str | None, typer.Option(metavar="TEXT")] = None,
) -> dict[str, object]:
    """Collect the client's fields from their options."""
    return {
        "kind": kind,
        "require_message_authenticator": require_message_authenticator,
        "reap_missed_interims": reap_missed_interims,
        "reap_grace": reap_grace,
        "nas_hold": nas_hold,
        "dynauth_port": dynauth_port,
        "strip_user_name": strip_user_name,
        "description": description,
    }


@app.command()
@fields.taking(_traits)
def add(
    context: typer.Context,
    name: Name,
    address: Annotated[str, typer.Argument(help="IP address or network: 192.0.2.10, 192.0.2.0/24, 2001:db8::/64.")],
    *,
    secret_text: SecretText = None,
    secret_stdin: SecretStdin = False,
    secret_file: SecretFile = None,
    as_json: Json = False,
    taken: Mapping[str, object],
) -> None:
    """Make a client; the shared secret is asked for unless an option gives it."""
    given = fields.changes(taken, (), ())
    shared = secret.required("secret", argument=secret_text, from_stdin=secret_stdin, file=secret_file)
    client = fields.validated(ClientCreate, {**given, "name": name, "address": address, "secret": shared})
    made = database.work(context, lambda connection: clients.create(connection, database.actor(), client))
    _show(made, as_json=as_json) if as_json else sys.stdout.write(f"client {made.name} added for {made.address}\n")


@app.command("set")
@fields.taking(_traits)
def change(
    context: typer.Context,
    name: Name,
    *,
    address: Annotated[str | None, typer.Option(metavar="ADDRESS", help="IP address or network.")] = None,
    rename: Annotated[str | None, typer.Option(metavar="NAME", help="Give it another name.")] = None,
    secret_text: SecretText = None,
    secret_stdin: SecretStdin = False,
    secret_file: SecretFile = None,
    secret_prompt: Annotated[bool, typer.Option("--secret-prompt", help="Ask for a new secret.")] = False,
    clear: fields.Clear = None,
    as_json: Json = False,
    taken: Mapping[str, object],
) -> None:
    """Change what the options name of a client."""
    ask = secret.required if secret_prompt else secret.given
    shared = ask("secret", argument=secret_text, from_stdin=secret_stdin, file=secret_file)
    given = {**taken, "address": address, "name": rename, "secret": shared}
    wanted = fields.validated(ClientPatch, fields.some(fields.changes(given, clear or (), ["description"])))
    made = database.work(context, lambda connection: clients.patch(connection, database.actor(), name, wanted))
    _show(made, as_json=as_json) if as_json else sys.stdout.write(f"client {made.name} changed\n")


@app.command()
def show(context: typer.Context, name: Name, *, as_json: Json = False) -> None:
    """Show a client; never its secret."""
    _show(database.work(context, lambda connection: clients.get(connection, name)), as_json=as_json)


@app.command("list")
def list_(
    context: typer.Context,
    *,
    kind: Annotated[KindName | None, typer.Option(help="Only these.")] = None,
    q: Annotated[str | None, typer.Option("-q", metavar="TEXT", help="Only those with TEXT in them.")] = None,
    as_json: Json = False,
) -> None:
    """List the clients."""
    found, _ = database.listed(
        context, lambda connection, limit, cursor: clients.find(connection, limit=limit, cursor=cursor, q=q, kind=kind)
    )
    listing.print_list([client.model_dump(mode="json") for client in found], _COLUMNS, as_json=as_json)


@app.command()
def rm(context: typer.Context, name: Name) -> None:
    """Remove a client: from now on the server is silent to it."""
    database.work(context, lambda connection: clients.remove(connection, database.actor(), name))
    sys.stdout.write(f"client {name} removed\n")


def _show(client: ClientOut, *, as_json: bool) -> None:
    listing.print_record(client.model_dump(mode="json"), _SPANS, as_json=as_json)
