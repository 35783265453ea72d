"""The models are what the migrations make, and every write to a policy table is in the feed."""

import uuid
from collections.abc import Callable

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import NullPool, create_engine, insert, select
from sqlalchemy.dialects.postgresql.base import ischema_names

from radiusd.store import connections
from radiusd.store.schema import CHANNEL, SCHEMA, Base, Change, Client, Nas, RadAcct, RadCheck, Session, Xid8

ITEM = "attribute, op, value"
# Table, kind in the feed, the column that names the subject, and a row's other columns with their values.
SOURCES = {
    "radcheck": ("user", "username", ITEM, "'Cleartext-Password', ':=', 'x'"),
    "radreply": ("user", "username", ITEM, "'Reply-Message', '=', 'x'"),
    "radusergroup": ("user", "username", "groupname", "'staff'"),
    "radgroupcheck": ("group", "groupname", ITEM, "'Auth-Type', ':=', 'Accept'"),
    "radgroupreply": ("group", "groupname", ITEM, "'Idle-Timeout', ':=', '60'"),
    "nas": ("client", "id", "nasname, shortname, secret", "'192.0.2.1', 'vpn1', 's'"),
    "radiusd.client": ("client", "nas_id", "name", "gen_random_uuid()::text"),
}


class Feed:
    """Write on one connection; see what the feed and a listener on another got."""

    def __init__(self, url: str, open_: Callable[..., psycopg.Connection]) -> None:
        self.writer = open_(url)
        self.listener = open_(url)
        self.listener.execute(f"LISTEN {CHANNEL}")
        self.seen = 0

    def __call__(self, statement: str, *parameters: object) -> list[tuple[str, str]]:
        """Run one statement; give the changes it made, after seeing that they were notified once."""
        with self.writer.transaction():
            self.writer.execute(statement, parameters)
        return self.changes()

    def changes(self) -> list[tuple[str, str]]:
        rows = self.listener.execute(
            "SELECT id, kind, name FROM radiusd.change WHERE id > %s ORDER BY kind, name", (self.seen,)
        ).fetchall()
        self.seen = max([self.seen, *(row[0] for row in rows)])
        # The listener's own query, after the commit, has brought what was notified with it.
        notified = list(self.listener.notifies(timeout=0))
        assert [(n.channel, n.payload) for n in notified] == ([(CHANNEL, "")] if rows else [])
        return [row[1:] for row in rows]


@pytest.fixture
def open_():
    opened = []

    def connect(url: str) -> psycopg.Connection:
        opened.append(psycopg.connect(url, autocommit=True))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


@pytest.fixture
def feed(database, open_) -> Feed:
    return Feed(database, open_)


@pytest.fixture
def connection(database):
    target = connections.conninfo(database)
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(target), poolclass=NullPool)
    with engine.begin() as connection:
        yield connection


def test_models_are_what_the_migrations_make(connection, monkeypatch):
    monkeypatch.setitem(ischema_names, "xid8", Xid8)
    context = MigrationContext.configure(
        connection,
        opts={
            "include_schemas": True,
            "include_name": lambda name, type_, _: type_ != "schema" or name in (None, SCHEMA),
            "version_table_schema": SCHEMA,
            "compare_type": True,
            "compare_server_default": True,
        },
    )
    assert compare_metadata(context, Base.metadata) == []


def test_each_model_takes_and_gives_a_row(connection):
    connection.execute(insert(RadCheck).values(username="alice", attribute="NT-Password", value="0x00"))
    nas_id = connection.scalar(insert(Nas).values(nasname="::1", shortname="v", secret="s").returning(Nas.id))
    connection.execute(insert(Client).values(nas_id=nas_id, name="v"))
    connection.execute(insert(RadAcct).values(acctsessionid="1", acctuniqueid="u", nasipaddress="192.0.2.1"))
    connection.execute(
        insert(Session).values(acctuniqueid="u", client_name="v", state="active", last_seen="2030-01-01T00:00Z")
    )
    for table in Base.metadata.sorted_tables:
        connection.execute(select(table)).fetchall()
    check = connection.execute(select(RadCheck)).one()
    assert (check.username, check.op, check.value) == ("alice", "==", "0x00")
    client = connection.execute(select(Client)).one()
    assert (client.kind, client.require_message_authenticator, client.strip_user_name) == ("other", "auto", True)
    assert (client.reap_missed_interims, client.reap_grace, client.nas_hold) == (3, 60, 1800)
    assert str(connection.scalar(select(RadAcct.nasipaddress))) == "192.0.2.1"
    assert connection.scalar(select(Change.xid)).isdigit()


@pytest.mark.parametrize("table", SOURCES)
def test_every_kind_of_write_is_in_the_feed(feed, table):
    kind, key, columns, values = SOURCES[table]
    names = ["41", "42", "43"]
    for name in names:
        assert feed(f"INSERT INTO {table} ({key}, {columns}) VALUES (%s, {values})", name) == [(kind, name)]
    column = columns.split(", ", maxsplit=1)[0]
    assert feed(f"UPDATE {table} SET {column} = {column} || 'x' WHERE {key} = '41'") == [(kind, "41")]
    assert feed(f"UPDATE {table} SET {key} = '44' WHERE {key} = '41'") == [(kind, "41"), (kind, "44")]
    assert feed(f"DELETE FROM {table} WHERE {key} = '44'") == [(kind, "44")]
    assert feed(f"DELETE FROM {table} WHERE {key} = '99'") == []
    assert feed(f"TRUNCATE {table}") == [("all", "")]
    with feed.writer.transaction(), feed.writer.cursor().copy(f"COPY {table} ({key}, {columns}) FROM STDIN") as copy:
        copy.write("45\t" + "\t".join(values.replace("'", "").split(", ")) + "\n")
    assert feed.changes() == [(kind, "45")]


