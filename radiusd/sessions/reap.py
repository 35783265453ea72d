"""Which silent sessions are over: thresholds, deadlines and the credit for our own absence.

The rule: a session is over when nothing was heard of it for `missed` times its expected interval plus `grace`, not
counting the time in which no radiusd listened. A session without an expected interval (its NAS sends no interims and
none were granted) is never over by silence alone. The stop is when it was last heard of, never the time of closing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from radiusd.sessions.state import BY_REAPER, CAUSE_LOST_CARRIER, Event, SessionState

# An absence shorter than this is a slow tick, and within anyone's grace.
LEAST_ABSENCE: Final = 15.0
# Absences are forgotten after a day, and never more than this many are kept.
MOST_ABSENCES: Final = 50
_MEMORY: Final = 86_400.0


class Threshold(NamedTuple):
    """How long silence may last: `missed` expected intervals, plus `grace` seconds."""

    missed: int = 3
    grace: float = 60.0


class Thresholds(NamedTuple):
    """The thresholds in force; a group's goes before its client's, a client's before the default."""

    clients: Mapping[str, Threshold]
    groups: Mapping[str, Threshold]
    default: Threshold = Threshold()

    def of(self, client: str | None, group: str | None) -> Threshold:
        """Find the threshold for a session of this client and group."""
        found = self.groups.get(group) if group is not None else None
        if found is None and client is not None:
            found = self.clients.get(client)
        return self.default if found is None else found


class Silence(NamedTuple):
    """An open session as the reaper sees it; `last_seen` is epoch seconds by the server's clock."""

    unique_id: str
    client_name: str | None
    group_name: str | None
    last_seen: float
    expected: float


class Heartbeat(NamedTuple):
    """When radiusd was last alive, and its absences as (from, to) in epoch seconds, oldest first."""

    at: float
    absences: tuple[tuple[float, float], ...] = ()


def beat(last: Heartbeat | None, now: float, period: float) -> Heartbeat:
    """Note that radiusd is alive at `now`; the time since the last beat is an absence if it is far over `period`."""
    if last is None:
        return Heartbeat(now)
    absences = tuple(absence for absence in last.absences if absence[1] > now - _MEMORY)
    if now - last.at > max(LEAST_ABSENCE, 3 * period):
        absences += ((last.at, now),)
    return Heartbeat(max(now, last.at), absences[-MOST_ABSENCES:])


def credit(last_seen: float, absences: Iterable[tuple[float, float]]) -> float:
    """Return the seconds since `last_seen` in which no radiusd could hear anything."""
    return sum(max(0.0, end - max(start, last_seen)) for start, end in absences)


def deadline(silence: Silence, thresholds: Thresholds, absences: Sequence[tuple[float, float]]) -> float:
    """Return when the session is over unless it is heard of before."""
    threshold = thresholds.of(silence.client_name, silence.group_name)
    patience = threshold.missed * silence.expected + threshold.grace
    return silence.last_seen + patience + credit(silence.last_seen, absences)


def due(
    silences: Iterable[Silence], thresholds: Thresholds, absences: Sequence[tuple[float, float]], now: float
) -> tuple[list[Silence], float | None]:
    """Return the sessions that are over at `now`, and the earliest deadline of the others (None: there are none)."""
    over: list[Silence] = []
    earliest: float | None = None
    for silence in silences:
        end = deadline(silence, thresholds, absences)
        if end < now:
            over.append(silence)
        elif earliest is None or end < earliest:
            earliest = end
    return over, earliest


def close(state: SessionState, now: float) -> Event:
    """Close a session that is over, in place: octets and session time stay as last reported."""
    expected = state.expected or 0.0
    state.close(state.last_event, BY_REAPER, CAUSE_LOST_CARRIER, now)
    state.stop_uncertainty = min(round(expected), (1 << 31) - 1)
    detail: dict[str, str | int | float | None] = {
        "closed_by": BY_REAPER,
        "stop": state.stop,
        "expected_s": expected,
        "silent_s": round(now - state.last_seen, 3),
    }
    return Event(state, "closed", now, detail)
