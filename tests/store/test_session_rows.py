from uuid import RFC_4122

from radiusd.store.session_rows import fresh_id


def test_session_ids_are_unique_and_in_the_order_of_time():
    from uuid import UUID

    made = [UUID(fresh_id()) for _ in range(10_000)]
    assert len(set(made)) == len(made)
    assert {(value.version, value.variant) for value in made} == {(7, RFC_4122)}
    times = [value.int >> 80 for value in made]
    assert times == sorted(times)
