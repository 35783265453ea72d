"""What every test may ask for: a real Postgres, a database of its own, the dictionaries."""

import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy.ext.asyncio import AsyncEngine

from radiusd.config import shipped
from radiusd.store import connections, engines, migrate
from radiusd.store.embedded import Embedded, start_or_adopt


@pytest.fixture(scope="session")
def postgres() -> Iterator[Embedded]:
    """Run the embedded Postgres in a short folder (a socket's path is limited) for the whole run."""
    folder = Path(tempfile.mkdtemp(prefix="radiusd-", dir="/tmp"))
    folder.chmod(0o711)
    server = start_or_adopt(folder / "data", fsync=False)
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def template(postgres: Embedded) -> str:
    """Name a database that has the schema and no rows; nobody may stay connected to it."""
    name = "migrated"
    execute(postgres, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    migrate.upgrade(make_conninfo(postgres.conninfo, dbname=name))
    return name


@pytest.fixture
def database(postgres: Embedded, template: str) -> Iterator[str]:
    """Give the URL of a fresh database with the schema."""
    yield from fresh_database(postgres, template)


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    """Give SQLAlchemy's engine on the test's database."""
    made = engines.make(database)
    yield made
    await made.dispose()


@pytest.fixture
def empty_database(postgres: Embedded) -> Iterator[str]:
    """Give the URL of a fresh database with nothing in it."""
    yield from fresh_database(postgres, "template0")


@pytest.fixture(scope="session")
def dictionary():
    """Load the dictionaries that travel with radiusd, once."""
    from radiusd.dictionary.loader import load

    return load(root=shipped("dictionaries"))


def fresh_database(postgres: Embedded, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
    execute(postgres, create.format(sql.Identifier(name), sql.Identifier(template)))
    yield connections.url(make_conninfo(postgres.conninfo, dbname=name))
    execute(postgres, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def execute(postgres: Embedded, statement: sql.Composable) -> None:
    with psycopg.connect(make_conninfo(postgres.conninfo, dbname="postgres"), autocommit=True) as connection:
        connection.execute(statement)
