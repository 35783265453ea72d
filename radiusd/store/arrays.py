"""Postgres arrays, spelt as text: one parameter for a column of a whole batch.

The rule: a function a kind of element, None is NULL, and the statement casts (`%s::bigint[]`). psycopg spells lists by
itself, but at three times the cost, and with types that follow the values, so that a statement is prepared anew.
"""

from collections.abc import Callable, Iterable
from typing import Any

Values = Iterable[Any]
Spelling = Callable[[Values], str]


def numbers(values: Values) -> str:
    """Spell integers."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def moments(values: Values) -> str:
    """Spell times (epoch seconds) as whole microseconds: printing a float costs four times as much."""
    return "{" + ",".join(["NULL" if value is None else str(round(value * 1e6)) for value in values]) + "}"


def decimals(values: Values) -> str:
    """Spell floats."""
    return "{" + ",".join(["NULL" if value is None else repr(value) for value in values]) + "}"


def texts(values: Values) -> str:
    """Spell text, and whatever else is given as text (inet, uuid, jsonb)."""
    quoted = [
        "NULL" if value is None else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values
    ]
    return "{" + ",".join(quoted) + "}"


def flags(values: Values) -> str:
    """Spell booleans."""
    return "{" + ",".join(["t" if value else "f" for value in values]) + "}"
