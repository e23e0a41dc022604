"""The rooms that should exist, each looked after by one bot account. A room's id is its marker on Matrix.

Every change to what should be raises the room's revision; the reconciler stores the one it found matched.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, bindparam, case, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from facilitator import bots, sightings
from facilitator.database.tables import (
    Account,
    BotAccount,
    Group,
    GroupFacilitator,
    MatrixClaim,
    Member,
    MembershipSighting,
    Room,
    RoomSighting,
    plain,
)
from facilitator.database.upsert import insert_into
from facilitator.errors import N_, NotFound
from facilitator.ids import AccountId, BotId, GroupId, MatrixRoomId, RoomId, UserId, new_id
from facilitator.rules import allowed_servers
from facilitator.rules.allowed_servers import Allowed
from facilitator.rules.life import KeptBy
from facilitator.rules.wanted_room import (
    ROOM_VERSION,
    Person,
    WantedRoom,
    backstage_room,
    direct_room,
    group_room,
    last_room,
)

NO_TIME = timedelta()
FOR_GOOD = ("banned", "forbidden", "unknown_person", "unknown_server")
"""Troubles of an invitation that trying again does not mend; inviting anew does."""


@dataclass(frozen=True)
class Place:
    """One of our rooms as the loops need it. `group_id`: also of the room its facilitators have for themselves;
    `members_of`: of the group's own room alone, where whoever joins is its member. `language`: empty where it is
    nobody's, and the house's usual one is spoken."""

    id: RoomId
    kind: str
    group_id: GroupId | None
    language: str
    time_zone: str
    person: UserId | None = field(default=None, repr=False)

    @property
    def members_of(self) -> GroupId | None:
        return self.group_id if self.kind == "group" else None


async def open_for_group(db: AsyncSession, group_id: GroupId, *, now: datetime) -> RoomId:
    """Its room, and the one its facilitators have backstage."""
    room_id = RoomId(new_id())
    db.add(Room(id=room_id, kind="group", group_id=group_id, created=now))
    await db.flush()
    await open_backstage(db, [group_id], now=now)
    return room_id


async def open_backstage(db: AsyncSession, group_ids: Collection[GroupId], *, now: datetime) -> None:
    """The facilitators of these groups have a room from now on, if they had none."""
    for group_id in group_ids:
        room = {"id": RoomId(new_id()), "kind": "backstage", "group_id": group_id, "revision": 1, "created": now}
        await db.execute(insert_into(db)(Room).values(room).on_conflict_do_nothing())


async def direct_with(db: AsyncSession, person: UserId, *, now: datetime) -> RoomId:
    """The bot's room with one person; wanted from now on if it was not."""
    found = await db.scalar(select(Room.id).where(Room.kind == "direct", Room.person_index == person))
    if found is not None:
        return found
    room = {"id": RoomId(new_id()), "kind": "direct", "person": person, "person_index": person, "revision": 1}
    put = insert_into(db)(Room).values(room | {"created": now}).on_conflict_do_nothing().returning(Room.id)
    # None: somebody else just did, which two rooms' messages sent side by side may well do.
    return await db.scalar(put) or await direct_with(db, person, now=now)


async def offer_direct(db: AsyncSession, room_id: RoomId) -> None:
    """The person wants to speak with the bot: ask them in, also if they left before."""
    room = await db.get_one(Room, room_id)
    assert room.person is not None
    seen = await db.get(MembershipSighting, (room_id, room.person))
    if seen is not None and seen.membership in ("join", "invite"):
        return
    await sightings.forget_person(db, room_id, room.person)
    await db.execute(update(Room).where(Room.id == room_id).values(revision=Room.revision + 1))


async def ask_in(db: AsyncSession, group_id: GroupId, person: UserId) -> None:
    """Somebody runs the group from now on: they are invited to its rooms, also where they left or were put out of."""
    gone = select(Room.id).where(Room.group_id == group_id)
    away = MembershipSighting.membership.is_distinct_from("join") & MembershipSighting.membership.is_distinct_from(
        "invite"
    )
    await db.execute(
        delete(MembershipSighting).where(
            MembershipSighting.room_id.in_(gone), MembershipSighting.person_index == person, away
        )
    )


async def group_changed(db: AsyncSession, group_id: GroupId) -> None:
    """Something about the group that its rooms show has changed."""
    await db.execute(update(Room).where(Room.group_id == group_id).values(revision=Room.revision + 1))


async def members_changed(db: AsyncSession, group_id: GroupId) -> None:
    """Only who is a member has changed, which is nothing to its facilitators' own room."""
    theirs = (Room.group_id == group_id, Room.kind == "group")
    await db.execute(update(Room).where(*theirs).values(revision=Room.revision + 1))


async def run_by_changed(db: AsyncSession, account_id: AccountId) -> None:
    """Something about somebody has changed that shows in the rooms of every group they run."""
    theirs = select(GroupFacilitator.group_id).where(GroupFacilitator.account_id == account_id)
    await db.execute(update(Room).where(Room.group_id.in_(theirs)).values(revision=Room.revision + 1))


