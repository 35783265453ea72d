from hypothesis import given
from hypothesis import strategies as st

from radiusd.sessions import reap
from radiusd.sessions.fold import fold
from radiusd.sessions.reap import Heartbeat, Silence, Threshold, Thresholds
from tests.sessions.records import T0, interim, start

THRESHOLDS = Thresholds({"vpn1": Threshold(2, 10.0)}, {"vip": Threshold(10, 0.0)})
moments = st.floats(0, 1e6)


def silence(last_seen, expected=60.0, client="vpn1", group=None):
    return Silence("id", client, group, last_seen, expected)


def test_thresholds_by_group_then_client_then_default():
    assert THRESHOLDS.of("vpn1", "vip") == Threshold(10, 0.0)
    assert THRESHOLDS.of("vpn1", "staff") == Threshold(2, 10.0)
    assert THRESHOLDS.of("vpn9", None) == THRESHOLDS.of(None, None) == Threshold(3, 60.0)


def test_a_session_is_over_after_so_many_intervals_and_grace():
    assert reap.due([silence(0.0)], THRESHOLDS, [], 130.0) == ([], 130.0)
    over, earliest = reap.due([silence(0.0)], THRESHOLDS, [], 130.1)
    assert (over, earliest) == ([silence(0.0)], None)


def test_intervals_of_a_second_are_noticed_in_seconds():
    quick = silence(0.0, 1.0, "vpn9")
    thresholds = Thresholds({"vpn9": Threshold(3, 0.0)}, {})
    assert reap.due([quick], thresholds, [], 3.1)[0] == [quick]


def test_the_earliest_deadline_of_those_that_live_is_told():
    lives = [silence(100.0), silence(50.0), silence(-1000.0)]
    assert reap.due(lives, THRESHOLDS, [], 60.0) == ([lives[2]], 180.0)


def test_our_own_absence_is_credited():
    absences = [(100.0, 700.0)]
    assert reap.credit(0.0, absences) == 600.0
    assert reap.credit(400.0, absences) == 300.0
    assert reap.credit(700.0, absences) == 0.0
    assert reap.due([silence(0.0)], THRESHOLDS, absences, 730.0) == ([], 730.0)


@given(
    last_seen=moments, absences=st.lists(st.tuples(moments, moments).map(sorted).map(tuple)), expected=st.floats(1, 1e4)
)
def test_no_credit_brings_a_deadline_forward(last_seen, absences, expected):
    plain = reap.deadline(silence(last_seen, expected), THRESHOLDS, [])
    assert reap.deadline(silence(last_seen, expected), THRESHOLDS, absences) >= plain


def test_heartbeats_remember_the_time_without_one():
    first = reap.beat(None, 100.0, 5.0)
    assert first == Heartbeat(100.0)
    slow = reap.beat(first, 115.0, 5.0)
    assert slow == Heartbeat(115.0)
    assert reap.beat(slow, 175.0, 5.0) == Heartbeat(175.0, ((115.0, 175.0),))
    assert reap.beat(slow, 50.0, 5.0).at == 115.0, "a clock set back is no absence"


def test_absences_are_forgotten_after_a_day_and_never_too_many():
    beat = Heartbeat(0.0)
    for at in range(1, 200):
        beat = reap.beat(beat, at * 100.0, 5.0)
    assert len(beat.absences) == reap.MOST_ABSENCES
    assert beat.absences[-1] == (19800.0, 19900.0)
    assert reap.beat(beat, 19900.0 + 90_000.0, 5.0).absences == ((19900.0, 109900.0),)


def test_closing_keeps_what_was_reported_and_says_how_sure_it_is():
    state = fold(None, start(0, granted=60)).state
    state = fold(state, interim(60, 58, 100)).state
    event = reap.close(state, T0 + 400)
    assert (state.stop, state.session_time, state.input_octets) == (T0 + 60, 58, 100)
    assert (state.closed_by, state.cause, state.closed_at) == ("reaper", "Lost-Carrier", T0 + 400)
    assert state.stop_uncertainty == 60
    assert (event.kind, event.detail["closed_by"], event.detail["silent_s"]) == ("closed", "reaper", 340.0)
