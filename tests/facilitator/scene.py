"""A group of Ada's and its room, as most use cases are tried on: looked after by a bot, not on Matrix yet."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from facilitator import bots, groups, members, rooms, schedule, sightings
from facilitator.database import Database
from facilitator.database.tables import Act, Member, Room
from facilitator.groups import GroupPage
from facilitator.ids import AccountId, BotId, GroupId, MatrixRoomId, MemberId, RoomId, SeriesId, UserId
from facilitator.roster import MemberLine
from facilitator.rules.wanted_room import ENCRYPTION, WantedRoom
from facilitator.sightings import Looked
from tests import cast
from tests.cast import BEN, Cast
from tests.clock import MONDAY_NOON

NOW = MONDAY_NOON
MAPLE = MatrixRoomId("!maple:test")


@dataclass(frozen=True)
class Scene:
    """What people do to the group, and what the bridge sees of its room, in a transaction each."""

    database: Database
    cast: Cast
    bot: BotId
    group: GroupId
    room: RoomId

    async def another_group(self, name: str = "Cedar room", *, by: AccountId | None = None) -> tuple[GroupId, RoomId]:
        group = await cast.open_group(self.database, by or self.cast.ada, now=NOW, name=name)
        async with self.database.transaction() as db:
            await rooms.take_charge(db, self.bot)
            return group, await rooms.group_room_id(db, group)

    async def invite(self, person: str = BEN, *, by: AccountId | None = None, now: datetime = NOW) -> MemberId:
        async with self.database.transaction() as db:
            return await members.invite(db, by=by or self.cast.ada, group_id=self.group, matrix_id=person, now=now)

    async def joined(self, person: UserId = BEN, *, now: datetime = NOW) -> MemberId | None:
        async with self.database.transaction() as db:
            return await members.joined(db, self.group, self.room, person, now=now)

    async def left(self, person: UserId = BEN, *, now: datetime = NOW) -> None:
        async with self.database.transaction() as db:
            await members.left(db, self.group, person, now=now)

    async def removed(self, person: UserId, *, by: UserId) -> None:
        async with self.database.transaction() as db:
            await members.removed(db, self.group, person, by=by, now=NOW)

    async def invited_on_matrix(self, person: UserId, *, by: UserId) -> bool:
        async with self.database.transaction() as db:
            return await members.invited_on_matrix(db, self.group, person, by=by, now=NOW)

    async def not_invited(self, trouble: str, *, person: UserId = BEN, next_try: datetime | None = None) -> None:
        async with self.database.transaction() as db:
            await sightings.could_not_invite(db, self.room, {person: (trouble, next_try)}, now=NOW)

    async def people_seen(self, **memberships: str) -> None:
        async with self.database.transaction() as db:
            seen = {UserId(f"@{name}:test"): membership for name, membership in memberships.items()}
            await sightings.people_seen(db, self.room, seen, now=NOW)

    async def looked(
        self, revision: int | None = 1, *, room: RoomId | None = None, matrix: MatrixRoomId = MAPLE, now: datetime = NOW
    ) -> None:
        """The bridge found the room on Matrix, encrypted, and as it was wanted at this revision."""
        seen = Looked(matrix, ENCRYPTION, "joined", {}, revision, now)
        async with self.database.transaction() as db:
            await sightings.looked(db, room or self.room, seen, now=now)

    async def schedule(self, weekday: int = 0, at: str = "19:00", *, time_zone: str = "Europe/Berlin") -> SeriesId:
        async with self.database.transaction() as db:
            return await schedule.schedule(
                db, by=self.cast.ada, group_id=self.group, weekday=weekday, at=at, time_zone=time_zone, minutes=60,
                now=NOW,
            )  # fmt: skip

    async def wanted(self, *, room: RoomId | None = None, now: datetime = NOW) -> WantedRoom:
        async with self.database.reading() as db:
            return await rooms.wanted(db, room or self.room, now=now)

    async def page(self, *, by: AccountId | None = None, now: datetime = NOW) -> GroupPage:
        async with self.database.reading() as db:
            return await groups.page(db, by=by or self.cast.ada, group_id=self.group, now=now)

    async def welcomes(self) -> list[Act]:
        async with self.database.reading() as db:
            return list(await db.scalars(select(Act).where(Act.utterance == "welcome").order_by(Act.seq)))

    async def revision(self) -> int:
        async with self.database.reading() as db:
            return (await db.scalars(select(Room.revision).where(Room.id == self.room))).one()

    async def invitation(self, person: UserId = BEN) -> int:
        """How often they were asked into the group."""
        async with self.database.reading() as db:
            return (await db.scalars(select(Member.invitation).where(Member.matrix_id_index == person))).one()

    async def line(self, person: UserId = BEN) -> MemberLine:
        (found,) = [line for line in (await self.page()).roster if line.matrix_id == person]
        return found


async def set_up(database: Database) -> Scene:
    people = await cast.enter(database, now=NOW)
    group = await cast.open_group(database, people.ada, now=NOW)
    async with database.transaction() as db:
        bot = await bots.enrol(db, user_id=cast.BOT, homeserver="http://test", now=NOW)
        await rooms.take_charge(db, bot.id)
        return Scene(database, people, bot.id, group, await rooms.group_room_id(db, group))