async def group_room_id(db: AsyncSession, group_id: GroupId) -> RoomId:
    found = await db.scalar(select(Room.id).where(Room.group_id == group_id, Room.kind == "group"))
    if found is None:
        raise NotFound(N_("This group has no room."))
    return found


async def group_of(db: AsyncSession, room_id: RoomId) -> GroupId | None:
    return await db.scalar(select(Room.group_id).where(Room.id == room_id))


async def unclaimed(db: AsyncSession) -> bool:
    """Whether there are rooms nobody looks after yet."""
    return await db.scalar(select(Room.id).where(Room.bot_account_id.is_(None)).limit(1)) is not None


async def take_charge(db: AsyncSession, bot: BotId) -> None:
    """Rooms nobody looks after yet are looked after by this account."""
    await db.execute(update(Room).where(Room.bot_account_id.is_(None)).values(bot_account_id=bot))


async def due(
    db: AsyncSession, bot: BotId, *, now: datetime, limit: int = 50, patience: timedelta = NO_TIME
) -> list[RoomId]:
    """Rooms the reconciler should look at: those that should be another by now, then those due for another look.
    `patience`: how long such a look may wait past its time."""
    behind = or_(RoomSighting.room_id.is_(None), RoomSighting.revision < Room.revision)
    # A group's own room, and whoever waits to speak with the bot, go before what the bot tells facilitators.
    first = case((and_(behind, Room.kind != "backstage"), 0), else_=1)
    # One person's invitation that waits does not make the room's other changes wait; trouble with the room does.
    rested = or_(RoomSighting.failures == 0, RoomSighting.next_look.is_(None), RoomSighting.next_look <= now)
    rows = await db.scalars(
        select(Room.id)
        .outerjoin(RoomSighting, RoomSighting.room_id == Room.id)
        .where(
            Room.bot_account_id == bot,
            Room.closed.is_(None),
            or_(and_(behind, rested), RoomSighting.next_look <= now - patience),
        )
        .order_by(first, func.coalesce(RoomSighting.next_look, Room.created), Room.id)
        .limit(limit)
    )
    return list(rows)


async def wanted(
    db: AsyncSession,
    room_id: RoomId,
    *,
    now: datetime,
    recovery: UserId | None = None,
    allowed: Allowed = None,
    version: str = ROOM_VERSION,
) -> WantedRoom:
    """What the room should be now. Who could not be invited for good, or not yet, is left out until then. `allowed`:
    the servers that may take part; whoever is in already may go on, until they are removed. `version`: the one its
    homeserver makes rooms of."""
    room = await db.get_one(Room, room_id)
    house = await bots.ours(db) | ({recovery} if recovery else set())
    bot = None if room.bot_account_id is None else (await db.get_one(BotAccount, room.bot_account_id)).user_id
    if room.kind == "direct":
        assert room.person is not None
        seen = await db.get(MembershipSighting, (room.id, room.person))
        asked = Known(room.person, "facilitator", 1, seen).asked_already()
        found = direct_room(room.id, room.revision, name=N_("Hearth"), person=room.person, asked=asked)
        servers = allowed_servers.acl(allowed, [room.person])
        return replace(found, house=house, bot=bot, version=version, server_acl=servers)
    group = await db.get_one(Group, room.group_id)
    people, waiting, until = await _people(db, room, now, recovery)
    if room.kind == "backstage":
        found = backstage_room(room.id, room.revision, group=group.name, people=people, waiting=waiting)
    else:
        found = group_room(room.id, room.revision, name=group.name, people=people, waiting=waiting, recovery=recovery)
    inside = [person.user_id for person in people if person.standing in ("facilitator", "joined")]
    servers = allowed_servers.acl(allowed, inside)
    found = replace(
        found,
        until=until,
        house=house,
        bot=bot,
        version=version,
        server_acl=servers,
        language=group.language,
        known=(found.known or frozenset()) | house,
    )
    return found if group.closed is None else last_room(found, _kept_by(room, group))


def _kept_by(room: Room, group: Group) -> KeptBy:
    """A group's own room is left to its members where that was decided; what else it had goes with it."""
    return KeptBy.MEMBERS if room.kind == "group" and group.room_goes_to == KeptBy.MEMBERS else KeptBy.NOBODY


ROOMS, GROUPS, SEEN = plain(Room), plain(Group), plain(RoomSighting)
ACCOUNTS, CLAIMS, MEMBERS, THEIR_GROUP = plain(Account), plain(MatrixClaim), plain(Member), plain(Group).alias()


