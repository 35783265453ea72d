"""Sessions to rows and back: `radacct`, `radiusd.session` and the timeline, each batch in a few statements.

The rules:

- A row of `radacct` is locked before anything of its session is read, in the order of the unique ids, by whoever
  writes sessions; so two writers take turns, and what is read after the lock is what the last one committed.
- A new row is a plain INSERT. Where another process was first, the unique index refuses it, and the batch is done
  again with that row read.
"""

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import TupleRow

from radiusd.sessions.state import BY_NAS, BY_REBOOT, CAUSE_REBOOT, EVERYTHING, Event, SessionState
from radiusd.store import session_statements as statements
from radiusd.store.arrays import moments, texts
from radiusd.store.session_statements import Statement

Connection = AsyncConnection[TupleRow]

# A connection of these looks rows up by key and does nothing else: a table that was empty when a plan was made must
# not be scanned from end to end until its next ANALYZE.
SETTINGS: Final[Mapping[str, str]] = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
    "lock_timeout": "1s",
    "idle_in_transaction_session_timeout": "30s",
}


class Locked(NamedTuple):
    """Sessions by unique id, and NASes by address, that somebody else has locked."""

    unique_ids: frozenset[str]
    nases: frozenset[str]


def fresh_id() -> str:
    """Make a session's public id: a UUID of version 7 (RFC 9562 section 5.7).

    It begins with the time, so that the newest sessions lie side by side in every index.
    """
    return _id(time.time(), int.from_bytes(os.urandom(10), "big"))


def first_id(at: float) -> str:
    """Return the id that no session made at `at` (epoch seconds) or later is below."""
    return _id(at, 0)


def _id(at: float, rest: int) -> str:
    number = (int(at * 1000) & (1 << 48) - 1) << 80 | rest
    return str(UUID(int=number & ~(0xF << 76 | 0x3 << 62) | 0x7 << 76 | 0x2 << 62))


async def prepare(connection: Connection) -> None:
    """Make a new connection fit for `load` and `save`; it must not be in autocommit mode."""
    for name, value in SETTINGS.items():
        await connection.execute("SELECT set_config(%s, %s, false)", (name, value))
    await connection.commit()


async def open_sessions(connection: Connection, nas_addresses: Iterable[str]) -> list[str]:
    """Return the unique ids of the open sessions of these NASes, without locking them."""
    cursor = await _execute(connection, statements.READ_OPEN, texts(nas_addresses))
    return await _first(cursor)


async def load(connection: Connection, unique_ids: Iterable[str], *, skip_locked: bool = False) -> list[SessionState]:
    """Lock and read the sessions that exist; `skip_locked` leaves those out that another writer is at.

    Within a pipeline this is one round trip.
    """
    ids = texts(unique_ids)
    acct = await _execute(connection, statements.READ_ACCT_FREE if skip_locked else statements.READ_ACCT, ids)
    # A statement of its own: what it sees is newer than the locks, unlike the other side of a join would be.
    ours = await _execute(connection, statements.READ_SESSION, ids)
    states = [_state(row) for row in await acct.fetchall()]
    sessions = {row[0]: row for row in await ours.fetchall()}
    for state in states:
        row = sessions.get(state.unique_id)
        if row is None:
            _adopt(state)
        else:
            _complete(state, row)
    return states


async def find_followers(connection: Connection, states: Sequence[SessionState]) -> None:
    """Look up which sessions had a predecessor under their unique id, and set `follows`."""
    cursor = await _execute(
        connection, statements.READ_FOLLOWERS, texts([state.session_id for state in states if state.session_id])
    )
    followers = {row[0] for row in await cursor.fetchall()}
    for state in states:
        state.follows = state.session_id in followers


async def find_locked(connection: Connection, unique_ids: Iterable[str], nas_addresses: Iterable[str]) -> Locked:
    """Find, without waiting, which of the sessions and of the NASes' open sessions are locked by somebody else.

    Ends the transaction.
    """
    nases = texts(nas_addresses)
    opened = await _execute(connection, statements.READ_OPEN, nases)
    ids = texts({*unique_ids, *await _first(opened)})
    async with connection.pipeline():
        acct = await _execute(connection, statements.FIND_ACCT, ids)
        acct_free = await _execute(connection, statements.FIND_ACCT_FREE, ids)
        ours = await _execute(connection, statements.FIND_SESSION, ids)
        ours_free = await _execute(connection, statements.FIND_SESSION_FREE, ids)
        reloads = await _execute(connection, statements.FIND_RELOAD, nases)
        reloads_free = await _execute(connection, statements.FIND_RELOAD_FREE, nases)
        nas_of: dict[str, str] = dict(await acct.fetchall())
        locked = set(nas_of) - set(await _first(acct_free))
        locked |= set(await _first(ours)) - set(await _first(ours_free))
        reloading = set(await _first(reloads)) - set(await _first(reloads_free))
    await connection.rollback()
    return Locked(frozenset(locked), frozenset(reloading.union(nas_of[each] for each in locked if each in nas_of)))


