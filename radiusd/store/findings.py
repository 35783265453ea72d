"""What an operator should know about the rows of a database: for `radiusd doctor`.

The rule: `broken` is what cannot do what its writer meant, `warning` what will hurt one day, `note` what is
so and should be known. Rows are judged by the parser that evaluation uses. No finding holds a secret or a password.
"""

import ipaddress
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from typing import Final, Literal, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from radiusd.dictionary.attributes import Dictionary
from radiusd.policy.items import ItemTable
from radiusd.policy.passwords import UNSUPPORTED

Level = Literal["broken", "warning", "note"]

SHORT_SECRET: Final = 16
"""RFC 2865 section 3: a secret should have at least sixteen octets."""

NOT_ENFORCED: Final = frozenset(
    (
        "Simultaneous-Use",
        "Max-Hourly-Session",
        "Max-Daily-Session",
        "Max-Weekly-Session",
        "Max-Monthly-Session",
        "Max-All-Session",
        "Max-Monthly-Traffic",
        "Expire-After",
        "Pool-Name",
    )
)
"""Control attributes that are stored and shown, and not enforced."""

_TRIVIAL: Final = frozenset(
    ("testing123", "secret", "radius", "password", "changeme", "cisco", "test", "shared", "sharedsecret", "whatever")
)
_TABLES: Final = (
    ("radcheck", "username", "user"),
    ("radreply", "username", "user"),
    ("radgroupcheck", "groupname", "group"),
    ("radgroupreply", "groupname", "group"),
)


class Finding(NamedTuple):
    """One thing to know; `table` and `row_id` say which row, where it is about one."""

    level: Level
    subject: str
    message: str
    table: str | None = None
    row_id: int | None = None


async def find(conn: AsyncConnection, dictionary: Dictionary) -> AsyncIterator[Finding]:
    """Look through policy, clients and sessions; the order is theirs, not that of the levels."""
    async for finding in _policy(conn, dictionary):
        yield finding
    for part in (_empty_groups, _clients, _sessions):
        for finding in await part(conn):
            yield finding


async def _policy(conn: AsyncConnection, dictionary: Dictionary) -> AsyncIterator[Finding]:
    items = ItemTable(dictionary)
    stored: Counter[str] = Counter()
    for table, owner, kind in _TABLES:
        rows = await conn.stream(text(f"SELECT id, {owner}, attribute, op, value FROM {table} ORDER BY id"))  # noqa: S608 - our own names
        async for row_id, name, attribute, op, value in rows:
            subject = f"{kind} {name}"
            item = items.item(attribute, op, value)
            if isinstance(item, str):
                yield Finding("broken", subject, f"{item}; every login that reads this row is rejected", table, row_id)
            elif item.caution and table.endswith("check"):
                yield Finding("broken", subject, item.caution, table, row_id)
            elif table.endswith("check") and item.attribute.name in UNSUPPORTED:
                message = f"{item.attribute.name} is a form of password that radiusd cannot check yet"
                yield Finding("broken", subject, message, table, row_id)
            elif item.attribute.name in NOT_ENFORCED:
                stored[item.attribute.name] += 1
    for name, number in sorted(stored.items()):
        yield Finding("note", name, f"stored in {_rows(number)}, not enforced yet")


async def _empty_groups(conn: AsyncConnection) -> list[Finding]:
    found = await conn.execute(
        text(
            "SELECT groupname, count(*) FROM radusergroup AS m"
            " WHERE NOT EXISTS (SELECT FROM radgroupcheck AS c WHERE c.groupname = m.groupname)"
            " AND NOT EXISTS (SELECT FROM radgroupreply AS r WHERE r.groupname = m.groupname)"
            " GROUP BY groupname ORDER BY groupname"
        )
    )
    return [
        Finding("warning", f"group {name}", f"has no rows, so that its {members} members get nothing from it")
        for name, members in found
    ]


async def _clients(conn: AsyncConnection) -> list[Finding]:
    found = await conn.execute(
        text(
            "SELECT n.id, n.nasname, n.secret, coalesce(c.name, nullif(n.shortname, ''), n.nasname),"
            " coalesce(c.require_message_authenticator, 'auto'), coalesce(c.kind, n.type)"
            " FROM nas AS n LEFT JOIN radiusd.client AS c ON c.nas_id = n.id ORDER BY n.id"
        )
    )
    rows = found.all()
    if not rows:
        return [Finding("warning", "clients", "there is none, and to unknown clients the server is silent")]
    findings: list[Finding] = []
    seen: dict[str, str] = {}
    for row_id, address, secret, name, required, kind in rows:
        for level, message in (
            *_address(address, name, seen),
            *_secret(secret or ""),
            *_signatures(required, kind),
        ):
            findings.append(Finding(level, f"client {name}", message, "nas", row_id))
    return findings


def _address(address: str, name: str, seen: dict[str, str]) -> Iterable[tuple[Level, str]]:
    try:
        network = ipaddress.ip_network(address.strip(), strict=False)
    except ValueError:
        yield "broken", f"{address!r} is neither an address nor a network; names are not looked up"
        return
    other = seen.setdefault(str(network), name)
    if other != name:
        yield "broken", f"has the same address as client {other}: one of the two never counts"
    if network.prefixlen == 0:
        yield "warning", "takes requests from every address there is"


def _secret(secret: str) -> Iterable[tuple[Level, str]]:
    if not secret:
        yield "broken", "has no shared secret"
    elif secret.lower() in _TRIVIAL:
        yield "warning", "has a shared secret that everybody would try first"
    elif len(secret.encode()) < SHORT_SECRET:
        yield (
            "warning",
            f"has a shared secret of fewer than {SHORT_SECRET} octets: one packet is enough to guess it",
        )


def _signatures(required: str, kind: str) -> Iterable[tuple[Level, str]]:
    if required == "yes":
        return
    why = ": pppd's plugin cannot sign, so keep the path private" if kind == "pptpd" else ""
    level: Level = "warning" if required == "no" and not why else "note"
    yield level, f"unsigned requests are taken (require_message_authenticator is {required}){why}"


async def _sessions(conn: AsyncConnection) -> list[Finding]:
    silent = await conn.execute(
        text(
            "SELECT s.client_name, count(*) FROM radiusd.session AS s"
            " WHERE s.state <> 'closed' AND s.interval_s IS NULL AND s.expected_s IS NULL"
            " GROUP BY s.client_name ORDER BY s.client_name"
        )
    )
    findings = [
        Finding(
            "warning",
            f"client {name}",
            f"{number} open sessions have no interim interval: nothing but a Stop or Accounting-On ends them; "
            "give the groups an interim interval",
        )
        for name, number in silent
    ]
    foreign = await conn.execute(
        text(
            "SELECT count(*) FROM radacct AS a WHERE a.acctstoptime IS NULL"
            " AND NOT EXISTS (SELECT FROM radiusd.session AS s WHERE s.acctuniqueid = a.acctuniqueid)"
        )
    )
    number = foreign.scalar_one()
    if number:
        message = f"{number} open sessions are another server's; from their next packet on they are radiusd's"
        findings.append(Finding("note", "sessions", message))
    return findings


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number} rows"
