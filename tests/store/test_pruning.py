import psycopg
import pytest

from radiusd.store import pruning
from radiusd.store.pruning import Keep

ROWS = """
INSERT INTO radiusd.session_event (session_id, at, kind)
    SELECT gen_random_uuid(), now() - n * interval '1 day', 'interim' FROM generate_series(40, 0, -1) AS n;
INSERT INTO radiusd.auth_log (at, username, client, outcome, reason, rule, groups, method)
    SELECT now() - n * interval '1 day', 'u', 'c', 'accept', '', '', '', 'pap' FROM generate_series(100, 0, -1) AS n;
INSERT INTO radpostauth (username, authdate) VALUES ('u', now() - interval '10 years');
INSERT INTO radacct (acctsessionid, acctuniqueid, nasipaddress, acctstarttime)
    VALUES ('s', 'kept', '192.0.2.1', now() - interval '10 years');
INSERT INTO radiusd.session (acctuniqueid, client_name, state, last_seen) VALUES
    ('kept', 'c', 'active', now() - interval '2 hours'), ('gone', 'c', 'active', now() - interval '2 hours'),
    ('gone just now', 'c', 'active', now());
"""
COUNTS = """
SELECT (SELECT count(*) FROM radiusd.session_event), (SELECT count(*) FROM radiusd.auth_log),
       (SELECT count(*) FROM radpostauth), (SELECT count(*) FROM radacct)"""


@pytest.fixture
async def connection(database):
    async with await psycopg.AsyncConnection.connect(database) as made:
        await made.execute(ROWS)
        await made.commit()
        yield made


async def fetch(connection, statement):
    return await (await connection.execute(statement)).fetchall()


async def test_our_logs_forget_what_is_too_old_and_freeradius_tables_keep_all(connection):
    await pruning.prune(connection, Keep(timeline=30.5, auth_log=90.5))
    assert await fetch(connection, COUNTS) == [(31, 91, 1, 1)]


async def test_more_than_a_portion_is_forgotten_in_one_go(connection, monkeypatch):
    monkeypatch.setattr(pruning, "PORTION", 3)
    await pruning.prune(connection, Keep(timeline=30.5, auth_log=90.5))
    assert await fetch(connection, COUNTS) == [(31, 91, 1, 1)]


async def test_a_session_without_its_row_is_closed_after_an_hour(connection):
    await pruning.prune(connection, Keep())
    states = dict(await fetch(connection, "SELECT acctuniqueid, state FROM radiusd.session"))
    assert states == {"kept": "active", "gone": "closed", "gone just now": "active"}
