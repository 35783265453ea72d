"""Alembic's door: run the migrations on the connection that `radiusd.store.migrate` hands in.

Each migration is one transaction, waits at most `LOCK_TIMEOUT` for a lock that another program holds on a
table, and a statement of it ends within `STATEMENT_TIMEOUT`: a server that goes on working is worth more
than a migration that gets through. Both are taken back by the caller, who closes the connection.

Tables that belong to FreeRADIUS are made in the first schema of the search path that is not ours: the path's
usual first entry, "$user", is our own schema when the role is called radiusd.
"""

from alembic import context
from sqlalchemy import Connection, text

from radiusd.store.schema import SCHEMA, Base

LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "120s"


def place_of_freeradius_tables(connection: Connection) -> str:
    """Return the schema, quoted for SQL, in which FreeRADIUS's tables are or will be."""
    found = connection.scalar(
        text("""
        SELECT coalesce(
            (SELECT quote_ident(n.nspname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE c.oid = coalesce(to_regclass('radcheck'), to_regclass('radacct'))),
            (SELECT quote_ident(path.name) FROM unnest(current_schemas(false)) WITH ORDINALITY AS path (name, place)
              WHERE path.name <> :ours ORDER BY path.place LIMIT 1),
            'public')
        """),
        {"ours": SCHEMA},
    )
    return str(found)


def run(connection: Connection) -> None:
    """Bring the database to the revision asked for."""
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
    connection.execute(text(f"SET search_path = {place_of_freeradius_tables(connection)}"))
    # Asked first: CREATE SCHEMA wants the right to create even where IF NOT EXISTS has nothing to do.
    if connection.scalar(text("SELECT to_regnamespace(:name) IS NULL"), {"name": SCHEMA}):
        connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        version_table_schema=SCHEMA,
        transaction_per_migration=True,
        on_version_apply=context.config.attributes.get("on_version_apply"),
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
