import asyncio
import time
from contextlib import asynccontextmanager

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from radiusd.decide.accounting import ACCOUNTING_ON
from radiusd.errors import ConfigError
from radiusd.store import session_rows
from radiusd.store.accounting_writer import AccountingWriter
from tests.sessions.records import T0, interim, record, start, stop

DEADLINE = 20.0


@asynccontextmanager
async def writing(url, **options):
    writer = AccountingWriter(url, **options)
    task = asyncio.create_task(writer.run())
    yield writer
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def put(writer, *records):
    """Put records; the future holds what became of each, in the order of the answers."""
    answered = asyncio.get_running_loop().create_future()
    answers = []

    def note(index):
        def done(written):
            answers.append((index, written))
            if len(answers) == len(records):
                answered.set_result(answers)

        return done

    for index, each in enumerate(records):
        assert writer.put(each, note(index))
    return answered


async def write(url, *batches, **options):
    async with writing(url, **options) as writer:
        for batch in batches:
            answers = await asyncio.wait_for(put(writer, *batch), DEADLINE)
            assert all(written for _, written in answers)


def rows(url, query, *parameters):
    with psycopg.connect(url) as connection:
        return connection.execute(query, parameters).fetchall()


def one(url, query, *parameters):
    (row,) = rows(url, query, *parameters)
    return row


ACCT = """
    SELECT extract(epoch FROM acctstarttime)::int - 1700000000, extract(epoch FROM acctupdatetime)::int - 1700000000,
           extract(epoch FROM acctstoptime)::int - 1700000000, acctinterval, acctsessiontime, acctinputoctets,
           acctoutputoctets, acctterminatecause, host(framedipaddress)
      FROM radacct WHERE username = %s ORDER BY acctstarttime"""


async def test_a_session_in_three_transactions(database):
    await write(database, [start(0, ip=None)], [interim(60, 60, 2**33)], [stop(100, 99, 2**33 + 1)])
    assert one(database, ACCT, "alice") == (0, 100, 100, 60, 99, 2**33 + 1, 2**34 + 2, "User-Request", "10.8.0.1")
    assert one(
        database,
        "SELECT s.client_name, s.state, s.closed_by, s.started_at = r.acctstarttime, s.last_event = r.acctstoptime,"
        " s.radacctid = r.radacctid, host(s.framed_ip) FROM radiusd.session s JOIN radacct r USING (acctuniqueid)",
    ) == ("vpn1", "closed", "nas", True, True, True, "10.8.0.1")
    assert rows(database, "SELECT kind FROM radiusd.session_event ORDER BY id") == [("start",), ("interim",), ("stop",)]


async def test_the_same_in_one_transaction(database):
    await write(database, [start(0), interim(60, 60, 5), stop(100, 99, 6)])
    assert one(database, ACCT, "alice") == (0, 100, 100, 60, 99, 6, 12, "User-Request", "10.8.0.1")


async def test_every_fact_has_its_column(database):
    facts = {
        "nasportid": "ppp3",
        "nasporttype": "Virtual",
        "acctauthentic": "RADIUS",
        "calledstationid": 'quote " and \\ {comma,}',
        "callingstationid": "NULL",
        "servicetype": "",
        "framedprotocol": "PPP",
        "framedipv6address": "2001:db8::1",
        "framedipv6prefix": "2001:db8::/64",
        "framedinterfaceid": "0:1:a:ff00",
        "delegatedipv6prefix": "2001:db8:0:100::/56",
        "class": "0x6162",
    }
    made = start(0, **facts)
    made.connect_info = "56000/ARQ"
    ended = stop(9, 9, 1, **facts)
    ended.connect_info = "bye"
    await write(database, [made], [ended])
    columns = ", ".join(f'"{name}"' if name != "class" else "class" for name in facts if "ip" not in name)
    ips = "abbrev(framedipv6address), abbrev(framedipv6prefix), abbrev(delegatedipv6prefix)"
    values = one(database, f"SELECT {columns} FROM radacct")
    assert values == tuple(value for name, value in facts.items() if "ip" not in name)
    assert one(
        database,
        f"SELECT {ips}, host(nasipaddress), acctsessionid, acctuniqueid, realm, connectinfo_start, connectinfo_stop"
        " FROM radacct",
    ) == (
        *("2001:db8::1", "2001:db8::/64", "2001:db8:0:100::/56"),
        *("192.0.2.1", "S1", "alice-S1", None, "56000/ARQ", "bye"),
    )


