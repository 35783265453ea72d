"""Databases of every origin come to the wanted schema with nothing lost, or the reason is said."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from radiusd.errors import StoreError
from radiusd.store import connections, migrate
from radiusd.store.embedded import start_or_adopt

FREERADIUS = Path("/etc/freeradius/3.0/mods-config/sql")  # Debian's package freeradius-postgresql
SCRIPTS = (FREERADIUS / "main/postgresql/schema.sql", FREERADIUS / "ippool/postgresql/schema.sql")
SYSTEM = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
STEPS = ["0001", "0002", "0003"]

ROWS = """
INSERT INTO radcheck (username, attribute, op, value) VALUES ('alice', 'Cleartext-Password', ':=', 'x');
INSERT INTO radcheck (username, attribute, op, value) VALUES ('b', 'no such attribute', 'y', '');
INSERT INTO radreply (username, attribute, op, value) VALUES ('alice', 'Framed-IP-Address', '=', '10.0.0.1');
INSERT INTO radgroupcheck (groupname, attribute, op, value) VALUES ('staff', 'Simultaneous-Use', ':=', '1');
INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES ('staff', 'Session-Timeout', ':=', '600');
INSERT INTO radusergroup (username, groupname, priority) VALUES ('alice', 'staff', 1);
INSERT INTO radpostauth (username, pass, reply, class) VALUES ('alice', 'x', 'Access-Accept', '0x61');
INSERT INTO nas (nasname, shortname, type, ports, secret) VALUES ('192.0.2.1', 'vpn1', 'other', 0, 's');
INSERT INTO nasreload VALUES ('192.0.2.1', now());
INSERT INTO radippool (pool_name, framedipaddress) VALUES ('main', '10.0.0.1');
INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctinputoctets,
    framedipv6prefix) VALUES ('1', 'u1', 'alice', '192.0.2.1', now(), 9007199254740993, '2001:db8::/64');
"""
TABLES = sorted(set(re.findall(r"INTO (\w+)", ROWS)))

COLUMNS = """
SELECT table_name, ordinal_position, column_name, data_type, character_maximum_length, datetime_precision,
       is_nullable, column_default
  FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2
"""
INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n' ORDER BY 1, 2
"""  # without NOT NULL, which is such a constraint from PostgreSQL 18 on only


