"""Reading the policy out of Postgres: all of it, or what has changed since a mark.

The rule: each reading is one read-only transaction that sees one moment, and returns a `Mark` of that moment. What a
transaction changed is in `radiusd.change` under its own number; the changes to read next time are those that the
mark's snapshot did not see, whatever the order in which transactions committed. Rows are parsed off the event loop
when there are many, and nothing is put in force here.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg import IsolationLevel

from radiusd.dictionary.attributes import Dictionary
from radiusd.policy import clients
from radiusd.policy.clients import ClientRow
from radiusd.policy.items import ItemTable
from radiusd.policy.model import Client, Problem
from radiusd.policy.rows import Assembly
from radiusd.policy.snapshot import Delta, Snapshot
from radiusd.store import connections

PORTION = 4_000
"""Rows that are fetched and parsed at a time."""

INLINE = 200
"""Up to so many changed names are parsed without a thread."""

MOST_NAMES = 20_000
"""More changed names than this, or than half of all users, are read as a whole."""

RESOLVE_WITHIN = 3.0
"""Seconds for all host names of one reading."""

Problems = dict[tuple[str, str], tuple[Problem, ...]]

_TABLES: dict[str, LiteralString] = {
    "radcheck": "SELECT username, id, attribute, op, value FROM radcheck",
    "radreply": "SELECT username, id, attribute, op, value FROM radreply",
    "radgroupcheck": "SELECT groupname, id, attribute, op, value FROM radgroupcheck",
    "radgroupreply": "SELECT groupname, id, attribute, op, value FROM radgroupreply",
}
_MEMBERS: LiteralString = "SELECT username, groupname, priority FROM radusergroup"
_CLIENTS: LiteralString = """
    SELECT n.id, n.nasname, n.shortname, n.type, n.secret, c.name, c.kind, c.require_message_authenticator,
           c.reap_missed_interims, c.reap_grace, c.nas_hold, c.dynauth_port, c.strip_user_name
      FROM nas n LEFT JOIN radiusd.client c ON c.nas_id = n.id"""
_UNSEEN: LiteralString = """
      FROM radiusd.change
     WHERE xid >= pg_snapshot_xmin(%(mark)s::pg_snapshot) AND NOT pg_visible_in_snapshot(xid, %(mark)s::pg_snapshot)"""


class Mark(NamedTuple):
    """A moment of one database: Postgres's snapshot as text (xmin:xmax:list)."""

    snapshot: str

    def older_than(self, other: "Mark") -> bool:
        """Tell whether fewer transactions had begun: a later reading that is older comes from another database."""
        return int(self.snapshot.split(":")[1]) < int(other.snapshot.split(":")[1])


