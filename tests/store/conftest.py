"""What the tests of the repositories share: a connection in a transaction that is committed at the end."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from radiusd.store.audit import Actor


@pytest.fixture
async def conn(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with engine.begin() as connection:
        yield connection


@pytest.fixture
def actor() -> Actor:
    return Actor("token:test", "192.0.2.1")
