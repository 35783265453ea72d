"""`radiusd doctor`: everything that is not as it should be, in one list.

Exit code 1 when something is broken: a row that cannot do what it says, a schema that is not the one wanted.
Warnings and notes leave it at 0.
"""

import asyncio
from typing import Annotated

import typer

from radiusd.cli import database, listing
from radiusd.cli.context import dictionary, settings
from radiusd.cli.listing import Column
from radiusd.config import Settings
from radiusd.dictionary.attributes import Dictionary
from radiusd.errors import ConfigError, DictionaryError, StoreError
from radiusd.store import engines, findings, migrate, policy_reader
from radiusd.store.findings import Finding

_COLUMNS = (
    Column("level", "level"),
    Column("subject", "subject"),
    Column("row", "row"),
    Column("finding", "message"),
)
_ORDER = {"broken": 0, "warning": 1, "note": 2}


def doctor(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look for what is broken or risky: settings, dictionaries, schema, policy rows, clients, sessions."""
    found = sorted(_examined(settings(context)), key=lambda finding: _ORDER[finding.level])
    records = [
        {
            "level": finding.level,
            "subject": finding.subject,
            "table": finding.table,
            "row_id": finding.row_id,
            "message": finding.message,
        }
        for finding in found
    ]
    if as_json:
        listing.print_json(records)
    elif found:
        shown = [
            {**record, "row": f"{record['table']} {record['row_id']}" if record["table"] else None}
            for record in records
        ]
        listing.print_list(shown, _COLUMNS, as_json=False)
    else:
        listing.print_line("nothing found: all is well")
    if any(finding.level == "broken" for finding in found):
        raise typer.Exit(1)


def _examined(configured: Settings) -> list[Finding]:
    """Examine what can be; what another part needs and is broken ends the examination there."""
    found = list(_exposure(configured))
    try:
        names = dictionary(configured)
    except DictionaryError as error:
        return [*found, Finding("broken", "dictionaries", str(error))]
    try:
        with database.opened(configured) as url:
            state = migrate.check(url)
            if state.verdict != "current":
                remedy = "run the newer radiusd" if state.verdict == "newer" else "run `radiusd db upgrade`"
                message = f"the schema is {state.current or 'missing'}, this radiusd needs {state.wanted}: {remedy}"
                return [*found, Finding("broken", "database", message)]
            with database.refusals():
                return found + asyncio.run(_rows(url, names))
    except ConfigError:
        raise
    except StoreError as error:
        return [*found, Finding("broken", "database", str(error))]


def _exposure(configured: Settings) -> list[Finding]:
    if configured.admin_bind in ("127.0.0.1", "::1", "localhost"):
        return []
    message = f"listens on {configured.admin_bind} without TLS: keep it behind a proxy or a private network"
    return [Finding("note", "REST side", message)]


async def _rows(url: str, names: Dictionary) -> list[Finding]:
    snapshot = await policy_reader.load(url, names)
    engine = engines.make(url, database.APPLICATION, size=1)
    try:
        async with engine.connect() as connection:
            return await findings.find(connection, snapshot)
    finally:
        await engine.dispose()
