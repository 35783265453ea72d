"""Login-Time and Current-Time: the week as minutes in which a login is allowed.

The syntax is UUCP's as FreeRADIUS reads it (observed): entries separated by `,` or `|`, each with days (`Su` to `Sa`,
`Wk` for Monday to Friday, `Any` or `Al`, several in a row, ranges as `Mo-Fr`) and then, if not the whole day is meant,
`hhmm-hhmm`. The end minute is included, an end before its start wraps inside the same days, `hhmm` alone is that one
minute, `2400` counts as 2359. What cannot be read is passed over. Time is the server's local time, in whole minutes.
"""

import re
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

DAY: Final = 24 * 60
WEEK: Final = 7 * DAY

MINIMUM: Final = 60
"""Seconds that must be left for a login to be let in (FreeRADIUS's minimum_timeout)."""

_NAMES: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_TIMES: Final = re.compile(r"\s*(\d{4})(-(\d{4})?)?")


class Week(NamedTuple):
    """The allowed minutes of a week from Sunday 00:00, one octet each, and the entries that could not be read."""

    minutes: bytes
    unread: tuple[str, ...]

    def remaining(self, now: float) -> int | None:
        """Return for how many seconds from the current minute on a session is allowed, 0 where not.

        None means without end. `now` is in epoch seconds.
        """
        at = minute_of_week(now)
        if not self.minutes[at]:
            return 0
        end = self.minutes.find(0, at)
        if end < 0:
            end = self.minutes.find(0)
            return None if end < 0 else (end + WEEK - at) * 60
        return (end - at) * 60


def minute_of_week(now: float) -> int:
    """Return the minutes since Sunday 00:00, local time."""
    moment = datetime.fromtimestamp(now)  # noqa: DTZ006 - local time is what is meant
    return (moment.isoweekday() % 7) * DAY + moment.hour * 60 + moment.minute


@lru_cache(maxsize=256)
def parse(text: str) -> Week:
    """Read a Login-Time; never raises: what cannot be read allows nothing."""
    minutes = bytearray(WEEK)
    unread = tuple(entry for entry in re.split(r"[,|]", text) if not _fill(minutes, entry))
    return Week(bytes(minutes), unread)


def _fill(minutes: bytearray, entry: str) -> bool:
    """Allow what one entry says; tell whether all of it could be read."""
    days, rest = _days(entry)
    if not days:
        return False
    times = _TIMES.match(rest)
    if rest and (times is None or (times[2] is not None and times[3] is None)):
        # Letters after a day are ignored, as "Sunday;" is; anything that looks like a time must be one.
        if re.match(r"\s*[\d-]", rest):
            return False
        times = None
    first, last = 0, DAY - 1
    if times is not None:
        first = _minute(times[1])
        last = _minute(times[3]) if times[3] else first
    if first < 0 or last < 0:
        return False
    for day in days:
        start = day * DAY
        if first <= last:
            minutes[start + first : start + last + 1] = b"\1" * (last + 1 - first)
        else:
            minutes[start + first : start + DAY] = b"\1" * (DAY - first)
            minutes[start : start + last + 1] = b"\1" * (last + 1)
    return not rest or (times is not None and times.end() == len(rest))


def _minute(text: str) -> int:
    """Return hhmm as a minute of the day; -1 where the hour is none."""
    hours, minutes = int(text[:2]), int(text[2:])
    return -1 if hours > 24 else min(hours * 60 + minutes, DAY - 1)


def _days(entry: str) -> tuple[set[int], str]:
    """Split an entry into its days (0 is Sunday) and the rest."""
    days: set[int] = set()
    at = 0
    while found := _day(entry, at):
        some, at = found
        following = _day(entry, at + 1) if entry[at : at + 1] == "-" else None
        if following is not None:
            if len(some) != 1 or len(following[0]) != 1:
                return set(), entry
            first, last = some[0], following[0][0]
            some = tuple((first + step) % 7 for step in range((last - first) % 7 + 1))
            at = following[1]
        days.update(some)
    return days, entry[at:]


def _day(entry: str, at: int) -> tuple[tuple[int, ...], int] | None:
    """Read one day, or one word for several, at `at`; the days and where it ends."""
    rest = entry[at:].lower()
    for word, days in (("any", range(7)), ("al", range(7)), ("wk", range(1, 6))):
        if rest.startswith(word):
            return tuple(days), at + len(word)
    for number, name in enumerate(_NAMES):
        if rest.startswith(name[:2]):
            return (number,), at + (len(name) if rest.startswith(name) else 2)
    return None
