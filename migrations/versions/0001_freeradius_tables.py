"""FreeRADIUS's tables: made where they are missing, adopted as they are where they exist.

A table that exists keeps its rows, columns and indexes untouched. It is compared with what release 3.2 has,
and the migration ends with every difference that would lose or refuse data, and the statement that mends it.

Revision 0001, the first.
"""

from alembic import context, op
from sqlalchemy import text

from radiusd.errors import StoreError

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def items(subject: str, op_default: str) -> dict[str, str]:
    """Return the columns of one of the four tables of check and reply items."""
    return {
        "id": "serial PRIMARY KEY",
        subject: "text NOT NULL DEFAULT ''",
        "attribute": "text NOT NULL DEFAULT ''",
        "op": f"varchar(2) NOT NULL DEFAULT '{op_default}'",
        "value": "text NOT NULL DEFAULT ''",
    }


TABLES: dict[str, dict[str, str]] = {
    "radacct": {
        "radacctid": "bigserial PRIMARY KEY",
        "acctsessionid": "text NOT NULL",
        "acctuniqueid": "text NOT NULL UNIQUE",
        "username": "text",
        "realm": "text",
        "nasipaddress": "inet NOT NULL",
        "nasportid": "text",
        "nasporttype": "text",
        "acctstarttime": "timestamptz",
        "acctupdatetime": "timestamptz",
        "acctstoptime": "timestamptz",
        "acctinterval": "bigint",
        "acctsessiontime": "bigint",
        "acctauthentic": "text",
        "connectinfo_start": "text",
        "connectinfo_stop": "text",
        "acctinputoctets": "bigint",
        "acctoutputoctets": "bigint",
        "calledstationid": "text",
        "callingstationid": "text",
        "acctterminatecause": "text",
        "servicetype": "text",
        "framedprotocol": "text",
        "framedipaddress": "inet",
        "framedipv6address": "inet",
        "framedipv6prefix": "inet",
        "framedinterfaceid": "text",
        "delegatedipv6prefix": "inet",
        "class": "text",
    },
    "radcheck": items("username", "=="),
    "radgroupcheck": items("groupname", "=="),
    "radgroupreply": items("groupname", "="),
    "radreply": items("username", "="),
    "radusergroup": {
        "id": "serial PRIMARY KEY",
        "username": "text NOT NULL DEFAULT ''",
        "groupname": "text NOT NULL DEFAULT ''",
        "priority": "integer NOT NULL DEFAULT 0",
    },
    "radpostauth": {
        "id": "bigserial PRIMARY KEY",
        "username": "text NOT NULL",
        "pass": "text",
        "reply": "text",
        "calledstationid": "text",
        "callingstationid": "text",
        "authdate": "timestamptz NOT NULL DEFAULT now()",
        "class": "text",
    },
    "nas": {
        "id": "serial PRIMARY KEY",
        "nasname": "text NOT NULL",
        "shortname": "text NOT NULL",
        "type": "text NOT NULL DEFAULT 'other'",
        "ports": "integer",
        "secret": "text NOT NULL",
        "server": "text",
        "community": "text",
        "description": "text",
    },
    "nasreload": {"nasipaddress": "inet PRIMARY KEY", "reloadtime": "timestamptz NOT NULL"},
    "radippool": {
        "id": "bigserial PRIMARY KEY",
        "pool_name": "text NOT NULL",
        "framedipaddress": "inet NOT NULL",
        "nasipaddress": "text NOT NULL DEFAULT ''",
        "pool_key": "text NOT NULL DEFAULT ''",
        "calledstationid": "text NOT NULL DEFAULT ''",
        "callingstationid": "text NOT NULL DEFAULT ''",
        "expiry_time": "timestamp(0) without time zone NOT NULL DEFAULT now()",
        "username": "text DEFAULT ''",
    },
}

