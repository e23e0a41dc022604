"""A bridge as it runs, on the fake homeserver: the real loops and the real database, passes made by hand.

What the panel and the people do are methods here too, so that a journey reads as what happens.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial

from bridge import commands, service
from bridge.backstage import Backstage
from bridge.house import Held, House
from bridge.key_watch import KeyWatch
from bridge.listener import Listener
from bridge.matrix.homeserver import ACT_KEY, TryLater
from bridge.reconciler import Reconciler
from bridge.sender import Sender
from bridge.timer import Timer
from bridge.wording import Words
from facilitator import bots, groups, members, outbox, rooms, schedule, sightings
from facilitator.database import Database
from facilitator.groups import GroupPage
from facilitator.ids import GroupId, MatrixRoomId, RoomId, SeriesId, UserId
from facilitator.roster import MemberLine
from facilitator.settings import CrisisLine
from tests import cast
from tests.cast import Cast
from tests.clock import TurnedClock
from tests.fake_client import FakeClient
from tests.fake_homeserver import FakeHomeserver
from tests.fake_people import FakePerson
from tests.fake_rooms import MESSAGE, FakeEvent, FakeRoom

AT_MOST = 60
"""Rounds of passes after which a house that still finds work is going round in circles."""

LINES = (
    CrisisLine(
        name="Night line", contact="0800 111", hours="at any hour", kind="crisis", region="here", language="en",
        verified_on=date(2026, 1, 1), verified_by="Cleo",
    ),
    CrisisLine(
        name="Listeners", contact="0800 222", hours="18 to 22", kind="warmline", region="here", language="en",
        verified_on=date(2026, 1, 1), verified_by="Cleo",
    ),
)  # fmt: skip
PANEL = "https://panel.test"
WORDS = Words("112", LINES, commands.listed(), for_facilitators=commands.listed(for_facilitators=True), panel_url=PANEL)


@dataclass
class Running:
    """One bridge, one database, one homeserver, one clock. `start` again is a restart of the process."""

    database: Database
    server: FakeHomeserver
    clock: TurnedClock
    cast: Cast
    offsets: tuple[timedelta, ...] = (timedelta(hours=24), timedelta(minutes=20))
    recovery: UserId | None = None
    shuffled: random.Random | None = None
    """When given, loops pass in another order every round, and none waits for what another has begun."""
    idle: Callable[[], Awaitable[None]] | None = None
    """What people do of themselves, after every pass of a loop."""
    starts: int = 0
    device: str = "HEARTH"
    client: FakeClient = field(init=False, repr=False)
    house: House = field(init=False, repr=False)
    reconciler: Reconciler | None = field(init=False, repr=False, default=None)
    sender: Sender | None = field(init=False, repr=False, default=None)
    _listener: Listener = field(init=False, repr=False)
    passes: Sequence[Callable[[], Awaitable[bool]]] = field(init=False, repr=False, default=())

    # ------------------------------------------------------------------------------------------- the bridge

    async def start(self) -> None:
        """As `service` does: take the account, know the rooms, make the loops."""
        self.starts += 1
        holder = f"here:{self.starts}"
        async with self.database.transaction() as db:
            bot = await bots.enrol(db, user_id=cast.BOT, homeserver="http://test", now=self.clock.now())
            epoch = await bots.hold(db, bot.id, holder=holder, lasts=timedelta(hours=1), takes_over="here:")
        assert epoch is not None
        self.client = self.server.bot(device=self.device)
        self.house = House(
            Held(bot.id, holder, epoch),
            self.database,
            self.client,
            self.clock,
            WORDS,
            reminder_offsets=self.offsets,
            recovery=self.recovery,
        )
        await service.know_rooms(self.house)
        self._listener = Listener(self.house, wait=timedelta())
        await self.cut_off()
        self.sender = Sender(self.house)
        self.reconciler = Reconciler(self.house, hurry=self.sender.hurry)
        flowing = [self.reconciler.pass_once, self.sender.pass_once]
        waiting = [partial(self._whole, self.reconciler), partial(self._whole, self.sender)]
        self.passes = [
            self._listener.pass_once,
            Timer(self.house).pass_once,
            *(waiting if self.shuffled is None else flowing),
            KeyWatch(self.house).pass_once,
            Backstage(self.house).pass_once,
            self._listener.door.pass_once,
        ]

    async def _whole(self, worker: Reconciler | Sender) -> bool:
        """A pass, and what it began seen to its end and written down."""
        worked = await worker.pass_once()
        while self._begun(worker):
            await self._ended(worker)
            await worker.pass_once()
            worked = True
        return worked

    def _begun(self, worker: Reconciler | Sender | None) -> bool:
        """Whether it has anything under way that ends by itself: a frozen server ends nothing."""
        if worker is None:
            return False
        beside = isinstance(worker, Reconciler) and not self.server.frozen and len(worker.errands)
        return bool(len(worker.lanes) or beside)

    async def _ended(self, worker: Reconciler | Sender) -> None:
        await worker.lanes.all_ended()
        if isinstance(worker, Reconciler) and not self.server.frozen:
            await worker.errands.all_ended()

    async def cut_off(self) -> None:
        """As a death does: what the last process had under way comes to nothing."""
        for worker in (self.reconciler, self.sender):
            if worker is not None:
                await worker.lanes.stop(within=timedelta())
                worker.lanes.take_ended()
        if self.reconciler is not None:
            await self.reconciler.errands.stop(within=timedelta())
            self.reconciler.errands.take_errors()

    async def die_out(self) -> None:
        """What the dying process has under way dies with it, each at the next point where it may."""
        for worker in (self.reconciler, self.sender):
            if worker is not None:
                await self._ended(worker)
                worker.lanes.take_ended()
        if self.reconciler is not None:
            self.reconciler.errands.take_errors()

    async def settle(self) -> None:
        """Passes of all loops until none finds anything to do. Bad weather is nothing to do."""
        for _ in range(AT_MOST):
            if not await self._round():
                return
        raise AssertionError("the house goes round in circles")

    async def pulse(self) -> None:
        """As `service` does every twenty seconds: the panel sees that the bridge lives and hears."""
        async with self.database.transaction() as db:
            for name in ("bridge",) if self.server.weather.down else ("bridge", "homeserver"):
                await sightings.beat(db, name, now=self.clock.now())

    async def _round(self) -> bool:
        missed = not self._listener.caught_up.is_set()
        passes = [self._listener.pass_once] if missed else list(self.passes)
        if self.shuffled is not None:
            self.shuffled.shuffle(passes)
        worked = missed and not self.server.weather.down
        for pass_once in passes:
            try:
                worked |= await pass_once()
            except TryLater:
                continue
            if self.idle is not None:
                await self.idle()
        return worked or await self._under_way()

    async def _under_way(self) -> bool:
        """Whether the passes had begun something; it has ended then."""
        busy = [worker for worker in (self.reconciler, self.sender) if worker is not None and self._begun(worker)]
        for worker in busy:
            await self._ended(worker)
        return bool(busy)

    async def wait(self, duration: timedelta, *, step: timedelta = timedelta(minutes=1)) -> None:
        """Let time go by, with the bridge at work all along."""
        end = self.clock.now() + duration
        while self.clock.now() < end:
            self.clock.turn(min(step, end - self.clock.now()))
            await self.settle()

    # ------------------------------------------------------------------------------------------- the panel

    async def open_group(self, name: str = "Maple room", zone: str = "Europe/Berlin") -> GroupId:
        return await cast.open_group(self.database, self.cast.ada, now=self.clock.now(), name=name, zone=zone)

    async def invite(self, group_id: GroupId, person: UserId) -> None:
        async with self.database.transaction() as db:
            await members.invite(db, by=self.cast.ada, group_id=group_id, matrix_id=person, now=self.clock.now())

    async def schedule(
        self, group_id: GroupId, *, weekday: int, at: str, zone: str, minutes: int = 60, first_day: date | None = None
    ) -> SeriesId:
        async with self.database.transaction() as db:
            return await schedule.schedule(
                db, by=self.cast.ada, group_id=group_id, weekday=weekday, at=at, time_zone=zone, minutes=minutes,
                first_day=first_day, now=self.clock.now(),
            )  # fmt: skip

    async def end_series(self, group_id: GroupId, series_id: SeriesId) -> None:
        async with self.database.transaction() as db:
            await schedule.end_series(
                db, by=self.cast.ada, group_id=group_id, series_id=series_id, now=self.clock.now()
            )

    async def page(self, group_id: GroupId) -> GroupPage:
        await self.pulse()
        async with self.database.reading() as db:
            return await groups.page(db, by=self.cast.ada, group_id=group_id, now=self.clock.now())

    async def line(self, group_id: GroupId, person: UserId) -> MemberLine:
        return next(line for line in (await self.page(group_id)).roster if line.matrix_id == person)

    async def room_id(self, group_id: GroupId) -> RoomId:
        async with self.database.reading() as db:
            return await rooms.group_room_id(db, group_id)

    async def waiting(self) -> list[outbox.WaitingAct]:
        """The acts that could be said now."""
        async with self.database.reading() as db:
            return await outbox.next_acts(db, self.house.bot, now=self.clock.now())

    # ------------------------------------------------------------------------------------------- Matrix

    def person(self, user: UserId) -> FakePerson:
        return self.server.person(user)

    async def matrix_room(self, group_id: GroupId) -> MatrixRoomId:
        """The one room on the homeserver that bears the group's marker."""
        return self.marked(await self.room_id(group_id)).room

    def marked(self, marker: RoomId) -> FakeRoom:
        (found,) = self.all_marked(marker)
        return found

    def all_marked(self, marker: RoomId) -> list[FakeRoom]:
        rooms = self.server.rooms.values()
        return [room for room in rooms if room.value("m.room.create", "io.hearth.room") == marker]

    def group_rooms(self) -> list[MatrixRoomId]:
        """The rooms the bot has made for groups and their members."""
        apart = {each.room for each in self.backstage_rooms()}
        made = [room for room in self.server.rooms.values() if room.value("m.room.create", "io.hearth.room")]
        return [each.room for each in made if each.room not in apart and each.value("m.room.name", "name") != "Hearth"]

    def backstage_rooms(self) -> list[FakeRoom]:
        """Those it has made for facilitators alone."""
        named = {room.room: str(room.value("m.room.name", "name")) for room in self.server.rooms.values()}
        return [self.server.rooms[room] for room, name in named.items() if name.endswith(": facilitators")]

    def direct_rooms(self, person: UserId) -> list[FakeRoom]:
        """The rooms the bot made for itself and this person."""
        return [
            room
            for room in self.server.rooms.values()
            if room.creators == {cast.BOT} and room.members().keys() == {cast.BOT, person}
            if room.value("m.room.name", "name") == "Hearth"
        ]

    async def member(self, group_id: GroupId, person: UserId) -> FakePerson:
        """Somebody invited through the panel, and joined."""
        somebody = self.person(person)
        await self.invite(group_id, person)
        await self.settle()
        await somebody.join(await self.matrix_room(group_id))
        await self.settle()
        return somebody

    def said(self, room: MatrixRoomId) -> list[str]:
        """The bodies of what the bot has said in a room, in order."""
        return [str(event.content["body"]) for event in self.messages(room)]

    def messages(self, room: MatrixRoomId) -> list[FakeEvent]:
        events = self.server.rooms[room].events
        return [e for e in events if e.type == MESSAGE and e.sender == cast.BOT and ACT_KEY in e.content]
