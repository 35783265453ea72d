"""The database under a command: the one that is configured, else the embedded Postgres.

An embedded Postgres that already runs is used; one that does not is started for the command. After it, Postgres
ends, unless a server or another command uses it. A command works in one transaction: it is done as a whole or
not at all.
"""

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psycopg
import typer
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from radiusd.cli.context import settings
from radiusd.config import Settings
from radiusd.errors import ApiError, ConfigError, RadiusdError, StoreError
from radiusd.store import embedded, engines, migrate
from radiusd.store.audit import Actor
from radiusd.store.resources import Page

Result = TypeVar("Result")

APPLICATION = "radiusd cli"
_PAGE = 1000


@contextmanager
def opened(configured: Settings) -> Iterator[str]:
    """Give the URL of a database that can be reached, for as long as the block lasts."""
    if configured.database_url is not None:
        yield configured.database_url.get_secret_value()
        return
    postgres = embedded.start_or_adopt(configured.data_dir, configured.postgres_bin)
    try:
        yield postgres.conninfo
    finally:
        postgres.stop()


@contextmanager
def ready(configured: Settings) -> Iterator[str]:
    """Give the URL of a database whose schema is the one wanted.

    An embedded Postgres that has none yet gets it; everywhere else that is `radiusd db upgrade`'s to do.
    Raises StoreError with what to do.
    """
    with opened(configured) as url:
        if configured.database_url is None and migrate.check(url).verdict == "absent":
            migrate.upgrade(url)
        migrate.require(url)
        yield url


def work(context: typer.Context, job: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
    """Run `job` in one transaction of its own and return what it returns.

    Raises RadiusdError: what the repositories refuse, and what Postgres does, in one line.
    """
    with ready(settings(context)) as url, refusals():
        return asyncio.run(_transaction(url, job))


def listed(
    context: typer.Context,
    find: Callable[[AsyncConnection, int, str | None], Awaitable[Page[Result]]],
    limit: int | None = None,
) -> tuple[list[Result], bool]:
    """Read a list page by page, up to `limit` items (None: all), and say whether there are more."""

    async def job(connection: AsyncConnection) -> tuple[list[Result], bool]:
        items: list[Result] = []
        cursor: str | None = None
        while True:
            wanted = _PAGE if limit is None else min(_PAGE, limit - len(items))
            page = await find(connection, wanted, cursor)
            items += page.items
            cursor = page.next
            if cursor is None or (limit is not None and len(items) >= limit):
                return items, cursor is not None

    return work(context, job)


@contextmanager
def refusals() -> Iterator[None]:
    """Turn the errors of the database and of the repositories into one line each."""
    try:
        yield
    except ApiError as error:
        if error.field is None:
            raise
        raise ApiError(error.status, f"{error.field}: {error}", field=error.field) from error
    except DBAPIError as error:
        raise _refused(error.orig if isinstance(error.orig, psycopg.Error) else error) from error
    except psycopg.Error as error:
        raise _refused(error) from error


def actor() -> Actor:
    """Return who changes things from this command line, for the audit log."""
    try:
        name = getpass.getuser()
    except OSError:
        name = "unknown"
    return Actor(f"cli:{name}", "cli")


async def _transaction(url: str, job: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
    engine = engines.make(url, APPLICATION, size=1)
    try:
        async with engine.begin() as connection:
            return await job(connection)
    finally:
        await engine.dispose()


def _refused(error: Exception) -> RadiusdError:
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    if isinstance(error, UnicodeError):
        return ConfigError(f"the database does not take this text: {line}")
    return StoreError(f"the database refused: {line}")
