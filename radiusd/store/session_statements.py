"""The statements that read and write sessions, made from tables of columns.

The rule: a statement takes any number of sessions, one array a column (see `arrays`), and its text never changes, so
that it is prepared once. `COUNT…` write what an Interim changes, the others write every column.
"""

# ruff: noqa: S608 - the texts are joined from the names in the tables below, values are always parameters

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

from radiusd.decide.accounting import FACTS
from radiusd.sessions.state import SessionState
from radiusd.store.arrays import Spelling, decimals, flags, moments, numbers, texts

_INETS: Final = frozenset({"framedipaddress", "framedipv6address", "framedipv6prefix", "delegatedipv6prefix"})
_FRAMED_IP: Final = FACTS.index("framedipaddress")


class Column(NamedTuple):
    """One column to write: its name, the type of its array, how it is spelt, and where its value is."""

    name: str
    kind: str
    spell: Spelling
    value: Callable[[SessionState], Any]

    @property
    def expression(self) -> str:
        """The column's value, from the row `n` of the arrays."""
        return f'to_timestamp(n."{self.name}" / 1e6)' if self.spell is moments else f'n."{self.name}"'


class Statement(NamedTuple):
    """A statement and the columns whose arrays are its parameters, in order."""

    text: bytes
    columns: tuple[Column, ...]


def _fact(index: int, name: str) -> Column:
    return Column(name, "inet" if name in _INETS else "text", texts, lambda state: state.facts[index])


_KEY: Final = Column("radacctid", "bigint", numbers, attrgetter("radacct_id"))
_UNIQUE_ID: Final = Column("acctuniqueid", "text", texts, attrgetter("unique_id"))
_ACCT_COUNTERS: Final = (
    Column("acctupdatetime", "bigint", moments, attrgetter("last_event")),
    Column("acctinterval", "bigint", numbers, attrgetter("interval")),
    Column("acctsessiontime", "bigint", numbers, attrgetter("session_time")),
    Column("acctinputoctets", "bigint", numbers, attrgetter("input_octets")),
    Column("acctoutputoctets", "bigint", numbers, attrgetter("output_octets")),
)
_ACCT: Final = (
    *_ACCT_COUNTERS,
    Column("acctstarttime", "bigint", moments, attrgetter("start")),
    Column("acctstoptime", "bigint", moments, attrgetter("stop")),
    Column("acctterminatecause", "text", texts, attrgetter("cause")),
    Column("connectinfo_start", "text", texts, attrgetter("connect_start")),
    Column("connectinfo_stop", "text", texts, attrgetter("connect_stop")),
    *(_fact(index, name) for index, name in enumerate(FACTS)),
)
_ACCT_IDENTITY: Final = (
    _UNIQUE_ID,
    Column("acctsessionid", "text", texts, attrgetter("acct_session_id")),
    Column("nasipaddress", "inet", texts, attrgetter("nas_ip")),
)
_SESSION_COUNTERS: Final = (
    Column("last_seen", "bigint", moments, attrgetter("last_seen")),
    Column("last_event", "bigint", moments, attrgetter("last_event")),
    Column("interval_s", "integer", numbers, attrgetter("granted")),
    Column("expected_s", "double precision", decimals, attrgetter("expected")),
)
_SESSION: Final = (
    *_SESSION_COUNTERS,
    Column("id", "uuid", texts, attrgetter("session_id")),
    Column("client_name", "text", texts, lambda state: state.client_name or ""),
    Column("group_name", "text", texts, attrgetter("group_name")),
    Column("state", "text", texts, lambda state: "active" if state.stop is None else "closed"),
    Column("started_at", "bigint", moments, attrgetter("start")),
    Column("closed_by", "text", texts, attrgetter("closed_by")),
    Column("closed_at", "bigint", moments, attrgetter("closed_at")),
    Column("stop_uncertainty_s", "integer", numbers, attrgetter("stop_uncertainty")),
    Column("start_inferred", "boolean", flags, attrgetter("start_inferred")),
    Column("reopened", "integer", numbers, attrgetter("reopened")),
    Column("framed_ip", "inet", texts, lambda state: state.facts[_FRAMED_IP]),
)


def _rows(columns: Sequence[Column]) -> str:
    arrays = ", ".join(f"%s::{column.kind}[]" for column in columns)
    return f"unnest({arrays}) AS n({_names(columns)})"


def _names(columns: Sequence[Column]) -> str:
    return ", ".join(f'"{column.name}"' for column in columns)


def _expressions(columns: Sequence[Column]) -> str:
    return ", ".join(column.expression for column in columns)


def _insert_acct(columns: tuple[Column, ...]) -> Statement:
    text = f"INSERT INTO radacct ({_names(columns)}) SELECT {_expressions(columns)} FROM {_rows(columns)}"
    return Statement(text.encode(), columns)


