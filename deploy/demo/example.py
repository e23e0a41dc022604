"""An example group for who wants to see a reminder without starting a group: opened by the same use cases as any.

Only where there is no group yet; a session of it is planned anew at each start, so that a reminder is due each time.
"""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from deploy import commands
from deploy.demo import people
from deploy.demo.folder import Folder
from facilitator import accounts, groups, lives, members, schedule
from facilitator.clock import Clock
from facilitator.database.wakeup import open_bell
from facilitator.ids import GroupId

NAME = "Example room"
PURPOSE = "An example the demo has opened, so that there is something to see."
MINUTES = 60
NOT_FURTHER = timedelta(days=6)  # a weekly session is at most this far ahead


class Example:
    """The example group of a demo, if it has one."""

    def __init__(self, folder: Folder, settings: Path, clock: Clock) -> None:
        self._folder, self._settings, self._clock = folder, settings, clock
        self._house = commands.house_of(settings)
        self._planned = False

    async def open(self) -> bool:
        """Open it and invite Ben, unless there is a group. Returns whether it was opened."""
        now = self._clock.now()
        async with commands.opened(self._house) as database, database.transaction() as db:
            ada = await accounts.find(db, people.user_id(people.FACILITATOR))
            if (await groups.mine(db, by=ada, now=now)).lines:
                return False
            group = await groups.start(
                db, by=ada, name=NAME, purpose=PURPOSE, language="en", time_zone=self._house.time_zone, now=now
            )
            await lives.open_group(db, by=ada, group_id=group, lines=(), waiver=PURPOSE, now=now)
            ben = people.user_id(people.MEMBERS[0])
            await members.invite(db, by=ada, group_id=group, matrix_id=ben, now=now)
        self._folder.change(example_group=group)
        await self._ring()
        return True

    async def meet(self) -> bool:
        """Plan its next session such that a reminder is due now, once per run. Returns whether that was done."""
        group = self._folder.remembered().example_group
        if self._planned or group is None:
            return False
        self._planned = True
        await self._plan(GroupId(group))
        await self._ring()
        return True

    async def _plan(self, group: GroupId) -> None:
        now = self._clock.now()
        starts = soon(now, self._house.reminder_offsets).astimezone(ZoneInfo(self._house.time_zone))
        async with commands.opened(self._house) as database, database.transaction() as db:
            ada = await accounts.find(db, people.user_id(people.FACILITATOR))
            page = await groups.page(db, by=ada, group_id=group, now=now)
            for series in page.series:
                await schedule.end_series(db, by=ada, group_id=group, series_id=series.id, now=now)
            await schedule.schedule(
                db, by=ada, group_id=group, weekday=starts.weekday(), at=f"{starts:%H:%M}",
                time_zone=self._house.time_zone, minutes=MINUTES, now=now,
            )  # fmt: skip

    async def _ring(self) -> None:
        bell = open_bell(self._house.database_url, self._house.data_dir)
        await bell.ring()
        await bell.close()


def soon(now: datetime, offsets: tuple[timedelta, ...]) -> datetime:
    """A start, in whole minutes, between the two earliest reminders: the first is due, the second has not come."""
    earliest, *rest = sorted(offsets, reverse=True)
    ahead = min((earliest + (rest[0] if rest else timedelta())) / 2, NOT_FURTHER)
    starts = now + ahead
    return starts.replace(second=0, microsecond=0) + timedelta(minutes=1)
