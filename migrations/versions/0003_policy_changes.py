"""The feed of policy changes: `radiusd.change`, its triggers, and NOTIFY.

The triggers are per statement, with transition tables: a load of ten thousand rows writes one row a name and
sends one notification. Their functions run with the rights of their owner, as the tools that write FreeRADIUS's
tables have no rights in our schema, and with a search path that nobody can bend.

Revision 0003, follows 0002.
"""

from alembic import op
from sqlalchemy import text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

CHANGE = (
    """
    CREATE TABLE radiusd.change (
        id bigserial PRIMARY KEY,
        xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
        kind text NOT NULL CHECK (kind IN ('user', 'group', 'client', 'all')),
        name text NOT NULL,
        at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX change_xid_idx ON radiusd.change (xid)",
)

SOURCES = {
    "radcheck": "record_user_change",
    "radreply": "record_user_change",
    "radusergroup": "record_user_change",
    "radgroupcheck": "record_group_change",
    "radgroupreply": "record_group_change",
    "nas": "record_nas_change",
    "radiusd.client": "record_client_change",
}

EVENTS = {
    "INSERT": ("NEW TABLE AS new_rows", "SELECT {column} FROM new_rows"),
    "UPDATE": (
        "OLD TABLE AS old_rows NEW TABLE AS new_rows",
        "SELECT {column} FROM old_rows UNION SELECT {column} FROM new_rows",
    ),
    "DELETE": ("OLD TABLE AS old_rows", "SELECT {column} FROM old_rows"),
}

FUNCTION = """
CREATE FUNCTION radiusd.{name}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
{body}
    RETURN NULL;
END
$$
"""

RECORD = """
    IF TG_OP = 'INSERT' THEN
        INSERT INTO radiusd.change (kind, name)
            SELECT DISTINCT '{kind}', key::text FROM ({INSERT}) AS touched (key);
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO radiusd.change (kind, name)
            SELECT DISTINCT '{kind}', key::text FROM ({UPDATE}) AS touched (key);
    ELSE
        INSERT INTO radiusd.change (kind, name)
            SELECT DISTINCT '{kind}', key::text FROM ({DELETE}) AS touched (key);
    END IF;
    IF FOUND THEN
        NOTIFY radiusd_policy;
    END IF;"""

# A row of radiusd.client does not outlive its row of nas.
RELEASE = """
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM radiusd.client AS c USING old_rows AS o
         WHERE c.nas_id = o.id AND NOT EXISTS (SELECT FROM {nas} AS n WHERE n.id = o.id);
    END IF;"""

TRUNCATED = """
    IF TG_ARGV[0] = 'nas' THEN
        DELETE FROM radiusd.client;
    END IF;
    INSERT INTO radiusd.change (kind, name) VALUES ('all', '');
    NOTIFY radiusd_policy;"""


def record(kind: str, column: str) -> str:
    """Return the statements that record the rows of one trigger's transition tables."""
    return RECORD.format(kind=kind, **{event: rows.format(column=column) for event, (_, rows) in EVENTS.items()})


def upgrade() -> None:
    for statement in CHANGE:
        op.execute(statement)
    nas = op.get_bind().scalar(
        text("""
        SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = 'nas'::regclass
        """)
    )
    functions = {
        "record_user_change": record("user", "username"),
        "record_group_change": record("group", "groupname"),
        "record_nas_change": record("client", "id") + RELEASE.format(nas=nas),
        "record_client_change": record("client", "nas_id"),
        "record_truncate": TRUNCATED,
    }
    for name, body in functions.items():
        op.execute(FUNCTION.format(name=name, body=body))
    for table, function in SOURCES.items():
        for event, (rows, _) in EVENTS.items():
            op.execute(
                f"CREATE TRIGGER radiusd_{event.lower()} AFTER {event} ON {table} REFERENCING {rows} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION radiusd.{function}()"
            )
        op.execute(
            f"CREATE TRIGGER radiusd_truncate AFTER TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION radiusd.record_truncate('{table}')"
        )
