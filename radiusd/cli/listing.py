"""What a command prints: tables on a terminal, aligned plain text elsewhere, JSON when asked.

Names in the database come from the network: whatever a terminal could take for a command is shown escaped.
JSON is always the whole record under the REST side's field names; a table shows a choice of columns.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text


class Column(NamedTuple):
    """A column of a table: its title, the record's field, and how its value is written."""

    title: str
    field: str
    write: Callable[[object], str] | None = None
    right: bool = False


Record = Mapping[str, object]


def cell(value: object) -> str:
    """Write one value on one line, with nothing in it that a terminal obeys."""
    if value in (None, "", []):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone().isoformat(sep=" ", timespec="seconds")
    if isinstance(value, Mapping):
        return " ".join(f"{key}={cell(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(cell(part) for part in value)
    text = str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def moment(value: object) -> str:
    """Write a time, ISO 8601 text or a datetime, in this machine's zone."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return cell(value)


def octets(value: object) -> str:
    """Write a number of octets with a binary unit."""
    if not isinstance(value, int | float):
        return "-"
    size = float(value)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def print_line(text: str) -> None:
    """Print one line of plain words."""
    sys.stdout.write(text + "\n")


def print_json(value: object) -> None:
    """Print one JSON document; times are ISO 8601."""
    sys.stdout.write(json.dumps(value, indent=2, default=str, ensure_ascii=False) + "\n")


def print_list(records: Sequence[Record], columns: Sequence[Column], *, as_json: bool) -> None:
    """Print records as a table, or all of their fields as a JSON list."""
    if as_json:
        print_json([dict(record) for record in records])
        return
    rows = [
        [
            column.write(record.get(column.field)) if column.write else cell(record.get(column.field))
            for column in columns
        ]
        for record in records
    ]
    if sys.stdout.isatty():
        table = Table(box=None, header_style="bold", pad_edge=False)
        for column in columns:
            table.add_column(column.title, justify="right" if column.right else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(value) for value in row))
        Console(highlight=False).print(table)
        return
    _print_aligned([[column.title for column in columns], *rows], [column.right for column in columns])


def print_record(
    record: Record, writers: Mapping[str, Callable[[object], str]] | None = None, *, as_json: bool
) -> None:
    """Print one record, a line a field, named as the options are; a list of records within it takes a line an entry.

    `writers` are for the fields that `cell` would write otherwise.
    """
    if as_json:
        print_json(dict(record))
        return
    lines: list[list[str]] = []
    for field, value in record.items():
        entries = value if isinstance(value, list | tuple) and value and isinstance(value[0], Mapping) else [value]
        write = (writers or {}).get(field, cell)
        name = field.replace("_", "-")
        lines += [[name if number == 0 else "", write(entry)] for number, entry in enumerate(entries)]
    _print_aligned(lines, [False, False])


def _print_aligned(rows: Sequence[Sequence[str]], right: Sequence[bool]) -> None:
    widths = [max(len(row[index]) for row in rows) for index in range(len(right))] if rows else []
    for row in rows:
        parts = [
            value.rjust(width) if to_the_right else value.ljust(width)
            for value, width, to_the_right in zip(row, widths, right, strict=True)
        ]
        sys.stdout.write("  ".join(parts).rstrip() + "\n")
