"""Loop 4, clock → outbox: asks what is due by now and puts it there. Nothing about time is ever queued."""

from datetime import datetime

from bridge.house import House
from facilitator import outbox, schedule


class Timer:
    """One account's sense of time."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.next_due: datetime | None = None

    async def pass_once(self) -> bool:
        """Put what has fallen due; drop what it is too late for. Returns whether anything was put."""
        house, now = self._house, self._house.clock.now()
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
