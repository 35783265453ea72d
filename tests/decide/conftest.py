import pytest

from radiusd.decide.engine import Engine
from tests.decide.requests import make_snapshot


@pytest.fixture
def snapshot(dictionary):
    return make_snapshot(dictionary)


@pytest.fixture
def engine(snapshot):
    engine = Engine(reject_delay=1.0, cleanup_delay=5.0, random_octets=lambda count: bytes(range(1, count + 1)))
    engine.use(snapshot)
    return engine
