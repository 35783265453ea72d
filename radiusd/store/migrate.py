"""Bring the database to the schema this release wants, or say how it stands.

One process migrates at a time, whoever else starts waits for it (an advisory lock); then it finds nothing to
do. A schema that this release does not know was made by a newer one: it is never touched.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from radiusd.config import shipped
from radiusd.errors import StoreError
from radiusd.store import connections
from radiusd.store.schema import SCHEMA

LOCK = 0x52414449  # "RADI": the advisory lock of all radiusd migrations in one database
LOCK_WAIT = 120  # seconds for another process to finish its migration


@dataclass(frozen=True, slots=True)
class SchemaState:
    """How the database's schema stands to this release.

    `current` is the database's revision, None where radiusd was never; `adopted` names the FreeRADIUS tables
    that an upgrade found and kept.
    """

    current: str | None
    wanted: str
    verdict: Literal["current", "absent", "behind", "newer"]
    adopted: tuple[str, ...] = ()


def check(url: str) -> SchemaState:
    """Read the database's state; nothing is changed. Raises StoreError when it cannot be read."""
    with _connected(url) as connection:
        return _state(connection)


def require(url: str) -> None:
    """Do nothing if the schema is the one wanted, else raise StoreError with what to do."""
    state = check(url)
    if state.verdict != "current":
        _refuse_newer(state)
        raise StoreError(
            f"the database's schema is {'missing' if state.current is None else state.current}, this radiusd needs "
            f"{state.wanted}: run `radiusd db upgrade`"
        )


def upgrade(url: str, on_step: Callable[[str], None] | None = None) -> SchemaState:
    """Apply the pending migrations, each in a transaction of its own; `on_step` hears of each that is done.

    Returns the state after. Raises StoreError, in one line, when the schema is newer than this release, a
    right is missing, another program holds a lock for too long, or existing tables cannot be adopted.
    """
    with _connected(url) as connection:
        try:
            connection.execute(text(f"SET lock_timeout = '{LOCK_WAIT}s'"))
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
            connection.commit()
            state = _state(connection)
            _refuse_newer(state)
            if state.verdict == "current":
                return state
            config = _config()
            config.attributes["connection"] = connection
            if on_step is not None:
                config.attributes["on_version_apply"] = lambda *, step, **_rest: on_step(str(step.up_revision_id))
            command.upgrade(config, "head")
            connection.commit()
            after = _state(connection)
        except DBAPIError as error:
            raise StoreError(_explain(connection, error)) from error
        return SchemaState(after.current, after.wanted, after.verdict, tuple(config.attributes.get("adopted", ())))


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    """Give one connection of its own; what is set on it ends with it, and so does the advisory lock."""
    target = connections.conninfo(url, "radiusd migrate")
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(target), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise StoreError(f"the database {connections.describe(url)}: {_first_line(error)}") from error


def _config() -> Config:
    config = Config()
    # The parser behind the options takes a percent sign for an interpolation.
    config.set_main_option("script_location", str(shipped("migrations")).replace("%", "%%"))
    return config


def _state(connection: Connection) -> SchemaState:
    script = ScriptDirectory.from_config(_config())
    wanted = str(script.get_current_head())
    known = {revision.revision for revision in script.walk_revisions()}
    current = MigrationContext.configure(connection, opts={"version_table_schema": SCHEMA}).get_current_revision()
    connection.rollback()
    if current is None:
        return SchemaState(None, wanted, "absent")
    if current not in known:
        return SchemaState(current, wanted, "newer")
    return SchemaState(current, wanted, "current" if current == wanted else "behind")


def _refuse_newer(state: SchemaState) -> None:
    if state.verdict == "newer":
        raise StoreError(
            f"the database's schema {state.current} is newer than this radiusd, which knows {state.wanted}: "
            "start the newer radiusd, or restore the dump made before its upgrade"
        )


def _explain(connection: Connection, error: DBAPIError) -> str:
    """Say in one line what Postgres refused and who can mend it."""
    connection.rollback()
    cause = error.orig
    if isinstance(cause, psycopg.errors.InsufficientPrivilege):
        role, database, schema = connection.execute(
            text(
                "SELECT quote_ident(current_user), quote_ident(current_database()), "
                "quote_ident(coalesce(current_schema(), 'public'))"
            )
        ).one()
        return (
            f"the role {role} may not set up the schema ({_first_line(error)}): let a superuser run "
            f"GRANT CREATE ON DATABASE {database} TO {role}; GRANT USAGE, CREATE ON SCHEMA {schema} TO {role}; "
            f"and, where FreeRADIUS's tables exist, GRANT SELECT, INSERT, UPDATE, DELETE, TRIGGER ON ALL TABLES IN "
            f"SCHEMA {schema} TO {role}; GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role};"
        )
    if isinstance(cause, psycopg.errors.LockNotAvailable):
        return "another program holds a table or the migration lock for too long; nothing was changed, try again"
    return f"the schema could not be set up: {_first_line(error)}"


def _first_line(error: DBAPIError) -> str:
    return (str(error.orig).strip() or type(error.orig).__name__).splitlines()[0]