async def save(
    connection: Connection, states: Sequence[SessionState], events: Sequence[Event], reloads: Mapping[str, float]
) -> None:
    """Write sessions (sorted by unique id), the timeline's lines, and the NASes' reload times.

    Raises psycopg.errors.UniqueViolation where another process has made the row of a new session in the meantime.
    """
    for state in states:
        if state.session_id is None:
            state.session_id = fresh_id()
    moved = [state for state in states if state.stored_id not in (None, state.unique_id)]
    if moved:
        old, new = texts([state.stored_id for state in moved]), texts([state.unique_id for state in moved])
        await _execute(connection, statements.RENAME_ACCT, old, new)
        await _execute(connection, statements.RENAME_SESSION, old, new)
    made = [state for state in states if state.stored_id is None]
    whole = [state for state in states if state.stored_id is not None and state.change == EVERYTHING]
    counted = [state for state in states if state.stored_id is not None and state.change != EVERYTHING]
    await _write(connection, statements.INSERT_ACCT, made)
    await _write(connection, statements.UPDATE_ACCT, whole)
    await _write(connection, statements.COUNT_ACCT, counted)
    await _write(connection, statements.WRITE_SESSION, made + whole)
    await _write(connection, statements.COUNT_SESSION, counted)
    if events:
        await _execute(
            connection,
            statements.INSERT_EVENTS,
            texts([event.session.session_id for event in events]),
            moments([event.at for event in events]),
            texts([event.kind for event in events]),
            texts([json.dumps(event.detail) for event in events]),
        )
    if reloads:
        # Last, so that whoever waits for this row has nothing that another could be waiting for.
        nases = sorted(reloads)
        await _execute(connection, statements.RELOAD, texts(nases), moments([reloads[nas] for nas in nases]))


async def _write(connection: Connection, statement: Statement, states: Sequence[SessionState]) -> None:
    if states:
        arrays = [column.spell(map(column.value, states)) for column in statement.columns]
        await _execute(connection, statement.text, *arrays)


async def _execute(connection: Connection, text: bytes, *arrays: str) -> AsyncCursor[TupleRow]:
    return await connection.execute(text, arrays, prepare=True, binary=True)


async def _first(cursor: AsyncCursor[TupleRow]) -> list[str]:
    return [row[0] for row in await cursor.fetchall()]


def _state(row: Sequence[Any]) -> SessionState:
    state = SessionState(row[0], row[2] or "", row[3], tuple(row[14:]))
    state.stored_id = row[0]
    state.radacct_id = row[1]
    # A row that another tool wrote may lack its start.
    start = row[4] if row[4] is not None else row[5] or row[6] or 0.0
    state.start = start
    state.last_event = start if row[5] is None else row[5]
    state.stop = row[6]
    state.interval = row[7]
    state.session_time = row[8] or 0
    state.input_octets = row[9] or 0
    state.output_octets = row[10] or 0
    state.cause, state.connect_start, state.connect_stop = row[11:14]
    state.follows = None
    return state


def _complete(state: SessionState, row: Sequence[Any]) -> None:
    """Take over what `radiusd.session` has."""
    state.session_id, client_name, state.group_name, state.last_seen = row[1:5]
    state.client_name = client_name or None
    state.granted, state.expected = row[5:7]
    if state.stop is not None:
        # Closed in `radacct` alone: another tool did that, and knows why.
        state.closed_by = row[7] or _closer(state)
        state.closed_at = row[8]
        state.stop_uncertainty = row[9]
    state.start_inferred, state.reopened = row[10:12]


def _adopt(state: SessionState) -> None:
    """Fill in for a row of `radacct` that FreeRADIUS or another tool wrote: nothing else is known of the session."""
    state.last_seen = state.last_event
    if state.stop is not None:
        state.closed_by = _closer(state)


def _closer(state: SessionState) -> str:
    return BY_REBOOT if state.cause == CAUSE_REBOOT else BY_NAS