class Resolver:
    """Host names of clients and their addresses, each asked for once; a name that failed is asked for again."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    async def addresses(self, rows: Sequence[ClientRow]) -> Mapping[str, str]:
        """Resolve the names among these clients, IPv4 first; what cannot be resolved in time is left out."""
        names = {row.nasname.strip() for row in rows if clients.hostname(row.nasname)} - self._known.keys()
        if names:
            tasks = [asyncio.create_task(self._resolve(name)) for name in names]
            _, late = await asyncio.wait(tasks, timeout=RESOLVE_WITHIN)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        return self._known

    async def _resolve(self, name: str) -> None:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError):
            # It stays unknown, which makes the client a problem that names it.
            return
        found.sort(key=lambda entry: entry[0] != socket.AF_INET)
        self._known[name] = str(found[0][4][0])


async def load(url: str, dictionary: Dictionary) -> Snapshot:
    """Connect, read the whole policy once, and disconnect.

    Raises psycopg.Error when the database cannot be reached or lacks the tables, ConfigError for a bad URL.
    """
    connection = await connections.connect(url, "radiusd policy")
    try:
        snapshot, _ = await read_all(connection, ItemTable(dictionary), Resolver())
        return snapshot
    finally:
        await connection.close()


async def read_all(
    connection: psycopg.AsyncConnection, items: ItemTable, resolver: Resolver, generation: int = 1
) -> tuple[Snapshot, Mark]:
    """Read users, groups and clients into a new snapshot, with the mark to go on from."""
    assembly = Assembly(items)
    async with _one_moment(connection):
        mark = await _mark(connection)
        for table, query in _TABLES.items():
            async for rows in _portions(connection, query + " ORDER BY id"):
                await asyncio.to_thread(assembly.put_rows, table, rows)
        async for members in _portions(connection, _MEMBERS):
            await asyncio.to_thread(assembly.put_members, members)
        client_rows = await _client_rows(connection, None)
    addresses = await resolver.addresses(client_rows)

    def make() -> Snapshot:
        problems: Problems = {}
        users, groups = assembly.users(problems), assembly.groups(problems)
        made = _make_clients(client_rows, addresses, problems)
        return Snapshot(items.dictionary, items, users, groups, made, problems, generation)

    return await asyncio.to_thread(make), mark


async def unchanged(connection: psycopg.AsyncConnection, mark: Mark) -> Mark | None:
    """Return a newer mark when nothing has changed since `mark`, None when something has."""
    query: LiteralString = "SELECT pg_current_snapshot()::text, EXISTS (SELECT" + _UNSEEN + ")"
    row = await (await connection.execute(query, {"mark": mark.snapshot})).fetchone()
    if row is None or row[1]:
        return None
    now = Mark(row[0])
    return None if now.older_than(mark) else now


async def read_changes(
    connection: psycopg.AsyncConnection, snapshot: Snapshot, mark: Mark, resolver: Resolver
) -> tuple[Delta, Mark] | None:
    """Read what has changed since `mark`; None when the whole policy must be read instead."""
    names: dict[str, list[str]] = {"user": [], "group": [], "client": [], "all": []}
    assembly = Assembly(snapshot.items)
    async with _one_moment(connection):
        now = await _mark(connection)
        query: LiteralString = "SELECT DISTINCT kind, name" + _UNSEEN
        async for kind, name in await connection.execute(query, {"mark": mark.snapshot}):
            names[kind].append(name)
        users, groups = names["user"], names["group"]
        few = max(INLINE, min(MOST_NAMES, len(snapshot.users) // 2))
        if names["all"] or len(users) > few or now.older_than(mark):
            return None
        for table, select in _TABLES.items():
            owner: LiteralString = "groupname" if "group" in table else "username"
            wanted = groups if owner == "groupname" else users
            if wanted:
                rows = await _fetch(connection, f"{select} WHERE {owner} = ANY(%s) ORDER BY id", wanted)
                await _off_loop(len(rows), assembly.put_rows, table, rows)
        if users:
            members = await _fetch(connection, f"{_MEMBERS} WHERE username = ANY(%s)", users)
            await _off_loop(len(members), assembly.put_members, members)
        client_ids = [int(name) for name in names["client"]]
        client_rows = await _client_rows(connection, client_ids) if client_ids else []
    addresses = await resolver.addresses(client_rows)
    problems: Problems = {(kind, name): () for kind in ("user", "group", "client") for name in names[kind]}

    def make() -> Delta:
        made_users, made_groups = assembly.users(problems), assembly.groups(problems)
        made_clients = _make_clients(client_rows, addresses, problems)
        return Delta(
            {name: made_users.get(name) for name in users},
            {name: made_groups.get(name) for name in groups},
            {nas_id: made_clients.get(nas_id) for nas_id in client_ids},
            problems,
        )

    if len(users) + len(groups) > INLINE:
        return await asyncio.to_thread(make), now
    return make(), now


async def identity(connection: psycopg.AsyncConnection) -> str | None:
    """Name the database cluster and its line of history, None where we may not ask.

    After a failover the numbers of transactions may stand for others than before.
    """
    query = """
        SELECT system_identifier || ' ' || current_database() || ' '
            || CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END
          FROM pg_control_system()"""
    try:
        row = await (await connection.execute(query)).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return None
    return None if row is None else str(row[0])


@asynccontextmanager
async def _one_moment(connection: psycopg.AsyncConnection) -> AsyncIterator[None]:
    """Hold a read-only transaction whose statements all see the same rows."""
    await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    await connection.set_read_only(True)
    async with connection.transaction():
        yield


async def _mark(connection: psycopg.AsyncConnection) -> Mark:
    row = await (await connection.execute("SELECT pg_current_snapshot()::text")).fetchone()
    if row is None:
        raise psycopg.DataError("pg_current_snapshot gave no row")
    return Mark(row[0])


async def _portions(connection: psycopg.AsyncConnection, query: LiteralString) -> AsyncIterator[list[Any]]:
    """Read a large result through a cursor that stays in Postgres."""
    async with connection.cursor(name="policy") as cursor:
        await cursor.execute(query)
        while rows := await cursor.fetchmany(PORTION):
            yield rows


async def _fetch(connection: psycopg.AsyncConnection, query: LiteralString, names: list[str]) -> list[Any]:
    return await (await connection.execute(query, (names,))).fetchall()


async def _client_rows(connection: psycopg.AsyncConnection, ids: list[int] | None) -> list[ClientRow]:
    if ids is None:
        rows = await (await connection.execute(_CLIENTS + " ORDER BY n.id")).fetchall()
    else:
        rows = await (await connection.execute(_CLIENTS + " WHERE n.id = ANY(%s) ORDER BY n.id", (ids,))).fetchall()
    return [ClientRow(*row) for row in rows]


async def _off_loop(size: int, work: Callable[..., None], *arguments: object) -> None:
    """Do the work in a thread when there is much of it."""
    if size > INLINE:
        await asyncio.to_thread(work, *arguments)
    else:
        work(*arguments)


def _make_clients(rows: Sequence[ClientRow], addresses: Mapping[str, str], problems: Problems) -> dict[int, Client]:
    """Make the clients of these rows; those that cannot be go to `problems`."""
    made: dict[int, Client] = {}
    for row in rows:
        client = clients.build(row, addresses)
        if isinstance(client, Problem):
            problems["client", str(row.id)] = (client,)
        else:
            made[row.id] = client
    return made
