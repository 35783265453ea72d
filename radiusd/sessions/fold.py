"""Accounting packets folded into sessions: any order, any number of copies, one result.

The rules:

- Octets and session time are the greatest seen. The start is the earliest Start's, until one comes the earliest
  `event - Acct-Session-Time`. The stop is the Stop's; of several, that of the longest session time, then the earliest.
- A packet that says nothing new changes nothing: neither `last_event` (`acctupdatetime`) nor `last_seen`. New is what
  happened after the last event or counts more; the same session time again is a copy for as long as a NAS retries.
- A Stop is final, whatever comes late. A close that was inferred (reaper, reboot, supersede, operator) is taken back
  by the first packet that proves the session alive, and completed by a Stop.
- A unique id may be used again: a Start after the Stop, or a session time that ran backwards, begins a new session;
  the old one gives up the id. Copies of the old one's packets do not touch the new one.

RFC 2866; RFC 2869 section 5.1 for counters that never go down.
"""

from typing import Final, NamedTuple

from radiusd.decide.accounting import INTERIM, START, STOP, AccountingRecord
from radiusd.sessions.state import (
    BY_NAS,
    BY_REBOOT,
    BY_SUPERSEDE,
    CAUSE_PREEMPTED,
    COUNTERS,
    EVERYTHING,
    Event,
    SessionState,
    counters,
)

# Seconds for which a NAS may go on sending copies of a packet without restating its time: retries, then failover.
RETRY_WINDOW: Final = 60.0
# Rounding of two whole-second clocks in one NAS.
_ROUNDING: Final = 1.0
# How far a NAS's clock may be before and behind ours, in seconds, to be believed.
MOST_AHEAD: Final = 86_400.0
MOST_BEHIND: Final = 10 * 365.25 * 86_400.0
# Gaps between updates: a longer one than a day is an outage or a clock that was set, and the first one may be either.
_LONGEST_GAP: Final = 86_400.0
_LONGEST_FIRST_GAP: Final = 3600.0

_KINDS: Final = {START: "start", STOP: "stop", INTERIM: "interim"}


class Change(NamedTuple):
    """What one record did: the session it belongs to, the one that gave up the id to it, and the timeline's lines."""

    state: SessionState
    displaced: SessionState | None
    events: tuple[Event, ...]


def doubt_clock(record: AccountingRecord) -> None:
    """Put the time of receipt in place of a time that no working clock shows; `record` is changed in place.

    A NAS without a clock sends Event-Timestamp 0, a broken one 4294967295: a session from 1970, or closed in 2106.
    """
    if record.received - record.sent_at > MOST_BEHIND:
        record.sent_at = record.received
    if not -MOST_BEHIND <= record.event_time - record.received <= MOST_AHEAD:
        record.event_time = float(int(record.sent_at))
        record.timestamped = False


def fold(state: SessionState | None, record: AccountingRecord) -> Change:
    """Fold one Start, Interim or Stop into the session that has its unique id (None: there is none).

    `state` is changed in place.
    """
    if state is None:
        state = _begin(record)
        return Change(state, None, (Event(state, _KINDS[record.status], record.received, counters(record)),))
    if state.follows and predates(state, record):
        return Change(state, None, (Event(state, "stale", record.received, counters(record)),))
    if begins_anew(state, record):
        return _succeed(state, record)
    if record.status == START:
        return Change(state, None, _fold_start(state, record))
    return Change(state, None, _fold_counters(state, record))


def begins_anew(state: SessionState, record: AccountingRecord) -> bool:
    """Tell whether the record is of another, later session than the one that has its unique id."""
    slack = _ROUNDING if record.timestamped else RETRY_WINDOW
    ended = state.stop if state.closed_by == BY_NAS else None
    if record.status == START:
        return ended is not None and record.event_time > (ended if record.timestamped else ended + slack)
    time = record.session_time
    if not time:
        return False
    began = record.event_time - time
    if ended is not None:
        return time != state.session_time and began > ended + slack
    # No session time of one session goes down while its NAS's clock goes up.
    return (
        time < state.session_time
        and record.event_time > state.last_event
        and began > state.start + state.session_time + RETRY_WINDOW
    )


