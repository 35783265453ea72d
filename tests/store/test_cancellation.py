import asyncio

import pytest

from radiusd.store.cancellation import hanging_up


async def test_work_that_ends_by_itself_is_not_hung_up_on():
    hung_up = []

    async def work():
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        await hanging_up(work(), lambda: hung_up.append(1))
    assert hung_up == []


async def test_a_cancellation_that_becomes_another_error_is_repeated():
    started, hung_up = asyncio.Event(), []

    async def stubborn():
        for _ in range(3):
            try:
                started.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue

    task = asyncio.create_task(hanging_up(stubborn(), lambda: hung_up.append(1)))
    await started.wait()
    task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()
    assert len(hung_up) == 3
