"""What the endpoints of one process work with, made once when it starts."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import HTTPConnection

from radiusd.config import Settings
from radiusd.dictionary.attributes import Dictionary
from radiusd.store.policy_listener import PolicyListener
from radiusd.store.reaper import Reaper


@dataclass(frozen=True, slots=True)
class Services:
    """The parts that requests share; whoever makes them starts and ends them."""

    settings: Settings
    conninfo: str
    engine: AsyncEngine
    dictionary: Dictionary
    policy: PolicyListener
    reaper: Reaper
    runtime_dir: Path


def services(connection: HTTPConnection) -> Services:
    """Return the services of the app that serves this request."""
    found = connection.app.state.services
    assert isinstance(found, Services)  # noqa: S101 - create_app puts it there
    return found
