"""The whole bridge on a real homeserver, in the test's own process: its four loops, a database, and the panel's hands.

The clock goes with the machine's and may be put ahead, so that what is tried again in ten minutes is tried now.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from bridge import commands, service
from bridge.house import Held, House
from bridge.loops import keep_going
from bridge.matrix.client import NioHomeserver
from bridge.vitals import Vitals
from bridge.wording import Words
from facilitator import accounts, bots, groups, members, rooms, roster, sightings
from facilitator.clock import Clock
from facilitator.database import Database, Unavailable
from facilitator.ids import AccountId, GroupId, MatrixRoomId, RoomId, UserId
from facilitator.roster import MemberLine
from facilitator.rules.allowed_servers import Allowed
from tests import cast

PATIENCE = timedelta(seconds=40)
LOOK_EVERY = timedelta(milliseconds=100)
PANEL = "https://panel.test"
WORDS = Words("112", (), commands.listed(), panel_url=PANEL)


class ClockAhead(Clock):
    """The machine's, so much ahead; or held, so that what is due in a moment waits for what a test waits for."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._held: datetime | None = None

    def now(self) -> datetime:
        return (self._held or super().now()) + self._ahead

    @contextmanager
    def held(self) -> Iterator[None]:
        self._held = super().now()
        try:
            yield
        finally:
            self._held = None

    def go_ahead(self, by: timedelta) -> None:
        self._ahead += by


class WholeBridge:
    """One bot with its loops. `stop` and `start` again is a restart, with other settings if wanted."""

    def __init__(self, database: Database, client: NioHomeserver, ada: UserId) -> None:
        self.database, self.client, self.clock = database, client, ClockAhead()
        self._ada = ada
        self.ada: AccountId
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, *, allowed: Allowed = None, recovery: UserId | None = None) -> "WholeBridge":
        held = await self._hold()
        house = House(held, self.database, self.client, self.clock, WORDS, allowed_servers=allowed, recovery=recovery)
        await service.know_rooms(house)
        loops = service.loops_of(house)
        vitals = Vitals(self.clock)
        self._tasks = [
            asyncio.ensure_future(keep_going(loop, vitals=vitals, worked=service.waker(loops))) for loop in loops
        ]
        return self

    async def _hold(self) -> Held:
        """What was cut off a moment ago may still be letting go of the database: a service would be started again."""
        for left in range(3, -1, -1):
            try:
                return await self._held()
            except Unavailable:
                if not left:
                    raise
        raise AssertionError

    async def _held(self) -> Held:
        now = self.clock.now()
        async with self.database.transaction() as db:
            bot = await bots.enrol(db, user_id=self.client.user_id, homeserver="", now=now)
            epoch = await bots.hold(db, bot.id, holder="here:1", lasts=timedelta(days=1), takes_over="here:")
            if not self._tasks:
                self.ada = await accounts.add_coordinator(db, name="Ada", matrix_id=self._ada, now=now)
        assert epoch is not None
        return Held(bot.id, "here:1", epoch)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def until(self, holds: Callable[[], Awaitable[bool]], *, within: timedelta = PATIENCE) -> None:
        async with asyncio.timeout(within.total_seconds()):
            while not await holds():
                for task in self._tasks:
                    assert not task.done(), task.result()
                await self.clock.sleep(LOOK_EVERY)

    async def open_group(self) -> tuple[GroupId, RoomId, MatrixRoomId]:
        """A group as the panel opens one, once its room is there."""
        group = await cast.open_group(self.database, self.ada, now=self.clock.now())
        async with self.database.reading() as db:
            room = await rooms.group_room_id(db, group)
        await self.until(lambda: self._is_settled(group))
        async with self.database.reading() as db:
            matrix = await sightings.matrix_room(db, room)
        assert matrix is not None
        return group, room, matrix

    async def _is_settled(self, group: GroupId) -> bool:
        async with self.database.transaction() as db:
            await sightings.beat(db, "bridge", now=self.clock.now())
            await sightings.beat(db, "homeserver", now=self.clock.now())
        async with self.database.reading() as db:
            page = await groups.page(db, by=self.ada, group_id=group, now=self.clock.now())
        return page.room.state == "up_to_date"

    async def look_again(self, room: RoomId) -> None:
        async with self.database.transaction() as db:
            await sightings.look_again(db, room, now=self.clock.now())

    async def invite(self, group: GroupId, *people: UserId) -> None:
        """All in one, so that one visit of the room asks them all in."""
        async with self.database.transaction() as db:
            for person in people:
                await members.invite(db, by=self.ada, group_id=group, matrix_id=person, now=self.clock.now())

    async def line(self, group: GroupId, person: UserId) -> MemberLine:
        async with self.database.reading() as db:
            return next(line for line in await roster.of_group(db, group) if line.matrix_id == person)

    async def until_line(self, group: GroupId, person: UserId, holds: Callable[[MemberLine], bool]) -> MemberLine:
        async def shown() -> bool:
            return holds(await self.line(group, person))

        await self.until(shown)
        return await self.line(group, person)
