"""What of all series is due, and what will be soon: asked at every wake-up, so reckoned only where it can be new.

Nothing is queued: this is memory of one process, made from the series as they stand each time they are asked for. A
series that had nothing left to say before some moment is not reckoned again until then, or until it is another.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import outbox, schedule
from facilitator.ids import BotId, RoomId
from facilitator.rules import reminders
from facilitator.rules.recurrence import SeriesFacts
from facilitator.schedule import RoomReminder


@dataclass(frozen=True)
class Day:
    """`due`: not in the outbox yet. `soon`: rooms where one falls due within the time that was asked for, and when.
    `next_due`: when the next one falls due."""

    due: list[RoomReminder]
    soon: list[tuple[RoomId, datetime]]
    next_due: datetime | None


class Agenda:
    """Of one account's rooms. `offsets`: how long before a session it is reminded of."""

    def __init__(self, bot: BotId, offsets: Iterable[timedelta]) -> None:
        self._bot, self._offsets = bot, tuple(offsets)
        self._next: dict[SeriesFacts, datetime | None] = {}
        """Of those that have nothing to say until then."""
        self._looked: datetime | None = None

    async def look(self, db: AsyncSession, *, now: datetime, ahead: timedelta = timedelta()) -> Day:
        if self._looked is not None and now < self._looked:
            self._next.clear()  # the clock was put back
        self._looked = now
        series = await schedule.going_on(db, self._bot)
        quiet = {facts: when for facts, when in self._next.items() if facts in series and (when is None or now < when)}
        reckoned = [facts for facts in series if facts not in quiet]
        due = [
            RoomReminder(schedule.cause(each), series[facts], each)
            for facts in reckoned
            for each in reminders.due([facts], self._offsets, now)
        ]
        put = await outbox.known(db, [each.act for each in due])
        new = sorted((each for each in due if each.act not in put), key=_by_start)
        talking = {each.reminder.series for each in new}
        coming = {facts: reminders.next_due([facts], self._offsets, now) for facts in reckoned}
        self._next = quiet | {facts: when for facts, when in coming.items() if facts.id not in talking}
        moments = {facts: when for facts, when in (quiet | coming).items() if when is not None}
        soon = [(series[facts], when) for facts, when in moments.items() if when <= now + ahead]
        return Day(new, soon, min(moments.values(), default=None))


def _by_start(each: RoomReminder) -> tuple[datetime, str]:
    return each.reminder.starts, each.reminder.series