def _update(table: str, key: Column, columns: tuple[Column, ...]) -> Statement:
    sets = ", ".join(f'"{column.name}" = {column.expression}' for column in columns)
    every = (key, *columns)
    text = f"UPDATE {table} AS t SET {sets} FROM {_rows(every)} WHERE t.{key.name} = n.{key.name}"
    return Statement(text.encode(), every)


def _write_session(columns: tuple[Column, ...]) -> Statement:
    sets = ", ".join(f'"{column.name}" = excluded."{column.name}"' for column in columns)
    every = (_UNIQUE_ID, *columns)
    text = (
        f"INSERT INTO radiusd.session (radacctid, {_names(every)})"
        " SELECT (SELECT r.radacctid FROM radacct AS r WHERE r.acctuniqueid = n.acctuniqueid),"
        f" {_expressions(every)} FROM {_rows(every)}"
        f" ON CONFLICT (acctuniqueid) DO UPDATE SET radacctid = excluded.radacctid, {sets}"
    )
    return Statement(text.encode(), every)


INSERT_ACCT: Final = _insert_acct((*_ACCT_IDENTITY, *_ACCT))
UPDATE_ACCT: Final = _update("radacct", _KEY, _ACCT)
COUNT_ACCT: Final = _update("radacct", _KEY, _ACCT_COUNTERS)
WRITE_SESSION: Final = _write_session(_SESSION)
COUNT_SESSION: Final = _update("radiusd.session", _UNIQUE_ID, _SESSION_COUNTERS)

RENAME_ACCT: Final = b"""
    UPDATE radacct AS r SET acctuniqueid = n.new FROM unnest(%s::text[], %s::text[]) AS n(old, new)
     WHERE r.acctuniqueid = n.old"""
RENAME_SESSION: Final = b"""
    UPDATE radiusd.session AS s SET acctuniqueid = n.new FROM unnest(%s::text[], %s::text[]) AS n(old, new)
     WHERE s.acctuniqueid = n.old"""
INSERT_EVENTS: Final = b"""
    INSERT INTO radiusd.session_event (session_id, at, kind, detail)
    SELECT n.session_id, to_timestamp(n.at / 1e6), n.kind, n.detail
      FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::jsonb[]) AS n(session_id, at, kind, detail)"""
RELOAD: Final = b"""
    INSERT INTO nasreload AS o (nasipaddress, reloadtime)
    SELECT n.nasipaddress, to_timestamp(n.reloadtime / 1e6)
      FROM unnest(%s::inet[], %s::bigint[]) AS n(nasipaddress, reloadtime)
        ON CONFLICT (nasipaddress) DO UPDATE SET reloadtime = greatest(o.reloadtime, excluded.reloadtime)"""

_FACT_COLUMNS: Final = ", ".join(f"abbrev({name})" if name in _INETS else f'"{name}"' for name in FACTS)
READ_ACCT: Final = (
    "SELECT acctuniqueid, radacctid, acctsessionid, host(nasipaddress), date_part('epoch', acctstarttime),"
    " date_part('epoch', acctupdatetime), date_part('epoch', acctstoptime), acctinterval, acctsessiontime,"
    " acctinputoctets, acctoutputoctets, acctterminatecause, connectinfo_start, connectinfo_stop,"
    f" {_FACT_COLUMNS} FROM radacct WHERE acctuniqueid = ANY(%s::text[]) ORDER BY acctuniqueid FOR UPDATE"
).encode()
READ_ACCT_FREE: Final = READ_ACCT + b" SKIP LOCKED"
READ_SESSION: Final = b"""
    SELECT acctuniqueid, id::text, client_name, group_name, date_part('epoch', last_seen), interval_s, expected_s,
           closed_by, date_part('epoch', closed_at), stop_uncertainty_s, start_inferred, reopened
      FROM radiusd.session WHERE acctuniqueid = ANY(%s::text[])"""
READ_OPEN: Final = b"""
    SELECT acctuniqueid FROM radacct WHERE acctstoptime IS NULL AND nasipaddress = ANY(%s::inet[])"""
READ_FOLLOWERS: Final = b"""
    SELECT DISTINCT session_id::text FROM radiusd.session_event
     WHERE session_id = ANY(%s::uuid[]) AND kind = 'follows'"""

# Which rows there are, and which of them nobody has locked; ours are locked as an UPDATE will lock them.
FIND_ACCT: Final = b"SELECT acctuniqueid, host(nasipaddress) FROM radacct WHERE acctuniqueid = ANY(%s::text[])"
FIND_ACCT_FREE: Final = FIND_ACCT + b" FOR UPDATE SKIP LOCKED"
FIND_SESSION: Final = b"SELECT acctuniqueid FROM radiusd.session WHERE acctuniqueid = ANY(%s::text[])"
FIND_SESSION_FREE: Final = FIND_SESSION + b" FOR NO KEY UPDATE SKIP LOCKED"
FIND_RELOAD: Final = b"SELECT host(nasipaddress) FROM nasreload WHERE nasipaddress = ANY(%s::inet[])"
FIND_RELOAD_FREE: Final = FIND_RELOAD + b" FOR NO KEY UPDATE SKIP LOCKED"