def test_a_row_that_is_merged_or_upserted_is_in_the_feed(feed):
    feed("INSERT INTO nas (id, nasname, shortname, secret) VALUES (1, '192.0.2.1', 'a', 's')")
    upsert = (
        "INSERT INTO nas (id, nasname, shortname, secret) VALUES (1, '192.0.2.2', 'a', 's') "
        "ON CONFLICT (id) DO UPDATE SET nasname = excluded.nasname"
    )
    assert feed(upsert) == [("client", "1")]
    merge = (
        "MERGE INTO nas USING (VALUES (1), (2)) AS v (id) ON nas.id = v.id WHEN MATCHED THEN UPDATE SET secret = 't' "
        "WHEN NOT MATCHED THEN INSERT (id, nasname, shortname, secret) VALUES (v.id, '192.0.2.3', 'b', 's')"
    )
    assert feed(merge) == [("client", "1"), ("client", "2")]


def test_a_large_load_costs_one_row_a_name_and_one_notification(feed):
    with (
        feed.writer.transaction(),
        feed.writer.cursor().copy(f"COPY radcheck (username, {ITEM}) FROM STDIN") as copy,
    ):
        for number in range(10_000):
            copy.write_row((f"user{number % 100:02}", "Cleartext-Password", ":=", str(number)))
    assert feed.changes() == [("user", f"user{number:02}") for number in range(100)]


def test_two_statements_of_a_transaction_are_notified_together(feed):
    with feed.writer.transaction():
        feed.writer.execute("INSERT INTO radusergroup (username, groupname) VALUES ('alice', 'staff')")
        feed.writer.execute("INSERT INTO radgroupreply (groupname, attribute, value) VALUES ('staff', 'Class', 'x')")
    assert feed.changes() == [("group", "staff"), ("user", "alice")]


def test_what_is_rolled_back_is_not_in_the_feed(feed):
    with feed.writer.transaction(force_rollback=True):
        feed.writer.execute("INSERT INTO radcheck (username) VALUES ('alice')")
    assert feed.changes() == []


def test_the_feed_is_read_by_transaction_not_by_number(database, open_):
    slow, quick, reader = open_(database), open_(database), open_(database)
    xmin = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text"
    read = "SELECT name FROM radiusd.change WHERE xid >= %s::xid8 ORDER BY name"
    start = reader.execute(xmin).fetchone()[0]
    slow.autocommit = False
    slow.execute("INSERT INTO radcheck (username) VALUES ('early')")
    quick.execute("INSERT INTO radcheck (username) VALUES ('late')")
    assert reader.execute(read, (start,)).fetchall() == [("late",)]
    horizon = reader.execute(xmin).fetchone()[0]
    slow.commit()
    assert reader.execute(read, (horizon,)).fetchall() == [("early",), ("late",)]


def test_a_client_goes_with_its_row_of_nas(feed):
    feed("INSERT INTO nas (id, nasname, shortname, secret) SELECT i, '::' || i, i, 's' FROM generate_series(1, 3) i")
    feed("INSERT INTO radiusd.client (nas_id, name) VALUES (1, 'one'), (2, 'two'), (3, 'three')")
    remaining = "SELECT nas_id FROM radiusd.client ORDER BY nas_id"
    feed("DELETE FROM nas WHERE id = 1")
    assert feed.listener.execute(remaining).fetchall() == [(2,), (3,)]
    feed("UPDATE nas SET secret = 't'")
    assert feed.listener.execute(remaining).fetchall() == [(2,), (3,)]
    feed("UPDATE nas SET id = 7 WHERE id = 2")
    assert feed.listener.execute(remaining).fetchall() == [(3,)]
    feed("TRUNCATE nas")
    assert feed.listener.execute(remaining).fetchall() == []


def test_a_tool_without_rights_in_our_schema_still_writes_its_tables(feed):
    role = f"tool_{uuid.uuid4().hex[:12]}"
    feed.writer.execute(f"CREATE ROLE {role}")
    feed.writer.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON radcheck, nas TO {role}")
    feed.writer.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}")
    try:
        feed.writer.execute(f"SET ROLE {role}")
        assert feed("INSERT INTO radcheck (username) VALUES ('alice')") == [("user", "alice")]
        assert feed("UPDATE radcheck SET username = 'bob'") == [("user", "alice"), ("user", "bob")]
        assert feed("TRUNCATE radcheck") == [("all", "")]
        assert feed("TRUNCATE nas") == [("all", "")]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            feed.writer.execute("SELECT FROM radiusd.change")
    finally:
        feed.writer.execute("RESET ROLE")
        feed.writer.execute(f"DROP OWNED BY {role}")
        feed.writer.execute(f"DROP ROLE {role}")
