"""What an operator should know about the rows of a database: for `radiusd doctor`.

The rule: `broken` is what cannot do what its writer meant, `warning` what will hurt one day, `note` what is
so and should be known. Policy and clients are judged by the server's own reading of them, the snapshot; here stands
what that reading takes as it is. No finding holds a secret or a password.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from radiusd.dictionary.attributes import Dictionary
from radiusd.errors import PolicyError
from radiusd.policy import passwords
from radiusd.policy.model import Client
from radiusd.policy.snapshot import Snapshot
from radiusd.policy.typed import unquoted
from radiusd.store.freeradius import Base

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
        "Max-Monthly-Octets",
        "Expire-After",
        "Pool-Name",
    )
)
"""Control attributes that are stored and shown, and not enforced."""

_TRIVIAL: Final = frozenset(
    b"testing123 secret radius password changeme cisco test shared sharedsecret whatever".split()
)
_CHECKS: Final = (
    (Base.metadata.tables["radcheck"], "username", "user"),
    (Base.metadata.tables["radgroupcheck"], "groupname", "group"),
)


class Finding(NamedTuple):
    """One thing to know; `table` and `row_id` say which row, where it is about one."""

    level: Level
    subject: str
    message: str
    table: str | None = None
    row_id: int | None = None


async def find(conn: AsyncConnection, snapshot: Snapshot) -> list[Finding]:
    """Look through policy, clients and sessions; `snapshot` is a fresh reading of the same database."""
    return [
        *_problems(snapshot),
        *await _controls(conn, snapshot.dictionary),
        *await _empty_groups(conn),
        *_clients(snapshot),
        *await _sessions(conn),
    ]


def _problems(snapshot: Snapshot) -> Iterable[Finding]:
    for problem in snapshot.problems:
        rejects = problem.rejects and problem.table != "nas"
        message = f"{problem.message}; every login that reads this row is rejected" if rejects else problem.message
        yield Finding("broken", problem.subject, message, problem.table, problem.row_id)


async def _controls(conn: AsyncConnection, dictionary: Dictionary) -> list[Finding]:
    """Find passwords that cannot be checked, row by row, and limits that are only stored, together."""
    findings: list[Finding] = []
    stored: Counter[str] = Counter()
    names = {name.lower(): name for name in (passwords.ALL | NOT_ENFORCED) - {"Cleartext-Password"}}
    for table, owner, kind in _CHECKS:
        attribute = func.lower(table.c.attribute)
        columns = (table.c.id, table.c[owner], attribute, table.c.value)
        query = select(*columns).where(attribute.in_(names)).order_by(table.c.id)
        for row_id, name, lower, value in await conn.execute(query):
            if names[lower] in NOT_ENFORCED:
                stored[names[lower]] += 1
                continue
            for form in _uncheckable(dictionary, names[lower], value):
                message = f"{form} is a form of password that radiusd cannot check yet"
                findings.append(Finding("broken", f"{kind} {name}", message, table.name, row_id))
    for name, number in sorted(stored.items()):
        findings.append(Finding("note", name, f"stored in {_many(number, 'row', 'rows')}, not enforced yet"))
    return findings


def _uncheckable(dictionary: Dictionary, name: str, value: str) -> tuple[str, ...]:
    """Name the form of a password row that no login can be checked with; a row that cannot be read is a problem."""
    attribute = dictionary.named(name)
    try:
        octets = b"" if attribute is None else attribute.encode(unquoted(value))
    except PolicyError:
        return ()
    return passwords.read([(name, octets)]).unsupported


def _many(number: int, one: str, many: str) -> str:
    return f"1 {one}" if number == 1 else f"{number} {many}"


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
        Finding(
            "warning",
            f"group {name}",
            f"has no rows, so that its {_many(members, 'member gets', 'members get')} nothing from it",
        )
        for name, members in found
    ]


def _clients(snapshot: Snapshot) -> Iterable[Finding]:
    if not snapshot.clients and not any(problem.table == "nas" for problem in snapshot.problems):
        yield Finding("warning", "clients", "there is none, and to unknown clients the server is silent")
    for client in snapshot.clients:
        found = [*_secret(client.secret.octets), *_signatures(client)]
        if client.network.prefixlen == 0:
            found.append(("warning", "takes requests from every address there is"))
        for level, message in found:
            yield Finding(level, f"client {client.name}", message, "nas", client.id)


def _secret(secret: bytes) -> Iterable[tuple[Level, str]]:
    if secret.lower() in _TRIVIAL:
        yield "warning", "has a shared secret that everybody would try first"
    elif len(secret) < SHORT_SECRET:
        yield "warning", f"has a shared secret of fewer than {SHORT_SECRET} octets: one packet is enough to guess it"


def _signatures(client: Client) -> Iterable[tuple[Level, str]]:
    required = client.require_message_authenticator
    if required == "yes":
        return
    why = ": pppd's plugin cannot sign, so keep the path private" if client.kind == "pptpd" else ""
    level: Level = "warning" if required == "no" and not why else "note"
    yield level, f"unsigned requests are taken (require-message-authenticator is {required}){why}"


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
            f"{_many(number, 'open session has', 'open sessions have')} no interim interval, so that nothing but a "
            "Stop or Accounting-On is its end; give the groups an interim-interval",
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
        sessions = _many(number, "open session is", "open sessions are")
        message = f"{sessions} another server's, and radiusd's from the next packet on"
        findings.append(Finding("note", "sessions", message))
    return findings
