"""Loop 4, clock → outbox: asks what is due by now and puts it there. Nothing about time is ever queued."""

from datetime import datetime, timedelta

import structlog

from bridge.house import House
from facilitator import outbox, schedule, sightings

log = structlog.get_logger(__name__)
DRIFT = timedelta(seconds=30)
"""Clocks are slewed by seconds; only somebody who sets one moves it by more."""


class Timer:
    """One account's sense of time."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.next_due: datetime | None = None
        self._clocks: tuple[datetime, float] | None = None

    async def pass_once(self) -> bool:
        """Put what has fallen due; drop what it is too late for. Returns whether anything was put."""
        house, now = self._house, self._house.clock.now()
        clocks = (now, house.clock.monotonic())
        if self._was_set(*clocks):
            log.warning("clock was set")
            async with house.database.transaction() as db:
                await outbox.clock_was_set(db, house.bot, now=now)
                await sightings.look_at_all(db, house.bot, now=now)
        self._clocks = clocks
        async with house.database.reading() as db:
            due = await schedule.due_reminders(db, house.bot, offsets=house.reminder_offsets, now=now)
            late = await outbox.any_late(db, now=now)
            self.next_due = await schedule.next_reminder(db, house.bot, offsets=house.reminder_offsets, now=now)
        if not (due or late):
            return False
        async with house.database.transaction() as db:
            put = [await schedule.put_reminder(db, reminder, now=now) for reminder in due]
            await outbox.expire(db, now=now)
        return any(put)

    def _was_set(self, now: datetime, monotonic: float) -> bool:
        """Whether the wall clock went another way than time since the last pass: what was to wait until a moment of
        the old one could wait for hours."""
        if self._clocks is None:
            return False
        wall, before = self._clocks
        return abs(now - wall - timedelta(seconds=monotonic - before)) > DRIFT
