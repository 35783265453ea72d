from radiusd.policy.trace import MOST_STEPS, Trace


def test_steps_are_kept_in_order():
    trace = Trace()
    trace.add("one")
    trace.add("two")
    assert trace.steps == ["one", "two"]
    assert str(trace) == "one\ntwo"


def test_a_full_trace_says_so_once():
    trace = Trace()
    for number in range(MOST_STEPS + 10):
        trace.add(str(number))
    assert len(trace.steps) == MOST_STEPS + 1
    assert "left out" in trace.steps[-1]
