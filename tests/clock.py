"""A clock that tests turn by hand: nothing waits for real, and "a day later" is one line."""

import asyncio
from datetime import UTC, datetime, timedelta

from facilitator.clock import Clock

MONDAY_NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


class TurnedClock(Clock):
    """Stands still until turned. Sleepers wake when it is turned past their time; with `hurrying` it turns itself
    as far as each sleep asks, so that a loop runs through its waits at once."""

    def __init__(self, start: datetime = MONDAY_NOON, *, hurrying: bool = False) -> None:
        self.hurrying = hurrying
        self._now = start
        self._turned = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._turned

    def turn(self, by: timedelta) -> datetime:
        """Go on by so much and wake whose time has come, the earliest first."""
        self._now += by
        self._turned += by.total_seconds()
        due = sorted((each for each in self._sleepers if each[0] <= self._turned), key=lambda sleeper: sleeper[0])
        for sleeper in due:
            self._sleepers.remove(sleeper)
            if not sleeper[1].done():
                sleeper[1].set_result(None)
        return self._now

    def set_wall(self, by: timedelta) -> None:
        """Somebody sets the machine's clock: no time goes by, and nobody who sleeps notices."""
        self._now += by

    def turn_to(self, moment: datetime) -> datetime:
        """Time goes on to this moment; an earlier one is set, for no time ever goes back."""
        if moment < self._now:
            self.set_wall(moment - self._now)
        return self.turn(moment - self._now)

    @property
    def sleepers(self) -> int:
        """How many wait just now: a test that turns the clock for somebody asserts first that they sleep."""
        return sum(not future.done() for _, future in self._sleepers)

    async def somebody_sleeps(self) -> None:
        """Until somebody does: then there is whom to turn it for."""
        while not self.sleepers:
            await asyncio.sleep(0)

    async def sleep(self, duration: timedelta) -> None:
        if self.hurrying or duration <= timedelta(0):
            self.turn(max(duration, timedelta(0)))
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._turned + duration.total_seconds(), woken))
        await woken
