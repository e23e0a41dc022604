"""The clock of the tests keeps what the real one promises."""

import asyncio
from datetime import UTC, timedelta

from facilitator.clock import Clock
from tests.clock import TurnedClock

MINUTE = timedelta(minutes=1)


async def test_sleepers_wake_when_their_time_has_come_and_in_their_order(clock: TurnedClock) -> None:
    woken: list[int] = []

    async def sleep(minutes: int) -> None:
        await clock.sleep(minutes * MINUTE)
        woken.append(minutes)

    tasks = [asyncio.create_task(sleep(minutes)) for minutes in (3, 1, 2, 60)]
    await asyncio.sleep(0)
    assert clock.sleepers == 4 and not woken
    clock.turn(3 * MINUTE)
    await asyncio.gather(*tasks[:3])
    assert woken == [1, 2, 3] and clock.sleepers == 1
    tasks[3].cancel()
    await asyncio.wait(tasks[3:])
    clock.turn(60 * MINUTE)
    assert clock.sleepers == 0 and woken == [1, 2, 3]


async def test_a_hurrying_clock_turns_itself_as_far_as_it_is_asked() -> None:
    clock = TurnedClock(hurrying=True)
    before = clock.now()
    for _ in range(1000):
        await clock.sleep(MINUTE)
    assert clock.now() - before == 1000 * MINUTE and clock.monotonic() == 60_000


async def test_it_stands_in_for_the_real_clock(clock: TurnedClock) -> None:
    for each in (clock, Clock()):
        assert each.now().tzinfo is UTC
        await each.sleep(timedelta(0))
    assert clock.turn_to(clock.now() + MINUTE) == clock.now()