def predates(state: SessionState, record: AccountingRecord) -> bool:
    """Tell whether the record is older than the session: it is its predecessor's, if the session `follows` one."""
    if record.event_time < state.start - _ROUNDING:
        return True
    time = record.session_time
    return time is not None and record.event_time - time < state.start - RETRY_WINDOW


def _begin(record: AccountingRecord) -> SessionState:
    state = SessionState(record.unique_id, record.session_id, record.nas_ip, record.facts)
    state.change = EVERYTHING
    state.last_event = record.event_time
    state.last_seen = record.received
    state.client_name = record.client_name
    state.start = record.event_time
    if record.status != START:
        state.start -= record.session_time or 0
        state.start_inferred = True
    _count(state, record)
    _grant(state, record)
    if record.status == STOP:
        _stop(state, record)
    else:
        state.connect_start = record.connect_info
    return state


def _succeed(old: SessionState, record: AccountingRecord) -> Change:
    """Begin the new session, after closing the old one if it is still open."""
    events: tuple[Event, ...] = ()
    if old.stop is None:
        old.close(old.last_event, BY_SUPERSEDE, CAUSE_PREEMPTED, record.received)
        events = (Event(old, "closed", record.received, {"closed_by": BY_SUPERSEDE, "stop": old.stop}),)
    old.give_up_id()
    new = _begin(record)
    new.follows = True
    # The line "follows" is how a later batch knows that copies of older packets may be the predecessor's.
    events += (
        Event(new, "follows", record.received, {"acctuniqueid": old.unique_id, "stop": old.stop}),
        Event(new, _KINDS[record.status], record.received, counters(record)),
    )
    return Change(new, old, events)


def _fold_start(state: SessionState, record: AccountingRecord) -> tuple[Event, ...]:
    events: tuple[Event, ...] = ()
    known = not state.start_inferred
    if not known or record.event_time < state.start:
        _set_start(state, record.event_time)
        events = (Event(state, "start", record.received, counters(record)),)
    _complete(state, record)
    if record.connect_info and record.connect_info != state.connect_start:
        state.connect_start = record.connect_info
        state.change = EVERYTHING
    # A Start again, long after, says that the session lives (some NASes repeat it after an outage); soon after, it is
    # a copy.
    if record.event_time > state.last_event + (RETRY_WINDOW if known else 0.0):
        events += _speak(state, record)
        _seen(state, record)
    return events


def _set_start(state: SessionState, start: float) -> None:
    state.start = start
    state.start_inferred = False
    state.change = EVERYTHING
    if state.stop is not None:
        state.stop = max(state.stop, start)
        if not state.session_time:
            state.session_time = int(state.stop - start)


def _fold_counters(state: SessionState, record: AccountingRecord) -> tuple[Event, ...]:
    """Fold an Interim or a Stop."""
    time = record.session_time
    fresh = _is_fresh(state, record)
    longest = state.session_time
    _count(state, record)
    _complete(state, record)
    if state.start_inferred and time is not None and record.event_time - time < state.start:
        state.start = record.event_time - time
        state.change = EVERYTHING
    events: tuple[Event, ...] = ()
    if record.status == STOP:
        if _stop_counts(state, record, longest):
            _stop(state, record)
            events = (Event(state, "stop", record.received, counters(record) | {"cause": state.cause}),)
        if fresh:
            _seen(state, record)
    elif fresh:
        events = _speak(state, record, longest)
        _learn(state, record)
        _seen(state, record)
        events += (Event(state, "interim", record.received, counters(record)),)
    return events


def _is_fresh(state: SessionState, record: AccountingRecord) -> bool:
    """Tell whether an Interim or Stop says anything that is not known yet."""
    time = record.session_time
    if time is not None and time > state.session_time:
        return True
    if (record.input_octets or 0) > state.input_octets or (record.output_octets or 0) > state.output_octets:
        return True
    if time is None:
        return record.event_time > state.last_event
    # The same time again is a copy, unless it comes so late that the NAS's own clock of the session must stand still.
    return time == state.session_time and record.event_time > state.last_event + RETRY_WINDOW