INDEXES = {
    "radacct": (
        "radacct_active_session_idx ON radacct (acctuniqueid) WHERE acctstoptime IS NULL",
        "radacct_bulk_close ON radacct (nasipaddress, acctstarttime) WHERE acctstoptime IS NULL",
        "radacct_start_user_idx ON radacct (acctstarttime, username)",
        "radacct_calss_idx ON radacct (class)",
    ),
    "radcheck": ("radcheck_username ON radcheck (username, attribute)",),
    "radgroupcheck": ("radgroupcheck_groupname ON radgroupcheck (groupname, attribute)",),
    "radgroupreply": ("radgroupreply_groupname ON radgroupreply (groupname, attribute)",),
    "radreply": ("radreply_username ON radreply (username, attribute)",),
    "radusergroup": ("radusergroup_username ON radusergroup (username)",),
    "radpostauth": (
        "radpostauth_username_idx ON radpostauth (username)",
        "radpostauth_class_idx ON radpostauth (class)",
    ),
    "nas": ("nas_nasname ON nas (nasname)",),
    "radippool": (
        "radippool_poolname_expire ON radippool (pool_name, expiry_time)",
        "radippool_framedipaddress ON radippool (framedipaddress)",
        "radippool_nasip_poolkey_ipaddress ON radippool (nasipaddress, pool_key, framedipaddress)",
    ),
}

# What an existing column may be instead, by the first word of ours: older releases and other front ends
# bounded their texts, and a key's width is nobody's loss.
ACCEPTED = {
    "serial": {"integer", "bigint"},
    "bigserial": {"integer", "bigint"},
    "integer": {"smallint", "integer", "bigint"},
    "bigint": {"bigint"},
    "text": {"text", "character varying"},
    "varchar(2)": {"text", "character varying", "character"},
    "inet": {"inet"},
    "timestamptz": {"timestamp with time zone"},
    "timestamp(0)": {"timestamp without time zone"},
}


def differences(table: str, columns: dict[str, str]) -> list[str]:
    """Return what of an existing table we cannot live with, each with its remedy where SQL has one."""
    relation = {"relation": table}
    kind = op.get_bind().scalar(text("SELECT relkind FROM pg_class WHERE oid = to_regclass(:relation)"), relation)
    if kind not in ("r", "p"):
        return [f"{table} is not a table"]
    found = {
        name: (type_, required)
        for name, type_, required in op.get_bind().execute(
            text("""
            SELECT attname, regexp_replace(format_type(atttypid, atttypmod), '\\(\\d+\\)', ''),
                   attnotnull AND NOT atthasdef AND attidentity = ''
              FROM pg_attribute
             WHERE attrelid = to_regclass(:relation) AND attnum > 0 AND NOT attisdropped
            """),
            relation,
        )
    }
    complaints = []
    for name, definition in columns.items():
        if name not in found:
            complaints.append(f"ALTER TABLE {table} ADD COLUMN {name} {definition};")
        elif found[name][0] not in ACCEPTED[definition.split()[0]]:
            wanted = definition.split(" NOT NULL")[0].split(" DEFAULT")[0]
            complaints.append(f"ALTER TABLE {table} ALTER COLUMN {name} TYPE {wanted}; -- it is {found[name][0]}")
    complaints += [
        f"ALTER TABLE {table} ALTER COLUMN {name} DROP NOT NULL; -- not one of FreeRADIUS's columns"
        for name, (_, required) in found.items()
        if required and name not in columns
    ]
    return complaints


def sessions_are_unique() -> bool:
    """Tell whether `acctuniqueid` alone is unique in radacct: the accounting writer's upsert rests on it."""
    return bool(
        op.get_bind().scalar(
            text("""
            SELECT EXISTS (
                SELECT FROM pg_index i
                  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                 WHERE i.indrelid = to_regclass('radacct') AND i.indisunique AND i.indisvalid
                   AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = 1 AND a.attname = 'acctuniqueid')
            """)
        )
    )


def upgrade() -> None:
    complaints: list[str] = []
    adopted = []
    for table, columns in TABLES.items():
        if op.get_bind().scalar(text("SELECT to_regclass(:relation) IS NULL"), {"relation": table}):
            listed = ", ".join(f"{name} {definition}" for name, definition in columns.items())
            # An interim rewrites its row: with room on the page, the new version needs no new index entries.
            room = " WITH (fillfactor = 80)" if table == "radacct" else ""
            op.execute(f"CREATE TABLE {table} ({listed}){room}")
            for index in INDEXES.get(table, ()):
                op.execute(f"CREATE INDEX {index}")
        else:
            adopted.append(table)
            complaints += differences(table, columns)
    if not complaints and not sessions_are_unique():
        complaints.append("ALTER TABLE radacct ADD UNIQUE (acctuniqueid);")
    if complaints:
        raise StoreError(
            "the FreeRADIUS tables of this database are not those of release 3.2; after a dump, run: "
            + " ".join(complaints)
        )
    if adopted:
        context.config.attributes.setdefault("adopted", []).extend(adopted)
