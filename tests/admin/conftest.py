"""The whole REST side in this process, over a real Postgres, with the policy being followed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from radiusd.admin.app import create_app
from radiusd.admin.services import Services
from radiusd.config import Settings
from radiusd.store import tokens
from radiusd.store.audit import Actor
from radiusd.store.policy_listener import PolicyListener
from radiusd.store.reaper import Reaper
from radiusd.store.records import TokenIn

BOOTSTRAP = "the-bootstrap-token"


@pytest.fixture
async def services(database: str, engine: AsyncEngine, dictionary, tmp_path: Path) -> AsyncIterator[Services]:
    settings = Settings(admin_token=BOOTSTRAP, workers=2, data_dir=tmp_path)
    policy = PolicyListener(database, dictionary)
    task = asyncio.create_task(policy.run())
    await asyncio.wait_for(policy.wait_loaded(), 20)
    yield Services(settings, database, engine, dictionary, policy, Reaper(database), tmp_path)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def app(services: Services) -> FastAPI:
    return create_app(services)


@pytest.fixture
async def connect(app: FastAPI) -> AsyncIterator[Callable[[str | None], httpx.AsyncClient]]:
    """Make a client of the API that sends this token."""
    opened = []

    def connect(token: str | None) -> httpx.AsyncClient:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("192.0.2.7", 40000))
        opened.append(httpx.AsyncClient(transport=transport, base_url="http://radiusd/api/v1/", headers=headers))
        return opened[-1]

    yield connect
    for client in opened:
        await client.aclose()


@pytest.fixture
def api(connect) -> httpx.AsyncClient:
    """The API as an admin."""
    return connect(BOOTSTRAP)


@pytest.fixture
async def as_role(connect, engine: AsyncEngine):
    """The API for a new token of this role."""

    async def as_role(role: str) -> httpx.AsyncClient:
        async with engine.begin() as conn:
            made = await tokens.create(conn, Actor("test", "test"), TokenIn(name=role, role=role))
        return connect(made.token)

    return as_role


@pytest.fixture
def sql(engine: AsyncEngine):
    """Run one statement as another tool would; returns the rows."""

    async def sql(statement: str) -> list[tuple]:
        async with engine.begin() as conn:
            result = await conn.exec_driver_sql(statement)
            return [tuple(row) for row in result] if result.returns_rows else []

    return sql
