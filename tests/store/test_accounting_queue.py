from radiusd.decide.accounting import ACCOUNTING_ON
from radiusd.store.accounting_queue import AccountingQueue, key
from tests.sessions.records import interim, record, start


def filled(*records, most=100):
    queue = AccountingQueue(most)
    for each in records:
        assert queue.append((each, print))
    return queue


def names(part):
    return [(each.user_name, each.session_time) for each, _ in part]


def test_what_is_under_way_stays_at_the_head_until_it_is_finished():
    queue = filled(start(0, user="a"), start(0, user="b"), start(0, user="c"))
    part = queue.head(2)
    assert (len(queue), queue.head(2)) == (3, part)
    queue.finish(part)
    assert (len(queue), names(queue.head(9))) == (1, [("c", None)])


def test_a_held_session_steps_aside_and_comes_back_in_order():
    queue = filled(*(interim(time, time, user=user) for time in (1, 2, 3) for user in "ab"))
    queue.hold(["a-S1"])
    assert names(queue.set_aside(queue.head(4))) == [("b", 1), ("b", 2)]
    queue.finish(queue.set_aside(queue.head(4)))
    assert (len(queue), queue.ready, [each.session_time for each in queue.held]) == (3, False, [1])
    queue.append((interim(4, 4, user="a"), print))
    queue.release(["a-S1"])
    assert names(queue.head(9)) == [("a", 1), ("a", 2), ("a", 3), ("a", 4)]
    assert (len(queue), queue.held) == (4, [])


def test_one_bound_is_on_all():
    queue = filled(start(0, user="a"), start(0, user="b"), most=2)
    queue.hold(["a-S1"])
    queue.set_aside(queue.head(2))
    assert not queue.append((start(0, user="c"), print))
    queue.finish(queue.head(1))
    assert queue.append((start(0, user="c"), print))


def test_a_reboot_waits_for_its_nas():
    assert key(record(ACCOUNTING_ON, 0)) == "nas 192.0.2.1"
    assert key(start(0)) == "alice-S1"
