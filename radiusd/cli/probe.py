"""`radiusd probe`: a RADIUS client for trying a server, ours or another.

Exit code 0 for Access-Accept and Accounting-Response, 1 for everything else: a reject, silence, an answer whose
proof of the password is wrong.
"""

import secrets
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from radiusd.cli import exchange, fields, listing, secret
from radiusd.cli.context import dictionary, settings
from radiusd.dictionary.attributes import Dictionary
from radiusd.errors import ConfigError, PolicyError, RadiusdError, WireError
from radiusd.protocol import attribute_types as types
from radiusd.protocol import codes
from radiusd.protocol.authenticator import Secret
from radiusd.protocol.encode import attribute, request, split_attribute
from radiusd.protocol.packet import Packet

app = typer.Typer(help="Send a RADIUS request and show the answer.", no_args_is_help=True, rich_markup_mode=None)


class Method(StrEnum):
    """How a password is proved."""

    PAP = "pap"
    CHAP = "chap"
    MSCHAP = "mschap"
    MSCHAPV2 = "mschapv2"


class Status(StrEnum):
    """What an Accounting-Request reports, on the command line."""

    START = "start"
    INTERIM = "interim"
    STOP = "stop"
    ON = "on"
    OFF = "off"


_STATUS_NUMBERS = {Status.START: 1, Status.STOP: 2, Status.INTERIM: 3, Status.ON: 7, Status.OFF: 8}

User = Annotated[str, typer.Argument(help="User-Name.")]
Attributes = Annotated[list[str] | None, typer.Argument(metavar="ATTR=VALUE…", help="More attributes to send.")]
Server = Annotated[str, typer.Option(metavar="HOST", help="The server's name or address.")]
Port = Annotated[int | None, typer.Option(min=1, max=65535, help="UDP port; the settings' when not given.")]
SecretText = Annotated[str | None, typer.Option("--secret", metavar="TEXT", help="Shared secret; better not here.")]
SecretStdin = Annotated[bool, typer.Option("--secret-stdin", help="Read the shared secret from standard input.")]
SecretFile = Annotated[Path | None, typer.Option(metavar="FILE", help="Read the shared secret from a file.")]
Timeout = Annotated[float, typer.Option(min=0.01, max=60, help="Seconds to wait for each send.")]
Tries = Annotated[int, typer.Option(min=1, max=20, help="Sends in all.")]
Signed = Annotated[bool, typer.Option(help="Sign the request with a Message-Authenticator.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Target(NamedTuple):
    """Where a request goes and how the answer is shown."""

    host: str
    port: int
    secret: Secret
    timeout: float
    tries: int
    as_json: bool


@app.command()
def auth(
    context: typer.Context,
    user: User,
    attributes: Attributes = None,
    *,
    server: Server = "127.0.0.1",
    port: Port = None,
    secret_text: SecretText = None,
    secret_stdin: SecretStdin = False,
    secret_file: SecretFile = None,
    password: Annotated[str | None, typer.Option(metavar="TEXT", help="Password; better not here.")] = None,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read it from standard input.")] = False,
    password_file: Annotated[Path | None, typer.Option(metavar="FILE", help="Read it from a file.")] = None,
    method: Annotated[Method, typer.Option(help="How the password is proved.")] = Method.PAP,
    timeout: Timeout = 3.0,
    tries: Tries = 3,
    message_authenticator: Signed = True,
    as_json: Json = False,
) -> None:
    """Log a user in: exit code 0 on Access-Accept."""
    if secret_stdin and password_stdin:
        raise ConfigError("standard input holds one of the two: give the secret or the password by a file")
    configured = settings(context)
    names = dictionary(configured)
    shared = secret.required("secret", argument=secret_text, from_stdin=secret_stdin, file=secret_file)
    told = secret.required("password", argument=password, from_stdin=password_stdin, file=password_file)
    target = Target(server, port or configured.auth_port, Secret(shared.encode()), timeout, tries, as_json)
    authenticator = secrets.token_bytes(16)
    proof = exchange.credentials(method, user.encode(), told.encode(), target.secret, authenticator)
    body = attribute(types.USER_NAME, user.encode()) + proof.body + _body(names, attributes)
    _ask(names, target, codes.ACCESS_REQUEST, body, proof.proofs, signed=message_authenticator, chosen=authenticator)


@app.command()
def acct(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="User-Name; empty for on and off.")] = "",
    attributes: Attributes = None,
    *,
    status: Annotated[Status, typer.Option(help="What is reported.")] = Status.START,
    session_id: Annotated[str | None, typer.Option(metavar="TEXT", help="Acct-Session-Id; random if none.")] = None,
    server: Server = "127.0.0.1",
    port: Port = None,
    secret_text: SecretText = None,
    secret_stdin: SecretStdin = False,
    secret_file: SecretFile = None,
    timeout: Timeout = 3.0,
    tries: Tries = 3,
    message_authenticator: Signed = False,
    as_json: Json = False,
) -> None:
    """Report a session: exit code 0 on Accounting-Response."""
    configured = settings(context)
    names = dictionary(configured)
    shared = secret.required("secret", argument=secret_text, from_stdin=secret_stdin, file=secret_file)
    target = Target(server, port or configured.acct_port, Secret(shared.encode()), timeout, tries, as_json)
    body = attribute(types.ACCT_STATUS_TYPE, _STATUS_NUMBERS[status].to_bytes(4, "big"))
    body += attribute(types.ACCT_SESSION_ID, (session_id or secrets.token_hex(8)).encode())
    body += attribute(types.USER_NAME, user.encode()) + _body(names, attributes)
    _ask(names, target, codes.ACCOUNTING_REQUEST, body, None, signed=message_authenticator)


