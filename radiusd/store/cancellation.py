"""A task that ends at once when it is cancelled, even while Postgres hangs.

The rule: whoever is cancelled in the middle of a statement hangs up. psycopg by itself would ask the server to cancel
the statement and wait for its answer, for seconds where the server does not answer.
"""

import asyncio
from collections.abc import Callable, Coroutine

# Seconds until a cancellation is repeated that was turned into another error on its way.
_AGAIN = 0.1


async def hanging_up(work: Coroutine[None, None, None], hang_up: Callable[[], None]) -> None:
    """Do `work`; when cancelled, call `hang_up`, which closes its connection's socket, and end the work."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            hang_up()
            task.cancel()
            await asyncio.wait([task], timeout=_AGAIN)
        raise
