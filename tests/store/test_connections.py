"""One reading of the database URL, and connections that do not hang."""

import asyncio
import socket
import time

import psycopg
import psycopg_pool
import pytest
import sqlalchemy
from psycopg.conninfo import conninfo_to_dict

from radiusd.errors import ConfigError
from radiusd.store import connections, engines

FORMS = {
    "postgresql://alice:s%40cret@db.example:5433/radius": ("db.example", "5433"),
    "postgres://alice:s%40cret@db.example:5433/radius": ("db.example", "5433"),
    "postgresql+psycopg://alice:s%40cret@db.example:5433/radius": ("db.example", "5433"),
    "host=db.example port=5433 user=alice password='s@cret' dbname=radius": ("db.example", "5433"),
    "postgresql://alice:s%40cret@a,b:5433/radius": ("a,b", ",5433"),
    "postgresql://alice:s%40cret@/radius?host=a,b&port=1,2": ("a,b", "1,2"),
    "host=a,b port=1,2 user=alice password=s@cret dbname=radius": ("a,b", "1,2"),
    "postgresql://alice:s%40cret@[2001:db8::1]:5433/radius": ("2001:db8::1", "5433"),
    "postgresql://alice:s%40cret@/radius?host=/var/run/a%20b": ("/var/run/a b", None),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_names_the_same_target(form):
    host, port = FORMS[form]
    found = conninfo_to_dict(connections.conninfo(form))
    assert (found["host"], found.get("port")) == (host, port)
    assert (found["user"], found["password"], found["dbname"]) == ("alice", "s@cret", "radius")
    assert conninfo_to_dict(connections.conninfo(connections.url(form))) == found


def test_defaults_notice_a_server_that_hangs_and_yield_to_the_operator():
    found = conninfo_to_dict(connections.conninfo("postgresql://db/radius", "radiusd writer"))
    assert found["application_name"] == "radiusd writer"
    assert int(found["connect_timeout"]) <= 10
    assert int(found["tcp_user_timeout"]) <= 15_000
    idle, interval, count = (int(found[f"keepalives_{name}"]) for name in ("idle", "interval", "count"))
    assert idle + interval * count <= 15
    chosen = conninfo_to_dict(
        connections.conninfo("postgresql://db/radius?connect_timeout=2&application_name=mine&keepalives=0")
    )
    assert (chosen["connect_timeout"], chosen["application_name"], chosen["keepalives"]) == ("2", "mine", "0")


def test_of_several_hosts_the_one_that_writes_is_wanted():
    assert "target_session_attrs" not in conninfo_to_dict(connections.conninfo("host=a dbname=r"))
    assert conninfo_to_dict(connections.conninfo("host=a,b dbname=r"))["target_session_attrs"] == "read-write"
    chosen = conninfo_to_dict(connections.conninfo("host=a,b dbname=r target_session_attrs=any"))
    assert chosen["target_session_attrs"] == "any"


@pytest.mark.parametrize(
    ("url", "word"),
    {
        "": "expected",
        "radius": "expected",
        "mysql://alice:hunter2@db/radius": "mysql://",
        "sqlite:///radius.db": "sqlite://",
        "postgresql://alice:hun/ter2@db:port/radius": "port",
        "postgresql://alice:hunter2@db:0/radius": "65535",
        "postgresql://alice:hunter2@db:70000/radius": "65535",
        "postgresql://alice:hunter2@db/radius?port=x": "65535",
        "postgresql://alice:hunter2@db/radius?sslmod=require": "sslmode",
        "postgresql://alice:hunter2@db/radius?hunter2=1": "does not know",
        "postgresql://alice:hunter2@[::1/radius": "cannot be read",
        "postgresql://alice:hunter%ZZ2@db/radius": "cannot be read",
        "host=db password=hunter2 secret hunter2": "cannot be read",
        "host=db password=hunter2 hunter2=1": "does not know",
        "host=db password='hunter2": "cannot be read",
        "host=db password=hunter2 connect_timeout=soon": "connect_timeout",
    }.items(),
)
def test_a_bad_url_is_one_line_without_its_password(url, word):
    with pytest.raises(ConfigError) as caught:
        connections.conninfo(url)
    message = str(caught.value)
    assert word in message
    assert "hun" not in message.replace("does not know", "")
    assert len(message.splitlines()) == 1


def test_a_description_holds_no_password():
    described = connections.describe("postgresql://alice:hunter2@a:5432,b:5433/radius")
    assert described == "radius on a,b port 5432,5433 as alice"


async def test_a_connection_has_its_name_and_its_limit(database):
    connection = await connections.connect(database, "radiusd tested", statement_timeout=0.05)
    async with connection:
        row = await (
            await connection.execute("SELECT current_setting('application_name'), current_setting('client_encoding')")
        ).fetchone()
        assert row == ("radiusd tested", "UTF8")
        with pytest.raises(psycopg.errors.QueryCanceled):
            await connection.execute("SELECT pg_sleep(30)")
        assert connection.autocommit


async def test_a_transaction_that_fails_leaves_the_limit_in_place(database):
    connection = await connections.connect(database, statement_timeout=7, autocommit=False)
    async with connection:
        await connection.rollback()
        row = await (await connection.execute("SHOW statement_timeout")).fetchone()
        assert row == ("7s",)


async def test_the_engine_has_its_name_its_limit_and_its_bound(database):
    engine = engines.make(database, "radiusd tested", size=1, statement_timeout=0.05, wait=0.05)
    async with engine.connect() as connection:
        assert await connection.scalar(sqlalchemy.text("SHOW application_name")) == "radiusd tested"
        with pytest.raises(sqlalchemy.exc.OperationalError, match="statement timeout"):
            await connection.execute(sqlalchemy.text("SELECT pg_sleep(30)"))
        with pytest.raises(sqlalchemy.exc.TimeoutError):
            await engine.connect()
    await engine.dispose()


async def test_the_engine_replaces_a_connection_that_the_server_ended(database):
    engine = engines.make(database, size=1)
    async with engine.connect() as connection:
        pid = await connection.scalar(sqlalchemy.text("SELECT pg_backend_pid()"))
    async with await connections.connect(database) as other:
        await other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    async with engine.connect() as connection:
        assert await connection.scalar(sqlalchemy.text("SELECT pg_backend_pid()")) != pid
    await engine.dispose()


async def test_the_pool_has_its_limit_and_its_bound(database):
    pool = connections.pool(database, size=1, statement_timeout=0.05, wait=0.05)
    async with pool, pool.connection() as connection:
        with pytest.raises(psycopg.errors.QueryCanceled):
            await connection.execute("SELECT pg_sleep(30)")
        await connection.rollback()
        with pytest.raises(psycopg_pool.PoolTimeout):
            await pool.getconn()


async def test_a_server_that_never_answers_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        started = time.monotonic()
        with pytest.raises(psycopg.OperationalError, match="timeout"):
            await asyncio.wait_for(connections.connect(f"host=127.0.0.1 port={port} connect_timeout=2"), 10)
        assert time.monotonic() - started < 5


async def test_the_next_host_is_tried(database, unused_tcp_port):
    parameters = connections.parse(database)
    url = (
        f"host=127.0.0.1,{parameters['host']} port={unused_tcp_port},{parameters['port']} "
        f"user={parameters['user']} dbname={parameters['dbname']}"
    )
    async with await connections.connect(url) as connection:
        assert await (await connection.execute("SELECT 1")).fetchone() == (1,)