@app.command()
def status(
    context: typer.Context,
    *,
    server: Server = "127.0.0.1",
    port: Port = None,
    acct: Annotated[bool, typer.Option("--acct", help="Ask the accounting port.")] = False,
    secret_text: SecretText = None,
    secret_stdin: SecretStdin = False,
    secret_file: SecretFile = None,
    timeout: Timeout = 3.0,
    tries: Tries = 3,
    as_json: Json = False,
) -> None:
    """Ask whether the server answers (Status-Server, RFC 5997): exit code 0 when it does."""
    configured = settings(context)
    default = configured.acct_port if acct else configured.auth_port
    shared = secret.required("secret", argument=secret_text, from_stdin=secret_stdin, file=secret_file)
    target = Target(server, port or default, Secret(shared.encode()), timeout, tries, as_json)
    names = dictionary(configured)
    _ask(names, target, codes.STATUS_SERVER, b"", None, signed=True, chosen=secrets.token_bytes(16))


def _body(names: Dictionary, attributes: list[str] | None) -> bytes:
    """Encode the attributes given as ATTR=VALUE, and NAS-Identifier where nothing names the NAS (RFC 2865 4.1)."""
    body = b""
    keys = set()
    for text in attributes or ():
        name, value = fields.pair(text)
        found = names.tagged(name)
        if found is None or found[0].internal or found[0].key < 0:
            raise typer.BadParameter(f"{name!r} is no attribute that a packet can hold")
        known, tag = found
        try:
            body += (split_attribute if known.concat else attribute)(known.key, known.encode(value, tag), names.formats)
        except PolicyError as error:
            raise typer.BadParameter(f"{text!r}: {error}") from error
        except WireError as error:
            raise typer.BadParameter(f"{text!r} cannot be encoded: {error.reason}") from error
        keys.add(known.key)
    if keys.isdisjoint((types.NAS_IP_ADDRESS, types.NAS_IDENTIFIER, types.NAS_IPV6_ADDRESS)):
        body += attribute(types.NAS_IDENTIFIER, b"radiusd-probe")
    return body


def _ask(
    names: Dictionary,
    target: Target,
    code: int,
    body: bytes,
    proofs: exchange.Proofs | None,
    *,
    signed: bool,
    chosen: bytes = bytes(16),
) -> None:
    """Send the request, show the answer and leave with the exit code."""
    try:
        data = request(
            code, secrets.randbelow(256), target.secret, body, authenticator=chosen, message_authenticator=signed
        )
    except WireError as error:
        raise typer.BadParameter(f"the request cannot be encoded: {error.reason}") from error
    try:
        answer = exchange.exchange(
            data, target.secret, (target.host, target.port), names.formats, timeout=target.timeout, tries=target.tries
        )
    except RadiusdError as error:
        if target.as_json and not isinstance(error, ConfigError):
            listing.print_json({"code": None, "error": str(error)})
            raise typer.Exit(1) from None
        raise
    packet = answer.packet
    proved = proofs(packet) if proofs else {}
    if target.as_json:
        listing.print_json(
            {
                "code": codes.name(packet.code),
                "seconds": round(answer.seconds, 6),
                "sends": answer.sends,
                "message_authenticator": answer.signed,
                "proofs": proved,
                "attributes": [{"attribute": name, "value": value} for name, value in _named(names, packet)],
            }
        )
    else:
        _show(names, target, answer, proved)
    good = packet.code in (codes.ACCESS_ACCEPT, codes.ACCOUNTING_RESPONSE) and all(proved.values())
    raise typer.Exit(0 if good else 1)


def _named(names: Dictionary, packet: Packet) -> list[tuple[str, str]]:
    """Return the packet's attributes as text; hidden values stay as they are on the wire."""
    rows = []
    for key, value in packet.attributes:
        known = names.keyed(key)
        if known is None or known.encrypt:
            rows.append((names.name_of(key), "0x" + value.hex()))
            continue
        tag = known.tag(value)
        rows.append((f"{known.name}:{tag}" if tag else known.name, known.format(value)))
    return rows


def _show(names: Dictionary, target: Target, answer: exchange.Answer, proved: dict[str, bool]) -> None:
    signature = "Message-Authenticator verified" if answer.signed else "no Message-Authenticator"
    sys.stdout.write(
        f"{codes.name(answer.packet.code)} from {target.host} port {target.port} "
        f"in {answer.seconds * 1000:.1f} ms ({signature})\n"
    )
    for name, value in _named(names, answer.packet):
        sys.stdout.write(f"  {name} = {listing.cell(value)}\n")
    for name, holds in proved.items():
        sys.stdout.write(f"{name}: {'verified' if holds else 'WRONG'}\n")
