"""What the first start leaves behind and every start says: the token, the demo, and where it listens."""

import asyncio
import shlex
import shutil
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from radiusd.config import Settings, shipped
from radiusd.dictionary.attributes import Dictionary
from radiusd.dictionary.loader import load
from radiusd.errors import ApiError
from radiusd.server.sockets import Endpoint
from radiusd.store import clients, engines, groups, tokens, users
from radiusd.store.audit import Actor
from radiusd.store.resources import ClientCreate, GroupCreate, Membership, UserCreate

DEMO_SECRET = "testing123"  # noqa: S105 - the demo says it aloud
DEMO_USER = "demo"
DEMO_PASSWORD = "password"  # noqa: S105 - likewise
DEMO_GROUP = "demo"


class Greeting(NamedTuple):
    """What is to be said: a token that was made just now, and whether the demo is there as it was made."""

    token: str | None
    demo: bool


NOTHING_MADE = Greeting(None, demo=False)


def prepare(settings: Settings, conninfo: str, demo: bool) -> Greeting:
    """Make the bootstrap token, if there is none, and the demo's rows, where they are wanted and missing."""
    return asyncio.run(_prepare(settings, conninfo, demo))


async def _prepare(settings: Settings, conninfo: str, demo: bool) -> Greeting:
    engine = engines.make(conninfo, "radiusd serve", size=1)
    try:
        token = None
        if settings.admin_token is None:
            async with engine.begin() as connection:
                token = await tokens.ensure_bootstrap_token(connection)
        if demo:
            await _make_demo(engine, load(settings.dictionaries, shipped("dictionaries")))
            async with engine.begin() as connection:
                demo = await _demo_is_there(connection)
    finally:
        await engine.dispose()
    return Greeting(token, demo)


async def _make_demo(engine: AsyncEngine, dictionary: Dictionary) -> None:
    """Make what is missing of the demo; what is there already, whatever became of it, is the operator's."""
    actor = Actor("radiusd serve --demo", "cli")
    secret = SecretStr(DEMO_SECRET)
    policy = GroupCreate(name=DEMO_GROUP, session_timeout=14400, idle_timeout=600, interim_interval=300)
    user = UserCreate(username=DEMO_USER, password=SecretStr(DEMO_PASSWORD), groups=[Membership(name=DEMO_GROUP)])
    steps: tuple[Callable[[AsyncConnection], Awaitable[object]], ...] = (
        lambda conn: clients.create(conn, actor, ClientCreate(name="demo", address="127.0.0.1", secret=secret)),
        lambda conn: clients.create(conn, actor, ClientCreate(name="demo-ipv6", address="::1", secret=secret)),
        lambda conn: groups.create(conn, dictionary, actor, policy),
        lambda conn: users.create(conn, dictionary, actor, user),
    )
    for step in steps:
        try:
            async with engine.begin() as connection:
                await step(connection)
        except ApiError as error:
            if error.status != 409:
                raise


async def _demo_is_there(connection: AsyncConnection) -> bool:
    """Tell whether the demo's client and user are as it made them, so that its line to paste works."""
    query = text(
        "SELECT EXISTS (SELECT FROM nas WHERE nasname IN ('127.0.0.1', '127.0.0.1/32') AND secret = :secret)"
        " AND EXISTS (SELECT FROM radcheck WHERE username = :user AND attribute = 'Cleartext-Password'"
        " AND value = :password)"
    )
    values = {"secret": DEMO_SECRET, "user": DEMO_USER, "password": DEMO_PASSWORD}
    return bool((await connection.execute(query, values)).scalar())


def show(greeting: Greeting, endpoints: Sequence[Endpoint], admin: Sequence[object]) -> None:
    """Print where the server listens and, with the demo, a line to paste; standard output, not the log."""
    auth = [e for e in endpoints if e.service == "auth"]
    acct = [e for e in endpoints if e.service == "acct"]
    base = f"http://{_bracketed(str(admin[0]))}:{admin[1]}"
    lines = [
        f"authentication  udp {', '.join(f'{_bracketed(e.address)}:{e.port}' for e in auth)}",
        f"accounting      udp {', '.join(f'{_bracketed(e.address)}:{e.port}' for e in acct)}",
        f"admin           {base}/api/docs   health {base}/readyz   metrics {base}/metrics",
        *_made(greeting),
    ]
    if greeting.demo:
        port = auth[0].port
        attributes = f"User-Name={DEMO_USER},User-Password={DEMO_PASSWORD}"
        started = "python3 -m radiusd" if sys.argv[0].endswith("__main__.py") else shlex.quote(sys.argv[0])
        command = "radiusd" if shutil.which("radiusd") else started
        lines += [
            "",
            f"Try it: a client at 127.0.0.1 (secret {DEMO_SECRET}), user {DEMO_USER}, password {DEMO_PASSWORD}:",
            f"  echo '{attributes}' | radclient -x 127.0.0.1:{port} auth {DEMO_SECRET}",
            f"  {command} probe auth {DEMO_USER} --password {DEMO_PASSWORD} --port {port} --secret {DEMO_SECRET}",
        ]
    _print(lines)


def show_made(greeting: Greeting) -> None:
    """Print what was made after all, when the database came late."""
    _print(_made(greeting))


def _made(greeting: Greeting) -> list[str]:
    if greeting.token is None:
        return []
    return [f"admin token     {greeting.token}   (shown this once; `radiusd token create` makes more)"]


def _print(lines: Sequence[str]) -> None:
    if lines:
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
