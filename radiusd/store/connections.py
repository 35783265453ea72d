"""How every part reaches Postgres: one reading of RADIUSD_DATABASE_URL, and connections made from it.

A URL (`postgresql://…`, `postgres://…`) and libpq's keywords (`host=a,b dbname=…`) are both taken, with
several hosts as libpq has them. To what the operator wrote come defaults under which a server that hangs is
noticed in seconds, since libpq by itself waits for minutes; what the operator wrote always wins. No message
made here holds a password: libpq's own quote the text they stumble over, so they are not passed on.
"""

import difflib
import re
from urllib.parse import quote, urlencode

import psycopg
from psycopg import conninfo as libpq
from psycopg.abc import Params
from psycopg.pq import Conninfo
from psycopg_pool import AsyncConnectionPool

from radiusd.errors import ConfigError

CHANNEL = "radiusd_policy"
"""The channel on which Postgres tells that the policy has changed."""

EXPECTED = "expected postgresql://user:password@host:port/database or libpq's host=… dbname=…"

# Seconds, but for tcp_user_timeout: milliseconds. Ten seconds of a silent server end a connection.
DEFAULTS = {
    "connect_timeout": "5",
    "keepalives": "1",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "client_encoding": "UTF8",
}


def conninfo(url: str, application_name: str = "radiusd") -> str:
    """Return libpq's keyword string for `url`, complete with our defaults.

    With several hosts and no `target_session_attrs`, the one that takes writes is wanted.
    Raises ConfigError with one line that names the remedy.
    """
    parameters = parse(url)
    filled = {**DEFAULTS, "application_name": application_name, **parameters}
    if "," in parameters.get("host", "") + parameters.get("hostaddr", ""):
        filled.setdefault("target_session_attrs", "read-write")
    return libpq.make_conninfo("", **filled)


def parse(url: str) -> dict[str, str]:
    """Split `url` into libpq's parameters, only those given. Raises ConfigError."""
    text = re.sub(r"^(postgres(?:ql)?)\+\w+://", r"\1://", url.strip())  # SQLAlchemy's way to name a driver
    scheme = re.match(r"([A-Za-z][\w+.-]*)://", text)
    if scheme and scheme[1] not in ("postgresql", "postgres"):
        raise ConfigError(f"the database URL begins with {scheme[1]}://, but radiusd needs Postgres: {EXPECTED}")
    if not text or (scheme is None and "=" not in text):
        raise ConfigError(f"the database URL is not one: {EXPECTED}")
    try:
        parameters = {key: str(value) for key, value in libpq.conninfo_to_dict(text).items() if value is not None}
    except (psycopg.Error, UnicodeError) as error:
        raise ConfigError(f"the database URL cannot be read{_hint(str(error))}; {EXPECTED}") from None
    for port in parameters.get("port", "").split(","):
        if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise ConfigError("the database URL has a port that is not a number from 1 to 65535")
    for name in ("connect_timeout", "tcp_user_timeout"):
        if not re.fullmatch(r"-?\d+", parameters.get(name, "0")):
            raise ConfigError(f"the database URL has a {name} that is not a whole number")
    return parameters


def url(conninfo_or_url: str) -> str:
    """Return the same target as a `postgresql://` URL that libpq, psql and this module understand.

    It holds the password, where there is one.
    """
    parameters = parse(conninfo_or_url)
    user, password = parameters.pop("user", ""), parameters.pop("password", None)
    credentials = quote(user, safe="") + (f":{quote(password, safe='')}" if password is not None else "")
    database = quote(parameters.pop("dbname", ""), safe="")
    query = urlencode(sorted(parameters.items()), quote_via=quote, safe="/,")
    return f"postgresql://{credentials}{'@' if credentials else ''}/{database}{'?' if query else ''}{query}"


def describe(url: str) -> str:
    """Name the target for a log line: `database on host:port as user`, never the password."""
    parameters = parse(url)
    hosts = parameters.get("host") or parameters.get("hostaddr") or "the local socket"
    port = f" port {parameters['port']}" if "port" in parameters else ""
    user = f" as {parameters['user']}" if "user" in parameters else ""
    return f"{parameters.get('dbname') or parameters.get('user', 'the default database')} on {hosts}{port}{user}"


async def connect(
    url: str, application_name: str = "radiusd", *, statement_timeout: float = 30.0, autocommit: bool = True
) -> psycopg.AsyncConnection:
    """Open one connection; a statement of it ends after `statement_timeout` seconds (0: never).

    Raises psycopg.OperationalError when no host can be reached, ConfigError for a bad URL.
    """
    connection = await psycopg.AsyncConnection.connect(conninfo(url, application_name), autocommit=True)
    await limit(connection, statement_timeout)
    await connection.set_autocommit(autocommit)
    return connection


async def limit(connection: psycopg.AsyncConnection, statement_timeout: float) -> None:
    """Set the statement timeout, in seconds, of an idle connection.

    By a statement and not in the startup packet, which poolers in between refuse to pass on.
    """
    autocommit = connection.autocommit
    await connection.set_autocommit(True)
    milliseconds: Params = (str(round(statement_timeout * 1000)),)
    await connection.execute("SELECT set_config('statement_timeout', %s, false)", milliseconds)
    await connection.set_autocommit(autocommit)


def pool(
    url: str, application_name: str = "radiusd", *, size: int = 4, statement_timeout: float = 30.0, wait: float = 5.0
) -> AsyncConnectionPool[psycopg.AsyncConnection]:
    """Make a pool of at most `size` connections, not yet open.

    Whoever waits for a connection longer than `wait` seconds gets psycopg_pool.PoolTimeout.
    """

    async def configure(connection: psycopg.AsyncConnection) -> None:
        await limit(connection, statement_timeout)

    return AsyncConnectionPool(
        conninfo(url, application_name),
        min_size=1,
        max_size=size,
        timeout=wait,
        max_waiting=size * 16,
        configure=configure,
        check=AsyncConnectionPool.check_connection,
        open=False,
    )


def _hint(message: str) -> str:
    """Return the option that was probably meant, where libpq stumbled over one it does not know."""
    unknown = re.search(r"invalid (?:URI query parameter|connection option):? \"([^\"]*)\"", message)
    known = [option.keyword.decode() for option in Conninfo.get_defaults()]
    close = difflib.get_close_matches(unknown[1], known, 1, 0.7) if unknown else []
    if unknown is None:
        return ""
    return " (an option that libpq does not know" + (f"; is {close[0]} meant?)" if close else ")")
