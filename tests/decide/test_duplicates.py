from radiusd.decide.duplicates import PENDING, Duplicates

KEY = ("192.0.2.1", 1645, b"\x01\x07\x00\x14" + bytes(16))
OTHER_PORT = ("192.0.2.1", 1646, KEY[2])
OTHER_AUTHENTICATOR = ("192.0.2.1", 1645, KEY[2][:-1] + b"\1")


def test_new_request_is_not_seen():
    assert Duplicates(5.0).seen(KEY, 100.0) is None


def test_pending_then_answered():
    seen = Duplicates(5.0)
    seen.enter(KEY, PENDING, 100.0)
    assert seen.seen(KEY, 100.1) is PENDING
    seen.enter(KEY, b"answer", 100.2)
    assert seen.seen(KEY, 100.3) == b"answer"


def test_another_port_or_authenticator_is_another_request():
    seen = Duplicates(5.0)
    seen.enter(KEY, b"answer", 100.0)
    assert seen.seen(OTHER_PORT, 100.0) is None
    assert seen.seen(OTHER_AUTHENTICATOR, 100.0) is None


def test_an_answer_lives_at_least_one_lifetime_and_less_than_two():
    seen = Duplicates(5.0)
    assert seen.seen(OTHER_PORT, 100.0) is None
    seen.enter(KEY, b"answer", 104.9)
    assert seen.seen(KEY, 109.8) == b"answer"
    assert seen.seen(OTHER_PORT, 110.0) is None
    assert seen.seen(KEY, 115.0) is None


def test_forgotten_request_is_new():
    seen = Duplicates(5.0)
    seen.enter(KEY, PENDING, 100.0)
    seen.forget(KEY)
    assert seen.seen(KEY, 100.0) is None


def test_memory_is_bounded_and_the_newest_stay():
    seen = Duplicates(5.0, capacity=100)
    for number in range(1000):
        seen.enter(("192.0.2.1", number, KEY[2]), b"answer", 100.0)
    assert len(seen) <= 200
    assert seen.seen(("192.0.2.1", 999, KEY[2]), 100.0) == b"answer"
    assert seen.seen(("192.0.2.1", 0, KEY[2]), 100.0) is None


def test_a_clock_that_jumps_leaves_no_old_answer():
    seen = Duplicates(5.0)
    assert seen.seen(KEY, 100.0) is None
    seen.enter(KEY, b"answer", 100.0)
    assert seen.seen(KEY, 100_000.0) is None
