"""SQLAlchemy's engine over the same connections as everybody's: for the REST side and the command line.

It stands apart from `connections`, so that a worker, which speaks psycopg alone, need not load SQLAlchemy.
"""

import psycopg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from radiusd.store import connections


def make(
    url: str, application_name: str = "radiusd", *, size: int = 5, statement_timeout: float = 30.0, wait: float = 5.0
) -> AsyncEngine:
    """Make SQLAlchemy's engine, with at most `size` connections of the same kind.

    Whoever waits for a connection longer than `wait` seconds gets sqlalchemy.exc.TimeoutError.
    """
    target = connections.conninfo(url, application_name)

    async def creator() -> psycopg.AsyncConnection:
        connection = await psycopg.AsyncConnection.connect(target)
        await connections.limit(connection, statement_timeout)
        return connection

    # The creator, and not a URL of SQLAlchemy's own, since that cannot say all that libpq can.
    return create_async_engine(
        "postgresql+psycopg://",
        async_creator=creator,
        pool_size=size,
        max_overflow=0,
        pool_timeout=wait,
        pool_pre_ping=True,
        pool_recycle=1800,
        hide_parameters=True,
    )