def _of_person(what: str) -> list[ColumnElement[Any]]:
    """What somebody chose for themselves in the panel; else what holds in the group they came to last; else what
    whoever is about to link this id chose, which anybody may say it is theirs. Asked of the rooms for two alone: the
    others are a group's."""
    chosen = select(ACCOUNTS.c[what]).where(ACCOUNTS.c.matrix_id_index == ROOMS.c.person_index)
    claimed = (
        select(ACCOUNTS.c[what])
        .join_from(CLAIMS, ACCOUNTS, ACCOUNTS.c.id == CLAIMS.c.account_id)
        .where(CLAIMS.c.matrix_id_index == ROOMS.c.person_index)
        .order_by(CLAIMS.c.created.desc())
        .limit(1)
    )
    through = (
        select(THEIR_GROUP.c[what])
        .join_from(MEMBERS, THEIR_GROUP, THEIR_GROUP.c.id == MEMBERS.c.group_id)
        .where(MEMBERS.c.matrix_id_index == ROOMS.c.person_index)
        .order_by(MEMBERS.c.since.desc(), MEMBERS.c.id)
        .limit(1)
    )
    return [each.scalar_subquery() for each in (chosen, through, claimed)]


PLACE = (
    ROOMS.c.id, ROOMS.c.kind, ROOMS.c.group_id,
    func.coalesce(GROUPS.c.language, *_of_person("language"), ""),
    func.coalesce(GROUPS.c.time_zone, *_of_person("time_zone"), "UTC"), ROOMS.c.person,
)  # fmt: skip
"""What a Place is made of, of a room and its group, if it has one."""
PLACES = select(*PLACE).outerjoin_from(ROOMS, GROUPS, GROUPS.c.id == ROOMS.c.group_id)
PLACE_OF = PLACES.where(ROOMS.c.id == bindparam("wanted", type_=Text))
PLACE_AT = PLACES.join(SEEN, SEEN.c.room_id == ROOMS.c.id).where(SEEN.c.matrix_room == bindparam("wanted", type_=Text))
"""Written once: asked with every message, and putting a question into words costs more than asking it."""


async def place(db: AsyncSession, room_id: RoomId) -> Place | None:
    """Where an act is said: the room's kind, and its group's language and time zone."""
    return _place((await db.execute(PLACE_OF, {"wanted": room_id})).one_or_none())


async def place_at(db: AsyncSession, matrix_room: MatrixRoomId) -> Place | None:
    """The room of ours that is there."""
    return _place((await db.execute(PLACE_AT, {"wanted": matrix_room})).one_or_none())


def _place(row: Any) -> Place | None:
    return None if row is None else Place(*row)


async def _people(
    db: AsyncSession, room: Room, now: datetime, recovery: UserId | None
) -> tuple[tuple[Person, ...], frozenset[UserId], datetime | None]:
    """Facilitators, members (of the group's own room) and the recovery account with their standing; who is not to be
    asked in (now); and until when."""
    facilitators = await db.execute(
        select(Account.matrix_id, Account.disabled, MembershipSighting)
        .join(GroupFacilitator, GroupFacilitator.account_id == Account.id)
        .outerjoin(MembershipSighting, _sighting_of(room.id, Account.matrix_id_index))
        .where(GroupFacilitator.group_id == room.group_id)
    )
    people = [
        Known(user, "resting" if disabled else "facilitator", 1, seen)
        for user, disabled, seen in facilitators
        if user is not None
    ]
    if room.kind == "group":
        members = await db.execute(
            select(Member, MembershipSighting)
            .outerjoin(MembershipSighting, _sighting_of(room.id, Member.matrix_id_index))
            .where(Member.group_id == room.group_id)
        )
        people += [Known(m.matrix_id, m.standing, m.invitation, seen) for m, seen in members]
    if recovery is not None:
        seen_there = await db.get(MembershipSighting, (room.id, recovery))
        people.append(Known(recovery, "recovery", 1, seen_there))
    waiting = frozenset(p.user for p in people if p.asked_already() or p.held_back(now))
    until = min((again for p in people if (again := p.again()) and again > now), default=None)
    return tuple(Person(p.user, p.standing) for p in people), waiting, until


@dataclass(frozen=True)
class Known:
    """Somebody the database has, with what was last seen of them in the room."""

    user: UserId = field(repr=False)
    standing: str
    invitation: int
    seen: MembershipSighting | None = field(repr=False)

    def asked_already(self) -> bool:
        """Their invitation is out. That they left since is for the listener to tell: whoever left just now must not
        find a new invitation. A facilitator is asked once; leaving is their word as it is everybody's.
        """
        if self.seen is None or self.seen.membership is None:
            return False
        return self.standing in ("facilitator", "recovery") or self.seen.membership in ("invite", "join")

    def held_back(self, now: datetime) -> bool:
        again = self.again()
        return self._trouble() in FOR_GOOD or (again is not None and again > now)

    def again(self) -> datetime | None:
        return self.seen.next_try if self.seen is not None and self._trouble() else None

    def _trouble(self) -> str | None:
        """Why this very invitation could not go out; an earlier one's trouble is over."""
        return self.seen.trouble if self.seen is not None and self.seen.invitation == self.invitation else None


def _sighting_of(room_id: RoomId, index: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    return and_(MembershipSighting.room_id == room_id, MembershipSighting.person_index == index)