@pytest.fixture(scope="module")
def system_postgres():
    """Run the Postgres that the system brings, an older release."""
    if not SYSTEM:
        if os.environ.get("CI") == "true":
            pytest.fail("the system brings no Postgres: install Debian's package postgresql")
        pytest.skip("the system brings no Postgres in /usr/lib/postgresql")
    folder = Path(tempfile.mkdtemp(prefix="radiusd-", dir="/tmp"))
    folder.chmod(0o711)
    server = start_or_adopt(folder / "data", SYSTEM[0].parent, fsync=False)
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture(params=["postgres", "system_postgres"])
def each_release(request):
    """Give the URL of an empty database, once on the embedded Postgres and once on the system's."""
    server = request.getfixturevalue(request.param)
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(make_conninfo(server.conninfo, dbname="postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        yield connections.url(make_conninfo(server.conninfo, dbname=name))
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def role(empty_database):
    """Give a role called radiusd that may do nothing but connect, and the URL by which it does."""
    run(empty_database, "CREATE ROLE radiusd LOGIN")
    yield connections.url(make_conninfo(connections.conninfo(empty_database), user="radiusd"))
    run(empty_database, "DROP OWNED BY radiusd CASCADE; DROP ROLE radiusd")


def run(url: str, statement: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement)


def rows(url: str, query: str) -> list[tuple]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def content(url: str) -> dict[str, list[tuple]]:
    return {table: rows(url, f"SELECT * FROM {table} ORDER BY 1") for table in TABLES}


def load_freeradius(url: str) -> None:
    for script in SCRIPTS:
        if not os.access(script, os.R_OK):
            if os.environ.get("CI") == "true":
                pytest.fail("install Debian's package freeradius-postgresql")
            pytest.skip("Debian's package freeradius-postgresql is not installed, or its files are root's alone")
        run(url, script.read_text())


def test_an_empty_database_comes_to_the_wanted_schema(each_release):
    assert migrate.check(each_release).verdict == "absent"
    steps = []
    state = migrate.upgrade(each_release, steps.append)
    assert (state.verdict, state.current, state.adopted, steps) == ("current", STEPS[-1], (), STEPS)
    assert migrate.check(each_release).verdict == "current"
    run(each_release, ROWS)
    changes = rows(each_release, "SELECT kind, name FROM radiusd.change ORDER BY kind, name")
    assert set(changes) == {("client", "1"), ("group", "staff"), ("user", "alice"), ("user", "b")}


def test_a_second_upgrade_finds_nothing_to_do(database):
    steps = []
    assert migrate.upgrade(database, steps.append).verdict == "current"
    assert steps == []
    migrate.require(database)


def test_a_freeradius_database_is_adopted_whole(each_release, database):
    load_freeradius(each_release)
    run(each_release, ROWS)
    before = content(each_release)
    assert all(before.values())
    state = migrate.upgrade(each_release)
    assert (state.verdict, set(state.adopted)) == ("current", set(TABLES))
    assert content(each_release) == before
    for query in (COLUMNS, INDEXES, CONSTRAINTS):
        assert rows(each_release, query) == rows(database, query)


def test_freeradius_tables_may_come_a_part_at_a_time(empty_database):
    load_freeradius(empty_database)
    run(empty_database, "DROP TABLE radippool, nasreload, nas")
    state = migrate.upgrade(empty_database)
    assert "nas" not in state.adopted
    assert "radcheck" in state.adopted
    run(empty_database, ROWS)


def test_freeradius_tables_in_a_schema_of_their_own_are_adopted_there(empty_database):
    name = connections.parse(empty_database)["dbname"]
    run(empty_database, f"CREATE SCHEMA fr; ALTER DATABASE {name} SET search_path = fr, public")
    load_freeradius(empty_database)
    migrate.upgrade(empty_database)
    run(empty_database, ROWS)
    run(empty_database, "INSERT INTO radiusd.client (nas_id, name) VALUES (1, 'vpn1'); DELETE FROM nas")
    assert rows(empty_database, "SELECT FROM radiusd.client") == []
    tables = "SELECT table_schema FROM information_schema.tables WHERE table_name = ANY(%s)"
    with psycopg.connect(empty_database) as connection:
        assert set(connection.execute(tables, (TABLES,)).fetchall()) == {("fr",)}


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        ("ALTER TABLE radacct DROP COLUMN class, DROP COLUMN framedipv6address", "radacct ADD COLUMN class text;"),
        ("ALTER TABLE radacct ALTER acctinputoctets TYPE integer", "ALTER COLUMN acctinputoctets TYPE bigint;"),
        ("ALTER TABLE radacct ALTER acctstarttime TYPE timestamp", "it is timestamp without time zone"),
        ("ALTER TABLE radacct DROP CONSTRAINT radacct_acctuniqueid_key", "radacct ADD UNIQUE (acctuniqueid);"),
        ("ALTER TABLE radcheck ADD COLUMN tenant integer NOT NULL", "ALTER COLUMN tenant DROP NOT NULL;"),
    ],
)
def test_tables_that_differ_are_refused_with_the_remedy(empty_database, damage, word):
    load_freeradius(empty_database)
    run(empty_database, damage)
    before = rows(empty_database, COLUMNS)
    with pytest.raises(StoreError, match=re.escape(word)) as caught:
        migrate.upgrade(empty_database)
    assert len(str(caught.value).splitlines()) == 1
    assert rows(empty_database, COLUMNS) == before
    run(empty_database, "\n".join(re.findall(r"ALTER TABLE [^;]+;", str(caught.value))))
    assert migrate.upgrade(empty_database).verdict == "current"


def test_tables_that_differ_harmlessly_are_adopted(empty_database):
    load_freeradius(empty_database)
    run(
        empty_database,
        "ALTER TABLE radcheck ALTER username TYPE varchar(64), ALTER id TYPE bigint, ADD COLUMN note text; "
        "DROP INDEX radacct_calss_idx",
    )
    before = rows(empty_database, COLUMNS)
    assert migrate.upgrade(empty_database).verdict == "current"
    assert rows(empty_database, COLUMNS) == before


