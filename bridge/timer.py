"""Loop 4, clock → outbox: asks what is due by now and puts it there. Nothing about time is ever queued."""

from datetime import datetime, timedelta

import structlog

from bridge.house import House
from bridge.warming import LEAD, Warming
from facilitator import endings, outbox, schedule, sightings
from facilitator.agenda import Agenda
from facilitator.endings import Ending
from facilitator.schedule import RoomReminder

log = structlog.get_logger(__name__)
AT_ONCE = 50
"""Put in one go; what is sent need not wait until all the others stand in the outbox."""
DRIFT = timedelta(seconds=30)
"""Clocks are slewed by seconds; only somebody who sets one moves it by more."""


class Timer:
    """One account's sense of time."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._agenda = Agenda(house.bot, house.reminder_offsets)
        self._warming = Warming(house)
        self._put: list[RoomReminder] = []
        """Put by the last pass: their rooms are seen to by the next, while they are being sent."""
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
            day = await self._agenda.look(db, now=now, ahead=LEAD)
            late = await outbox.any_late(db, now=now)
            ending, next_end = await endings.due(db, house.bot, now=now)
        self.next_due = min((moment for moment in (day.next_due, next_end) if moment is not None), default=None)
        ended = await self._end(ending, now) if ending else False
        if not (day.due or late):
            await self._warming.see_to([(each.room_id, each.reminder.due) for each in self._put] + day.soon)
            self._put.clear()
            return ended
        some = sorted(day.due[:AT_ONCE], key=lambda each: each.act)  # the sender's order, of equals
        async with house.database.transaction() as db:
            put = [await schedule.put_reminder(db, reminder, now=now) for reminder in some]
            await outbox.expire(db, now=now)
        self._put += some
        return any(put) or ended

    async def _end(self, ending: list[Ending], now: datetime) -> bool:
        """Groups whose day has come: each goes on by what is next for it, in a transaction of its own."""
        ended = False
        for each in ending[:AT_ONCE]:
            async with self._house.database.transaction() as db:
                ended |= await endings.go_on(db, each, now=now)
        return ended

    def _was_set(self, now: datetime, monotonic: float) -> bool:
        """Whether the wall clock went another way than time since the last pass: what was to wait until a moment of
        the old one could wait for hours."""
        if self._clocks is None:
            return False
        wall, before = self._clocks
        return abs(now - wall - timedelta(seconds=monotonic - before)) > DRIFT
