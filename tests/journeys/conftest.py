"""The house of a journey: a real temporary database, the fake homeserver, the clock to turn, and a bridge that runs."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs
from structlog.types import EventDict

from facilitator.database import Database
from tests import cast
from tests.clock import TurnedClock
from tests.fake_homeserver import FakeHomeserver
from tests.journeys.old_rooms import RECOVERY
from tests.journeys.running import Running


async def running(database: Database, clock: TurnedClock) -> Running:
    house = Running(database, FakeHomeserver(clock), clock, await cast.enter(database, now=clock.now()))
    await house.start()
    return house


@pytest.fixture
async def house(database: Database, clock: TurnedClock) -> Running:
    return await running(database, clock)


@pytest.fixture
async def any_house(any_database: Database, clock: TurnedClock) -> Running:
    """As `house`, on each engine in turn."""
    return await running(any_database, clock)


@pytest.fixture
async def kept(database: Database, clock: TurnedClock) -> Running:
    """A house with a recovery account."""
    server = FakeHomeserver(clock)
    server.person(RECOVERY)
    house = Running(database, server, clock, await cast.enter(database, now=clock.now()), recovery=RECOVERY)
    await house.start()
    return house


@pytest.fixture(autouse=True)
def log() -> Iterator[list[EventDict]]:
    """What the loops log. They survive their own bugs; a journey must not: an error fails it, unless it clears them."""
    with capture_logs() as entries:
        yield entries
    assert [entry for entry in entries if entry["log_level"] == "error"] == []
