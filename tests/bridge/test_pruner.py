"""Once an hour, in small transactions, and only by a clock that has gone evenly."""

from datetime import timedelta

import pytest

from bridge.pruner import EVERY, Pruner
from facilitator import pruning, sightings
from facilitator.ids import EventId
from tests.clock import TurnedClock
from tests.journeys.running import Running

LONG = timedelta(days=400)


async def set_aside(running: Running) -> int:
    async with running.house.database.reading() as db:
        return len(await sightings.given_up(db, after=1))


async def failed(running: Running, clock: TurnedClock, *names: str) -> None:
    async with running.house.database.transaction() as db:
        for name in names:
            await sightings.failed_once_more(db, EventId(f"${name}"), now=clock.now())


async def test_what_is_over_goes_an_hour_after_the_start_and_not_before(running: Running, clock: TurnedClock) -> None:
    await failed(running, clock, "bad")
    clock.turn(LONG)
    pruner = Pruner(running.house)
    await pruner.look()
    clock.turn(EVERY - timedelta(seconds=1))
    await pruner.look()
    assert await set_aside(running) == 1
    clock.turn(timedelta(seconds=1))
    await pruner.look()
    assert await set_aside(running) == 0


async def test_a_clock_that_was_set_ahead_makes_nothing_be_forgotten(running: Running, clock: TurnedClock) -> None:
    await failed(running, clock, "bad")
    pruner = Pruner(running.house)
    clock.set_wall(LONG)
    clock.turn(EVERY)
    await pruner.look()
    clock.set_wall(-LONG)
    clock.turn(EVERY)
    await pruner.look()
    clock.turn(EVERY)
    await pruner.look()
    assert await set_aside(running) == 1


async def test_many_go_in_lots_that_have_an_end(
    running: Running, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.pruner.BATCHES", 2)
    monkeypatch.setattr(pruning.prune, "__kwdefaults__", {"at_once": 2})
    await failed(running, clock, *map(str, range(5)))
    clock.turn(LONG)
    pruner = Pruner(running.house)
    for left in (1, 0):
        clock.turn(EVERY)
        await pruner.look()
        assert await set_aside(running) == left
