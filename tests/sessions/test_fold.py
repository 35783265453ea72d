from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusd.decide.accounting import FACTS, INTERIM, STOP
from radiusd.sessions.fold import begins_anew, doubt_clock, fold
from radiusd.sessions.state import COUNTERS, EVERYTHING, UNCHANGED
from tests.sessions.records import T0, interim, record, start, stop


def folded(*records, state=None):
    for each in records:
        state = fold(state, each).state
    return state


def row(state):
    """What is promised to be the same in any order of arrival."""
    return (
        state.start - T0,
        None if state.stop is None else state.stop - T0,
        state.cause,
        state.closed_by,
        state.session_time,
        state.input_octets,
        state.output_octets,
        state.start_inferred,
        state.facts,
    )


def kinds(state, each):
    return [event.kind for event in fold(state, each).events]


def fact(state, name):
    return state.facts[FACTS.index(name)]


@st.composite
def sessions(draw):
    """Draw the packets of one session, as a NAS sends them."""
    began = draw(st.integers(0, 10_000))
    length = draw(st.integers(1, 100_000))
    times = sorted(draw(st.sets(st.integers(1, length), max_size=6)))
    octets = sorted(draw(st.lists(st.integers(0, 2**63 - 2), min_size=len(times) + 1, max_size=len(times) + 1)))
    # The counters double as the output's; keep those in a bigint as well.
    octets = [count // 2 for count in octets]
    packets = [start(began, ip=None)]
    packets += [interim(began + time, time, count) for time, count in zip(times, octets, strict=False)]
    packets.append(stop(began + length, length, octets[-1], cause="Idle-Timeout"))
    return packets


@given(packets=sessions(), data=st.data())
def test_any_order_and_any_copies_give_the_same_row(packets, data):
    expected = row(folded(*packets))
    copies = data.draw(st.lists(st.sampled_from(packets), max_size=6))
    arrived = data.draw(st.permutations(packets + copies))
    assert row(folded(*arrived)) == expected


@given(packets=sessions(), data=st.data())
def test_a_whole_session_again_changes_nothing(packets, data):
    state = folded(*packets)
    before = {name: getattr(state, name) for name in state.__slots__}
    state.change = UNCHANGED
    for each in data.draw(st.permutations(packets)):
        change = fold(state, each)
        assert change.state is state
        assert change.events == ()
    after = {name: getattr(state, name) for name in state.__slots__}
    assert after == before | {"change": UNCHANGED}


@given(packets=sessions(), lost=st.data())
def test_whatever_is_lost_before_the_stop_the_totals_are_the_stops(packets, lost):
    kept = [each for each in packets[:-1] if lost.draw(st.booleans())]
    whole, partly = folded(*packets), folded(*kept, packets[-1])
    assert (partly.stop, partly.session_time, partly.input_octets, partly.start) == (
        whole.stop,
        whole.session_time,
        whole.input_octets,
        whole.start,
    )


def test_a_session_from_start_to_stop():
    state = folded(start(0, ip=None, granted=60, group="staff"), interim(60, 60, 100), interim(120, 120, 250))
    assert row(state)[:7] == (0, None, None, None, 120, 250, 500)
    assert (state.interval, state.expected, state.granted, state.group_name) == (60, 60.0, 60, "staff")
    assert fact(state, "framedipaddress") == "10.8.0.1"
    state = folded(stop(150, 149, 300, cause="Lost-Carrier"), state=state)
    assert row(state)[:7] == (0, 150, "Lost-Carrier", "nas", 149, 300, 600)
    assert state.closed_at == T0 + 150


def test_an_interim_writes_counters_alone():
    state = folded(start(0))
    state.change = UNCHANGED
    assert folded(interim(60, 60, 100), state=state).change == COUNTERS
    state.change = UNCHANGED
    assert folded(interim(120, 120, 200, ip="10.8.0.9"), state=state).change == EVERYTHING


def test_an_interim_without_an_address_keeps_it_and_a_new_one_replaces_it():
    state = folded(start(0), interim(60, 60, 1, ip=None))
    assert fact(state, "framedipaddress") == "10.8.0.1"
    assert fact(folded(interim(120, 120, 2, ip="10.8.0.2"), state=state), "framedipaddress") == "10.8.0.2"
    late = folded(interim(90, 90, 1, ip="10.8.0.3"), state=state)
    assert fact(late, "framedipaddress") == "10.8.0.2"


def test_counters_never_go_down():
    state = folded(start(0), interim(120, 120, 250), interim(60, 60, 100))
    assert (state.session_time, state.input_octets, state.last_event) == (120, 250, T0 + 120)


def test_a_stop_without_counters_keeps_the_last_ones():
    state = folded(start(0), interim(60, 60, 100), stop(90))
    assert (state.input_octets, state.output_octets, state.session_time) == (100, 200, 90)


def test_a_stop_alone_makes_the_row():
    state = folded(stop(100, 40, 7))
    assert row(state)[:7] == (60, 100, "User-Request", "nas", 40, 7, 14)
    assert state.start_inferred


def test_a_start_corrects_what_was_inferred_and_does_not_reopen():
    late = start(58)
    state = folded(stop(100, 40, 7), late)
    assert row(state)[:4] == (58, 100, "User-Request", "nas")
    assert not state.start_inferred
    state = folded(stop(100), start(30))
    assert (state.session_time, state.start) == (70, T0 + 30)


def test_a_retransmission_without_a_timestamp_seems_later_and_still_changes_nothing():
    state = folded(start(0, timestamped=False), interim(60, 60, 100, timestamped=False))
    state.change = UNCHANGED
    again = interim(70, 60, 100, timestamped=False)
    assert fold(state, again).events == ()
    assert fold(state, start(20, timestamped=False)).events == ()
    assert (state.last_event, state.last_seen, state.change) == (T0 + 60, T0 + 60, UNCHANGED)
    state = folded(stop(100, 99, 200, timestamped=False), stop(120, 99, 200, timestamped=False), state=state)
    assert (state.stop, state.last_event) == (T0 + 100, T0 + 100)


def test_a_nas_whose_clock_of_the_session_stands_still_is_still_heard():
    state = folded(start(0), interim(300, 0, 0), interim(600, 0, 0))
    assert (state.last_seen, state.stop) == (T0 + 600, None)


def test_of_two_stops_the_longer_session_wins_whatever_their_order():
    short, longer = stop(100, 100, 5, cause="Lost-Carrier"), stop(200, 200, 9)
    for order in ((short, longer), (longer, short)):
        state = folded(start(0), *order)
        assert row(state)[:6] == (0, 200, "User-Request", "nas", 200, 9)


def test_octets_that_come_after_the_stop_are_kept_and_it_stays_closed():
    state = folded(start(0), stop(100, 100, 5), interim(90, 90, 50))
    assert (state.input_octets, state.stop, state.closed_by) == (50, T0 + 100, "nas")


def test_a_nas_that_counts_on_long_after_its_stop_has_taken_it_back():
    state = folded(start(0), stop(100, 100, 5), interim(400, 400, 50))
    assert (state.stop, state.cause, state.reopened, state.session_time) == (None, None, 1, 400)


# A unique id that is used again


def test_a_start_after_the_stop_begins_a_new_session():
    old = folded(start(0), stop(100, 100, 5))
    change = fold(old, start(101))
    assert change.displaced is old
    assert old.unique_id != change.state.unique_id == "alice-S1"
    assert (old.stop, old.change) == (T0 + 100, EVERYTHING)
    assert (change.state.start, change.state.stop, change.state.follows) == (T0 + 101, None, True)
    assert [event.kind for event in change.events] == ["follows", "start"]


def test_the_older_sessions_new_id_is_always_the_same():
    ids = {fold(folded(start(0), stop(100, 100)), start(101)).displaced.unique_id for _ in range(2)}
    assert len(ids) == 1


def test_without_a_timestamp_a_start_just_after_the_stop_may_be_a_retransmission():
    old = folded(stop(100, 40, 5, timestamped=False))
    assert not begins_anew(old, start(120, timestamped=False))
    assert begins_anew(old, start(200, timestamped=False))


def test_an_interim_that_began_after_the_stop_begins_a_new_session():
    old = folded(start(0), stop(100, 100, 5))
    change = fold(old, interim(500, 300, 2))
    assert change.displaced is old
    assert (change.state.start, change.state.start_inferred, change.state.input_octets) == (T0 + 200, True, 2)


def test_a_session_time_that_runs_backwards_begins_a_new_session_and_supersedes_the_old():
    old = folded(start(0), interim(3600, 3600, 900))
    change = fold(old, interim(7200, 60, 10))
    assert change.displaced is old
    assert (old.stop, old.closed_by, old.cause, old.input_octets) == (
        T0 + 3600,
        "supersede",
        "Port-Preempted",
        900,
    )
    assert (change.state.start, change.state.input_octets) == (T0 + 7140, 10)


def test_copies_of_the_older_sessions_packets_do_not_touch_the_new_one():
    new = fold(folded(start(0), stop(100, 100, 500)), start(200)).state
    change = fold(new, stop(100, 100, 500))
    assert [event.kind for event in change.events] == ["stale"]
    assert (new.stop, new.input_octets) == (None, 0)
    assert fold(new, interim(260, 60, 9)).state.input_octets == 9


def test_a_clock_that_jumps_back_costs_no_octets():
    state = folded(start(1_000_000), interim(60, 60, 100), interim(120, 120, 200))
    assert (state.input_octets, state.session_time) == (200, 120)


# A close that was inferred


def closed(by, *records, at=1000):
    state = folded(*records)
    state.close(state.last_event, by, "Lost-Carrier", T0 + at)
    return state


def test_a_reaped_session_that_speaks_again_is_reopened():
    state = closed("reaper", start(0), interim(60, 60, 100))
    change = fold(state, interim(1200, 1200, 900))
    assert [event.kind for event in change.events] == ["reopened", "interim"]
    assert (state.stop, state.cause, state.closed_by, state.closed_at) == (None, None, None, None)
    assert (state.reopened, state.input_octets, state.last_seen) == (1, 900, T0 + 1200)


def test_a_copy_does_not_reopen_a_reaped_session():
    state = closed("reaper", start(0), interim(60, 60, 100))
    assert kinds(state, interim(60, 60, 100, received=1200)) == []
    assert state.stop == T0 + 60


def test_a_stop_completes_a_reaped_session():
    state = closed("reaper", start(0), interim(60, 60, 100))
    state.stop_uncertainty = 60
    assert kinds(state, stop(90, 90, 150, received=1200)) == ["stop"]
    assert (state.stop, state.closed_by, state.cause, state.stop_uncertainty) == (
        T0 + 90,
        "nas",
        "User-Request",
        None,
    )
    assert state.input_octets == 150


def test_after_a_reboot_only_what_was_sent_later_reopens():
    state = closed("nas-reboot", start(0), interim(60, 60, 100))
    assert kinds(state, interim(120, 120, 200, sent=120, received=1001)) == ["interim"]
    assert (state.stop, state.input_octets) == (T0 + 120, 200)
    assert kinds(state, interim(1080, 1080, 300)) == ["reopened", "interim"]
    assert state.stop is None


def test_a_start_again_after_a_reboot_reopens():
    state = closed("nas-reboot", start(0), interim(60, 60, 100))
    assert kinds(state, start(1300)) == ["reopened"]
    assert (state.start, state.stop) == (T0, None)


# The interval to reckon with


def test_what_is_granted_is_expected_until_the_nas_shows_otherwise():
    assert folded(start(0, granted=30)).expected == 30.0
    assert folded(start(0, granted=30), interim(60, 60)).expected == 60.0
    assert folded(start(0, granted=300), interim(60, 60)).expected == 300.0


def test_without_a_grant_the_gap_is_learned():
    assert folded(start(0)).expected is None
    assert folded(start(0), interim(600, 600)).expected == 600.0


def expected_after(*gaps, granted=None):
    """What is expected after each gap in turn."""
    state, at, found = folded(start(0, granted=granted)), 0, []
    for gap in gaps:
        at += gap
        found.append(folded(interim(at, at), state=state).expected)
    return found


def test_a_lost_interim_does_not_double_the_learned_gap():
    assert expected_after(80, 80, 160, 80, 80) == [80.0] * 5


def test_an_interim_too_many_does_not_shorten_the_learned_gap():
    assert expected_after(300, 300, 1, 299, 300) == [300.0, 300.0, 300.0, 299.0, 299.0]


def test_a_long_first_gap_counts_an_hour_and_heals_at_the_next():
    assert expected_after(18_000, 300, 300, granted=300) == [3600.0, 300.0, 300.0]
    assert expected_after(900, 300, 300, granted=300) == [900.0, 900.0, 300.0]


def test_a_long_gap_later_changes_nothing():
    assert expected_after(300, 300, 18_000, 300, 300) == [300.0] * 5


def test_a_gap_over_a_day_is_no_interval():
    state = folded(start(0, granted=300), interim(86_401, 86_401))
    assert (state.expected, state.interval) == (300.0, None)
    assert expected_after(300, 90_000, 300) == [300.0] * 3


def test_two_gaps_of_another_length_are_the_new_interval():
    assert expected_after(60, 300, 300, 300) == [60.0, 60.0, 300.0, 300.0]
    assert expected_after(60, 90, 90) == [60.0, 60.0, 90.0]
    assert expected_after(300, 60, 60) == [300.0, 300.0, 60.0]
    assert expected_after(7200, 7200, 7200) == [3600.0, 7200.0, 7200.0]


@given(st.lists(st.integers(1, 86_400), min_size=1, max_size=8), st.none() | st.integers(1, 600))
def test_no_more_is_expected_than_two_gaps_in_a_row_and_no_less_than_was_granted(gaps, granted):
    *_, last = expected_after(*gaps, granted=granted)
    assert last >= (granted or 1)
    longest = max((min(pair) for pair in pairwise(gaps)), default=0)
    assert last <= max(longest, min(gaps[0], 3600), granted or 0)


def test_intervals_of_a_second():
    state = folded(start(0, granted=1), *(interim(at, at) for at in range(1, 10)))
    assert (state.expected, state.interval) == (1.0, 1)


@given(st.lists(st.tuples(st.sampled_from([INTERIM, STOP]), st.integers(0, 10**6), st.none() | st.integers(0, 10**6))))
def test_whatever_a_nas_sends_a_closed_session_ends_no_earlier_than_it_began(sent):
    state = None
    for status, at, time in sent:
        state = fold(state, record(status, at, time, at)).state
        assert state.stop is None or state.stop >= state.start
        assert (state.stop is None) == (state.closed_by is None)


# Clocks that are not believed


def doubted(event_time, *, delay=0.0):
    each = start(0, received=0)
    each.event_time, each.sent_at = event_time, T0 - delay
    doubt_clock(each)
    return each


@pytest.mark.parametrize("event_time", [0.0, 4_294_967_295.0, T0 + 86_401, T0 - 320_000_000])
def test_a_time_that_no_working_clock_shows_gives_way_to_the_receipt(event_time):
    each = doubted(event_time, delay=7.0)
    assert (each.event_time, each.timestamped, each.sent_at) == (T0 - 7, False, T0 - 7)


@pytest.mark.parametrize("event_time", [T0 + 86_400, T0 - 3600, T0 - 300_000_000])
def test_a_clock_that_is_only_wrong_is_believed(event_time):
    each = doubted(event_time)
    assert (each.event_time, each.timestamped) == (event_time, True)


def test_a_delay_of_a_century_is_not_believed():
    each = doubted(T0 - 4_294_967_295, delay=4_294_967_295.0)
    assert (each.event_time, each.sent_at) == (T0, T0)


def test_a_start_in_the_future_does_not_take_the_stop_with_it():
    first, last = doubted(4_294_967_295.0), stop(90, 90, 9)
    assert row(folded(first, last))[:2] == (0, 90)
