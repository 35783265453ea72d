"""`radiusd explain`: how a login would be decided, row by row; nothing is sent and nothing is written."""

import asyncio
import secrets
import sys
import time
from ipaddress import ip_network
from typing import Annotated

import typer

from radiusd.cli import database, fields, listing
from radiusd.cli.context import dictionary, settings
from radiusd.decide import explain as decision
from radiusd.decide.explain import Explanation
from radiusd.errors import ConfigError, PolicyError
from radiusd.policy.clients import address
from radiusd.policy.model import Client
from radiusd.policy.snapshot import Snapshot
from radiusd.protocol.authenticator import Secret
from radiusd.store import policy_reader

_NOBODY = "192.0.2.1"


def explain(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="User-Name, as the NAS would send it.")],
    attributes: Annotated[list[str] | None, typer.Argument(metavar="ATTR=VALUE…", help="More of the request.")] = None,
    *,
    client: Annotated[str | None, typer.Option(metavar="NAME", help="The client that asks.")] = None,
    at: fields.Time = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how a login would be decided, and by which row.

    Exit code 0 for an accept, and where only a password is missing from the question (needs-password); else 1.
    """
    configured = settings(context)
    pairs = [("User-Name", user), *(fields.pair(text) for text in attributes or ())]
    now = time.time() if at is None else at.timestamp()
    names = dictionary(configured)
    with database.ready(configured) as url, database.refusals():
        snapshot = asyncio.run(policy_reader.load(url, names))
    asking, host = _asking(snapshot, client, dict(pairs).get("NAS-IP-Address"))
    try:
        told = decision.explain(snapshot, asking, host, pairs, now, secrets.token_bytes)
    except PolicyError as error:
        raise typer.BadParameter(str(error)) from error
    if as_json:
        listing.print_json({**told._asdict(), "client": asking.name, "reply": [_item(*pair) for pair in told.reply]})
    else:
        _show(told, asking, host)
    raise typer.Exit(0 if told.policy == "accept" else 1)


def _asking(snapshot: Snapshot, name: str | None, nas_address: str | None) -> tuple[Client, str]:
    """Find who asks and from where: the client named, that of NAS-IP-Address, the only one, else a stand-in."""
    clients = snapshot.clients
    if name is not None:
        named = next((client for client in clients if client.name == name), None)
        if named is None:
            raise ConfigError(f"there is no client {name!r}; see `radiusd client list`")
        return named, nas_address or str(named.network.network_address)
    found = snapshot.client_for(nas_address) if nas_address else None
    if found is None and len(clients) == 1:
        found = clients[0]
    if found is not None:
        return found, nas_address or str(found.network.network_address)
    host = nas_address or _NOBODY
    network = address(host)
    if network is None:
        raise typer.BadParameter(f"{host!r} is no address")
    return Client(0, "(any client)", ip_network(network), Secret(b"stand-in")), host


def _item(attribute: str, value: str) -> dict[str, str]:
    return {"attribute": attribute, "value": value}


def _show(told: Explanation, asking: Client, host: str) -> None:
    write = sys.stdout.write
    write(f"asked by {listing.cell(asking.name)} from {host}\n")
    for step in told.steps:
        write(f"  {listing.cell(step)}\n")
    decided = f" by {told.rule}" if told.rule else ""
    why = {"accept": "", "needs-password": ": a right one is accepted"}.get(told.outcome, f": {told.reason}")
    write(f"{told.outcome}{decided}{why}\n")
    for name, value in told.reply:
        write(f"  {name} = {listing.cell(value)}\n")
