"""What the first start leaves behind and every start says: the token, the demo, and where it listens."""

import asyncio
import shlex
import shutil
import sys
from collections.abc import Sequence
from typing import NamedTuple

from radiusd.config import Settings, shipped
from radiusd.dictionary.loader import load
from radiusd.errors import ApiError
from radiusd.server.sockets import Endpoint
from radiusd.store import clients, engines, groups, tokens, users
from radiusd.store.audit import Actor
from radiusd.store.resources import ClientCreate, GroupCreate, UserCreate

DEMO_SECRET = "testing123"  # noqa: S105 - the demo says it aloud
DEMO_USER = "alice"
DEMO_PASSWORD = "password"  # noqa: S105 - likewise
DEMO_GROUP = "staff"


class Greeting(NamedTuple):
    """What is to be said: a token that was made just now, and whether the demo is there."""

    token: str | None
    demo: bool


def prepare(settings: Settings, conninfo: str, demo: bool) -> Greeting:
    """Make the bootstrap token, if there is none, and the demo's rows, where they are wanted and missing."""
    return asyncio.run(_prepare(settings, conninfo, demo))


async def _prepare(settings: Settings, conninfo: str, demo: bool) -> Greeting:
    engine = engines.make(conninfo, "radiusd serve", size=1)
    try:
        async with engine.begin() as connection:
            token = None
            if settings.admin_token is None:
                token = await tokens.ensure_bootstrap_token(connection)
        if demo:
            dictionary = load(settings.dictionaries, shipped("dictionaries"))
            actor = Actor("radiusd serve --demo", "cli")
            for make in (
                lambda c: clients.create(c, actor, ClientCreate(name="demo", address="127.0.0.1", secret=DEMO_SECRET)),
                lambda c: clients.create(c, actor, ClientCreate(name="demo-ipv6", address="::1", secret=DEMO_SECRET)),
                lambda c: groups.create(
                    c,
                    dictionary,
                    actor,
                    GroupCreate(name=DEMO_GROUP, session_timeout=14400, idle_timeout=600, interim_interval=300),
                ),
                lambda c: users.create(
                    c,
                    dictionary,
                    actor,
                    UserCreate(username=DEMO_USER, password=DEMO_PASSWORD, groups=[DEMO_GROUP]),
                ),
            ):
                try:
                    async with engine.begin() as connection:
                        await make(connection)
                except ApiError as error:
                    # There already: whatever became of it since is the operator's.
                    if error.status != 409:
                        raise
    finally:
        await engine.dispose()
    return Greeting(token, demo)


def show(greeting: Greeting, endpoints: Sequence[Endpoint], admin: Sequence[object]) -> None:
    """Print where the server listens and, with the demo, a line to paste; standard output, not the log."""
    auth = [f"{_bracketed(e.address)}:{e.port}" for e in endpoints if e.service == "auth"]
    acct = [f"{_bracketed(e.address)}:{e.port}" for e in endpoints if e.service == "acct"]
    base = f"http://{_bracketed(str(admin[0]))}:{admin[1]}"
    lines = [
        f"authentication  udp {', '.join(auth)}",
        f"accounting      udp {', '.join(acct)}",
        f"admin           {base}/api/docs   health {base}/readyz   metrics {base}/metrics",
    ]
    if greeting.token is not None:
        lines.append(f"admin token     {greeting.token}   (shown this once; `radiusd token create` makes more)")
    if greeting.demo:
        port = next(e.port for e in endpoints if e.service == "auth")
        attributes = f"User-Name={DEMO_USER},User-Password={DEMO_PASSWORD}"
        command = "radiusd" if shutil.which("radiusd") else shlex.quote(sys.argv[0])
        lines += [
            "",
            f"Try it: a client at 127.0.0.1 with the secret {DEMO_SECRET}, user {DEMO_USER}, password {DEMO_PASSWORD}:",
            f"  echo '{attributes}' | radclient -x 127.0.0.1:{port} auth {DEMO_SECRET}",
            f"  {command} probe auth {DEMO_USER} --password {DEMO_PASSWORD} --port {port} --secret {DEMO_SECRET}",
        ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
