"""A bridge at work for tests of single modules: real database, fake homeserver, clock to turn."""

import pytest

from facilitator.database import Database
from tests import cast
from tests.clock import TurnedClock
from tests.fake_homeserver import FakeHomeserver
from tests.journeys.running import Running


@pytest.fixture
async def running(database: Database, clock: TurnedClock) -> Running:
    """Started, with nothing in it but its cast."""
    house = Running(database, FakeHomeserver(clock), clock, await cast.enter(database, now=clock.now()))
    await house.start()
    return house