async def test_the_granted_interval_is_kept_as_the_nas_keeps_it(database):
    await write(
        database,
        [start(0, user="clamped", granted=30, kind="pptpd", group="staff"), start(0, user="free", granted=1)],
    )
    query = "SELECT interval_s, expected_s, group_name FROM radiusd.session ORDER BY acctuniqueid"
    assert rows(database, query) == [(60, 60.0, "staff"), (1, 1.0, None)]


async def test_many_sessions_in_many_batches(database):
    users = [f"user{number:03}" for number in range(300)]
    await write(
        database,
        [start(0, user=user) for user in users],
        [interim(60, 60, 7, user=user) for user in reversed(users)],
        [stop(90, 90, 9, user=user) for user in users],
        max_batch=64,
    )
    query = "SELECT count(*), count(acctstoptime), sum(acctinputoctets) FROM radacct"
    assert one(database, query) == (300, 300, 2700)


async def test_writers_at_the_same_sessions_lose_nothing(database):
    # Each writer has every packet of every session, in an order of its own: races for the new rows, locks crosswise.
    users = [f"user{number:02}" for number in range(40)]
    packets = [each for user in users for each in (start(0, user=user), interim(60, 60, 5, user=user))]
    packets += [stop(100, 100, 9, user=user) for user in users]
    orders = [packets, packets[::-1], packets[1::2] + packets[::2], packets[60:] + packets[:60]]
    await asyncio.gather(*(write(database, order, max_batch=17) for order in orders))
    query = (
        "SELECT count(*), count(acctstoptime), min(acctinputoctets), max(acctinputoctets), min(acctsessiontime),"
        " count(*) FILTER (WHERE extract(epoch FROM acctstarttime) = 1700000000) FROM radacct"
    )
    assert one(database, query) == (40, 40, 9, 9, 100, 40)
    assert one(database, "SELECT count(*) FROM radiusd.session WHERE state = 'closed'") == (40,)


async def test_an_id_that_is_used_again_is_another_row(database):
    await write(database, [start(0), stop(100, 100, 500)], [start(200)], [stop(100, 100, 500), interim(260, 60, 9)])
    older, newer = rows(database, ACCT, "alice")
    assert older == (0, 100, 100, None, 100, 500, 1000, "User-Request", "10.8.0.1")
    assert newer == (200, 260, None, 60, 60, 9, 18, None, "10.8.0.1")
    ids = rows(database, "SELECT acctuniqueid FROM radacct ORDER BY acctstarttime")
    assert ids[1] == ("alice-S1",)
    assert ids == rows(database, "SELECT acctuniqueid FROM radiusd.session ORDER BY started_at")
    events = "SELECT kind FROM radiusd.session_event e JOIN radiusd.session s ON s.id = e.session_id"
    assert rows(database, events + " WHERE acctuniqueid = 'alice-S1' ORDER BY e.id") == [
        ("follows",),
        ("start",),
        ("stale",),
        ("interim",),
    ]


async def test_a_reboot_closes_what_the_database_has_open(database):
    await write(
        database,
        [
            start(0),
            interim(60, 60, 5),
            start(0, user="elsewhere", nas_ip="192.0.2.2"),
            start(0, user="c", client="vpn2"),
        ],
        [record(ACCOUNTING_ON, 500, user=""), start(600, user="new")],
    )
    assert one(database, ACCT, "alice") == (0, 60, 60, 60, 60, 5, 10, "NAS-Reboot", "10.8.0.1")
    open_rows = "SELECT username FROM radacct WHERE acctstoptime IS NULL ORDER BY 1"
    assert rows(database, open_rows) == [("c",), ("elsewhere",), ("new",)]
    reload = "SELECT host(nasipaddress), extract(epoch FROM reloadtime)::float8 FROM nasreload"
    assert one(database, reload) == ("192.0.2.1", T0 + 500)
    await write(database, [interim(1200, 1200, 50)], [record(ACCOUNTING_ON, 100, user="")])
    assert one(database, ACCT, "alice")[2] is None
    assert one(database, "SELECT reopened, state, closed_by FROM radiusd.session WHERE acctuniqueid = 'alice-S1'") == (
        1,
        "active",
        None,
    )
    assert one(database, reload) == ("192.0.2.1", T0 + 500)


async def test_a_reboot_with_nothing_open_is_answered(database):
    await write(database, [record(ACCOUNTING_ON, 500, user="")])
    assert rows(database, "SELECT FROM radacct") == []


async def test_rows_that_freeradius_began_go_on(database):
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime,"
            " acctinputoctets, acctoutputoctets, acctsessiontime) VALUES"
            " ('S1', 'alice-S1', 'alice', '192.0.2.1', to_timestamp(1700000000), to_timestamp(1700000060), 70, 70, 60)"
        )
    await write(database, [interim(120, 120, 50)])
    assert one(database, ACCT, "alice") == (0, 120, None, 60, 120, 70, 100, None, "10.8.0.1")
    await write(database, [stop(130, 130, 90)])
    assert one(database, "SELECT state, closed_by FROM radiusd.session") == ("closed", "nas")