def test_a_view_is_no_table(empty_database):
    run(empty_database, "CREATE VIEW radcheck AS SELECT 1 AS id")
    with pytest.raises(StoreError, match="radcheck is not a table"):
        migrate.upgrade(empty_database)


def test_a_role_without_rights_is_told_the_grants_and_they_suffice(empty_database, role):
    load_freeradius(empty_database)
    with pytest.raises(StoreError, match="the role radiusd may not set up the schema") as caught:
        migrate.upgrade(role)
    assert len(str(caught.value).splitlines()) == 1
    run(empty_database, "\n".join(re.findall(r"GRANT [^;]+;", str(caught.value))))
    assert migrate.upgrade(role).verdict == "current"
    run(role, ROWS)
    assert {name for _, name in rows(role, "SELECT kind, name FROM radiusd.change")} == {"alice", "b", "staff", "1"}


def test_tables_of_freeradius_are_not_made_in_a_schema_named_for_the_role(empty_database, role):
    run(empty_database, "CREATE SCHEMA radiusd AUTHORIZATION radiusd; GRANT CREATE ON SCHEMA public TO radiusd")
    migrate.upgrade(role)
    assert rows(role, "SELECT relnamespace::regnamespace::text FROM pg_class WHERE relname = 'radcheck'") == [
        ("public",)
    ]


def test_a_newer_schema_is_refused_and_left_alone(database):
    run(database, "UPDATE radiusd.alembic_version SET version_num = '9999'")
    assert migrate.check(database).verdict == "newer"
    for refuse in (migrate.upgrade, migrate.require):
        with pytest.raises(StoreError, match=f"schema 9999 is newer than this radiusd, which knows {STEPS[-1]}"):
            refuse(database)
    assert rows(database, "SELECT version_num FROM radiusd.alembic_version") == [("9999",)]


def test_a_schema_that_is_behind_is_required_to_be_upgraded(empty_database):
    with pytest.raises(StoreError, match=r"is missing, .*: run `radiusd db upgrade`"):
        migrate.require(empty_database)
    migrate.upgrade(empty_database)
    run(empty_database, "UPDATE radiusd.alembic_version SET version_num = '0001'")
    assert migrate.check(empty_database).verdict == "behind"
    with pytest.raises(StoreError, match=r"is 0001, .*: run `radiusd db upgrade`"):
        migrate.require(empty_database)


def test_processes_upgrade_one_after_the_other(empty_database):
    program = "import sys; from radiusd.store import migrate; migrate.upgrade(sys.argv[1], print)"
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with psycopg.connect(empty_database, autocommit=True) as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", (migrate.LOCK,))
        processes = [
            subprocess.Popen([sys.executable, "-c", program, empty_database], stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        deadline = time.monotonic() + 60
        while holder.execute(waiting).fetchone() != (2,):
            assert time.monotonic() < deadline, "the processes do not wait for the lock"
        assert rows(empty_database, "SELECT to_regnamespace('radiusd')") == [(None,)]
        holder.execute("SELECT pg_advisory_unlock(%s)", (migrate.LOCK,))
        printed = sorted(process.communicate(timeout=60)[0].split() for process in processes)
    assert [process.returncode for process in processes] == [0, 0]
    assert printed == [[], STEPS]


@pytest.mark.long
def test_a_locked_table_is_not_waited_for_long(empty_database):
    load_freeradius(empty_database)
    with psycopg.connect(empty_database) as other:
        other.execute("INSERT INTO radcheck DEFAULT VALUES")
        with pytest.raises(StoreError, match="another program holds"):
            migrate.upgrade(empty_database)
    assert migrate.upgrade(empty_database).verdict == "current"


def test_a_database_that_cannot_be_reached_is_named_without_the_password(unused_tcp_port):
    with pytest.raises(StoreError, match=r"radius on 127\.0\.0\.1 port") as caught:
        migrate.check(f"postgresql://alice:hunter2@127.0.0.1:{unused_tcp_port}/radius")
    assert "hunter2" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