def _count(state: SessionState, record: AccountingRecord) -> None:
    """Raise the counters to what the record reports; what it does not report stays."""
    time, received, sent = record.session_time, record.input_octets, record.output_octets
    if time is not None and time > state.session_time:
        state.session_time = time
        state.change = state.change or COUNTERS
    if received is not None and received > state.input_octets:
        state.input_octets = received
        state.change = state.change or COUNTERS
    if sent is not None and sent > state.output_octets:
        state.output_octets = sent
        state.change = state.change or COUNTERS


def _complete(state: SessionState, record: AccountingRecord) -> None:
    """Take over the record's facts: those of the newest packet win, an older one fills what is empty."""
    if record.facts == state.facts:
        return
    newer, older = record.facts, state.facts
    if record.event_time < state.last_event:
        newer, older = older, newer
    merged = tuple(new or old for new, old in zip(newer, older, strict=True))
    if merged != state.facts:
        state.facts = merged
        state.change = EVERYTHING


def _grant(state: SessionState, record: AccountingRecord) -> None:
    """Note the interim interval and the group that the policy gives; unknown leaves what was known."""
    if record.group_name is not None and record.group_name != state.group_name:
        state.group_name = record.group_name
        state.change = EVERYTHING
    if record.interval_granted is not None and record.interval_granted != state.granted:
        state.granted = record.interval_granted
        state.change = state.change or COUNTERS
    if state.granted is not None and state.granted > (state.expected or 0):
        state.expected = float(state.granted)
        state.change = state.change or COUNTERS


def _learn(state: SessionState, record: AccountingRecord) -> None:
    """Reckon the interval that the NAS really keeps, no less than what was granted.

    It is the median of this gap, the previous one and what was expected, so that neither a lost interim nor one too
    many moves it. A previous gap that was out of all proportion counts for nothing once a shorter one follows.
    """
    gap = record.event_time - state.last_event
    if not 0 < gap <= _LONGEST_GAP:
        return
    previous, known = state.interval, state.expected
    if previous is None or known is None:
        learned = min(gap, _LONGEST_FIRST_GAP)
    elif previous > 2 * known:
        learned = min(gap, float(previous))
    else:
        learned = sorted((gap, float(previous), known))[1]
    state.expected = max(learned, 1.0, state.granted or 0)
    state.interval = int(gap)


def _seen(state: SessionState, record: AccountingRecord) -> None:
    """Move the two clocks on; neither ever goes back."""
    state.last_event = max(state.last_event, record.event_time)
    state.last_seen = max(state.last_seen, record.received)
    state.change = state.change or COUNTERS
    _grant(state, record)


def _speak(state: SessionState, record: AccountingRecord, longest: int = 0) -> tuple[Event, ...]:
    """Reopen a closed session that a fresh Interim or Start proves alive, or leave it closed, a little later."""
    stop = state.stop
    if stop is None:
        return ()
    if state.closed_by == BY_NAS:
        # A NAS that counts on, long after its own Stop, has taken the Stop back.
        alive = (record.session_time or 0) > longest + RETRY_WINDOW and record.event_time > stop + RETRY_WINDOW
        if not alive:
            return ()
    elif state.closed_by == BY_REBOOT and record.sent_at <= (state.closed_at or 0.0):
        # Sent before the reboot, come after it.
        state.stop = max(stop, record.event_time)
        state.change = EVERYTHING
        return ()
    event = Event(state, "reopened", record.received, {"closed_by": state.closed_by, "stop": stop})
    state.reopen()
    return (event,)


def _stop_counts(state: SessionState, record: AccountingRecord, longest: int) -> bool:
    """Tell whether a Stop closes the session, or closes it better than the Stop before it did."""
    if state.stop is None or state.closed_by != BY_NAS:
        return True
    time = record.session_time
    if time is not None and time != longest:
        return time > longest
    return record.event_time < state.stop


def _stop(state: SessionState, record: AccountingRecord) -> None:
    state.close(record.event_time, BY_NAS, record.terminate_cause, record.received)
    if record.session_time is None:
        state.session_time = max(state.session_time, int(record.event_time - state.start))
    state.connect_stop = record.connect_info