async def test_a_record_that_postgres_refuses_does_not_take_others_with_it(database):
    bad = start(0, user="bad", ip="no address")
    batch = [start(0, user="a"), start(0, user="b"), bad, start(0, user="c"), start(0, user="d")]
    async with writing(database) as writer:
        answers = dict(await asyncio.wait_for(put(writer, *batch), DEADLINE))
        assert answers == {0: True, 1: True, 2: False, 3: True, 4: True}
        assert writer.depth == 0
    assert rows(database, "SELECT username FROM radacct ORDER BY 1") == [("a",), ("b",), ("c",), ("d",)]


async def test_when_the_queue_is_full_put_says_so(database):
    writer = AccountingWriter(database, max_queue=2)
    assert [writer.put(start(0, user=user), print) for user in "abc"] == [True, True, False]
    assert writer.depth == 2


async def test_nothing_is_answered_before_it_is_committed(database):
    async with writing(database) as writer:
        await asyncio.wait_for(put(writer, start(0)), DEADLINE)
        async with await psycopg.AsyncConnection.connect(database) as holder:
            await holder.execute("SELECT FROM radacct FOR UPDATE")
            answered = put(writer, interim(60, 60, 5))
            await until(database, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'", 1)
            assert not answered.done()
            assert writer.depth == 1
        await asyncio.wait_for(answered, DEADLINE)
    assert one(database, ACCT, "alice")[5] == 5


async def test_a_connection_that_breaks_costs_nothing(database):
    async with writing(database) as writer:
        await asyncio.wait_for(put(writer, start(0)), DEADLINE)
        mine = "application_name = 'radiusd accounting' AND datname = current_database()"
        rows(database, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}")
        await asyncio.wait_for(put(writer, stop(90, 90, 9)), DEADLINE)
        assert writer.error is None
    assert one(database, ACCT, "alice")[5] == 9


async def test_while_the_database_is_away_records_wait(database):
    missing = make_conninfo(database, dbname="no_such_database")
    async with writing(missing) as writer:
        answered = put(writer, start(0))
        give_up = time.monotonic() + DEADLINE
        while writer.error is None:
            assert time.monotonic() < give_up
            assert await writer.drain(time.monotonic() + 0.05) == 1
        assert not answered.done()


async def test_a_database_url_that_is_none_ends_the_task_and_costs_no_record():
    writer = AccountingWriter("mysql://localhost/")
    writer.put(start(0), print)
    with pytest.raises(ConfigError):
        await asyncio.wait_for(writer.run(), DEADLINE)
    assert writer.depth == 1


async def test_drain_waits_for_what_is_queued(database):
    async with writing(database, max_batch=3) as writer:
        answered = put(writer, *(start(0, user=f"u{number}") for number in range(20)))
        assert await writer.drain(time.monotonic() + DEADLINE) == 0
        assert answered.done()


async def test_an_answer_that_fails_does_not_stop_the_writer(database):
    def broken(_written):
        raise OSError("the socket is gone")

    async with writing(database) as writer:
        writer.put(start(0), broken)
        await asyncio.wait_for(put(writer, start(0, user="b")), DEADLINE)
    assert one(database, "SELECT count(*) FROM radacct") == (2,)


async def test_every_connection_looks_up_by_key(database):
    connection = await psycopg.AsyncConnection.connect(database)
    await session_rows.prepare(connection)
    for name, value in session_rows.SETTINGS.items():
        cursor = await connection.execute("SELECT current_setting(%s)", (name,))
        assert await cursor.fetchone() == (value,)
    await connection.close()


@pytest.mark.parametrize("commit_lost", [False, True])
async def test_a_batch_done_again_changes_nothing(database, commit_lost):
    batch = [start(0), interim(60, 60, 5), *([stop(90, 90, 9)] if commit_lost else [])]
    await write(database, batch)
    before = rows(database, ACCT, "alice")
    await write(database, batch)
    assert rows(database, ACCT, "alice") == before


async def test_a_clock_that_is_out_of_its_mind_is_not_believed(database):
    mad = start(0, received=0)
    mad.event_time = 4_294_967_295.0
    await write(database, [mad, stop(90, 90, 9)])
    assert one(database, ACCT, "alice")[:3] == (0, 90, 90)


async def until(url, query, expected):
    give_up = time.monotonic() + DEADLINE
    while one(url, query) != (expected,):
        assert time.monotonic() < give_up, query
        await asyncio.sleep(0.01)
