"""Spans of time as people write them: `4h`, `10m`, `1h30m`, `300` (seconds).

The wire and the database know whole seconds alone; these forms exist on the command line only.
"""

import re

import typer

_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_FORM = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.IGNORECASE)

# An attribute of four octets holds no more.
LONGEST = 2**32 - 1


def parse(text: str) -> int:
    """Read a span of time in seconds from text, largest unit first.

    Raises typer.BadParameter, which says the forms that are understood.
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        seconds = int(text)
    else:
        match = _FORM.fullmatch(text)
        if match is None or not text:
            raise typer.BadParameter(f"{text!r} is no duration; write 300, 10m, 4h, 1h30m, 2d or 1w")
        parts = zip(match.groups(), _UNITS.values(), strict=True)
        seconds = sum(int(number) * unit for number, unit in parts if number is not None)
    if seconds > LONGEST:
        raise typer.BadParameter(f"{text!r} is longer than the {LONGEST} seconds that an attribute can hold")
    return seconds


def text(seconds: float | None) -> str:
    """Write a span of time the way `parse` reads it; "-" for None."""
    if seconds is None:
        return "-"
    left = int(seconds)
    parts = []
    for letter, unit in _UNITS.items():
        number, left = divmod(left, unit)
        if number:
            parts.append(f"{number}{letter}")
    return "".join(parts) or "0s"


def written(value: object) -> str:
    """Write a record's field that holds seconds."""
    return text(value) if isinstance(value, int | float) else "-"
