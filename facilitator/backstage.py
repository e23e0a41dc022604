"""What needs a group's facilitators, told where only they are. Nothing is queued: each look asks the database anew what
there is, and what has been told stands in the journal, by its cause.

Nobody is named here or there: the page of the group says of whom it is.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, null, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import journal, outbox, rooms, strangers
from facilitator.database.tables import (
    Account,
    Act,
    Group,
    GroupFacilitator,
    JournalEntry,
    KeySighting,
    Member,
    MembershipSighting,
    Room,
    RoomSighting,
)
from facilitator.ids import ActId, BotId, GroupId, RoomId, because
from facilitator.outbox import Priority
from facilitator.rules import telling
from facilitator.rules.life import State
from facilitator.rules.reach import READS_NOTHING, Health
from facilitator.rules.telling import Need, Told, What

TOLD = "facilitators told"
"""As the journal has it; its subject is what they were told, as a code."""
A_WHILE = timedelta(days=1)
"""What may well mend itself, or be mended by whoever it concerns, is nobody else's before that."""
DRAFT_WAITS = timedelta(days=2)
CANNOT_READ = tuple(READS_NOTHING - {Health.SERVER_SILENT})
TOLD_TROUBLES = ("no_power", "room_closed", "room_lost", "room_moved", "room_refused")
"""What of a room somebody has to see to; the others pass, or are the whole house's."""
FAILURES = 3
"""A room that was refused once may be taken the next time."""
NONE = null()
AT_ONCE = 20
MANY = 500


@dataclass(frozen=True)
class Backstage:
    """A group's facilitators' room in which at least one of them is."""

    room: RoomId
    group: GroupId
    name: str = field(repr=False)
    time_zone: str
    greeted: bool
    last: datetime | None


async def lacking(db: AsyncSession) -> list[GroupId]:
    """A few groups, from before there were any, that have no backstage room yet."""
    has_one = exists().where(Room.group_id == Group.id, Room.kind == "backstage")
    goes_on = (Group.closed.is_(None), Group.deleted.is_(None))
    return list(await db.scalars(select(Group.id).where(~has_one, *goes_on).order_by(Group.created).limit(AT_ONCE)))


async def greet(db: AsyncSession, room: RoomId, *, now: datetime) -> bool:
    """What the room is for, said once, when the first of them has come. Returns whether it was new."""
    name = await db.scalar(select(Group.name).join(Room, Room.group_id == Group.id).where(Room.id == room))
    return await outbox.put(
        db, because("backstage", room), room, utterance="backstage_welcome", parameters={"group": name},
        priority=Priority.WELCOME, now=now,
    )  # fmt: skip


async def see_to(db: AsyncSession, bot: BotId, *, now: datetime) -> bool:
    """Make what rooms are missing, greet who has come, and tell what there is to tell. Returns whether there was
    anything. However many groups there are, as many questions are asked."""
    missing = await lacking(db)
    await rooms.open_backstage(db, missing, now=now)
    found = await _inside(db, bot)
    greeted = [await greet(db, each.room, now=now) for each in found if not each.greeted]
    to_be_told = await _to_be_told(db, found, bot, now=now)
    for each, needs in to_be_told:
        await _tell(db, each, needs, now=now)
    return bool(missing) or any(greeted) or bool(to_be_told)


async def anything(db: AsyncSession, bot: BotId, *, now: datetime) -> bool:
    """Whether `see_to` would find anything."""
    found = await _inside(db, bot)
    unmet = any(not each.greeted for each in found)
    return unmet or bool(await lacking(db)) or bool(await _to_be_told(db, found, bot, now=now))


async def _tell(db: AsyncSession, place: Backstage, needs: Collection[Need], *, now: datetime) -> None:
    """One message, and an entry of the journal for each thing, in one transaction."""
    safety = any(need.what in telling.SAFETY for need in needs)
    causes = [need.cause(now) for need in needs]
    lines = [[line.what, line.number, line.trouble] for line in telling.lines(needs)]
    await outbox.put(
        db, because("backstage", place.room, *sorted(causes)), place.room, utterance="backstage",
        parameters={"group": place.name, "path": f"/groups/{place.group}", "lines": lines},
        priority=Priority.REPLY if safety else Priority.WELCOME, now=now,
    )  # fmt: skip
    for need, cause in zip(needs, causes, strict=True):
        await journal.note_once(db, cause, TOLD, actor=journal.BRIDGE, group_id=place.group, subject=need.code, now=now)


async def _inside(db: AsyncSession, bot: BotId) -> list[Backstage]:
    """The rooms that can be spoken in and in which a facilitator of the group is: others would read nothing of it."""
    said = (Act.room_id == Room.id, Act.utterance == "backstage")
    last = select(func.max(Act.due)).where(*said).correlate(Room).scalar_subquery()
    greeted = exists().where(Act.room_id == Room.id, Act.utterance == "backstage_welcome")
    rows = await db.execute(
        select(Room.id, Group.id, Group.name, Group.time_zone, greeted, last)
        .join(Group, Group.id == Room.group_id)
        .join(RoomSighting, RoomSighting.room_id == Room.id)
        .where(
            Room.bot_account_id == bot,
            Room.kind == "backstage",
            Room.closed.is_(None),
            Group.closed.is_(None),
            Group.deleted.is_(None),
            RoomSighting.encryption.is_not(None),
            _somebody_is_there(),
        )
    )
    return [Backstage(*row) for row in rows]


def _somebody_is_there() -> ColumnElement[bool]:
    return exists(
        select(Account.id)
        .join(GroupFacilitator, GroupFacilitator.account_id == Account.id)
        .join(MembershipSighting, MembershipSighting.person_index == Account.matrix_id_index)
        .where(
            GroupFacilitator.group_id == Room.group_id,
            MembershipSighting.room_id == Room.id,
            MembershipSighting.membership == "join",
        )
        .correlate(Room)
    )


async def _to_be_told(
    db: AsyncSession, found: Collection[Backstage], bot: BotId, *, now: datetime
) -> list[tuple[Backstage, tuple[Need, ...]]]:
    if not found:
        return []
    needs = await _needs(db, bot, now=now)
    places = [each for each in found if each.group in needs]
    causes = await _told_causes(db, [need.cause(now) for each in places for need in needs[each.group]])
    codes = await _told_codes(db, now=now) if places else {}
    chosen = [
        (
            each,
            telling.now_to_be_told(
                needs[each.group], Told(causes, codes.get(each.group, {}), each.last), now=now, time_zone=each.time_zone
            ),
        )
        for each in places
    ]
    return [(each, some) for each, some in chosen if some]


async def _told_causes(db: AsyncSession, causes: Iterable[ActId]) -> frozenset[ActId]:
    told: set[ActId] = set()
    rest = iter(causes)
    while some := list(islice(rest, MANY)):
        told |= {ActId(each) for each in await db.scalars(select(JournalEntry.id).where(JournalEntry.id.in_(some)))}
    return frozenset(told)


async def _told_codes(db: AsyncSession, *, now: datetime) -> dict[GroupId, dict[str, datetime]]:
    """What each group's facilitators were told lately, and when last."""
    rows = await db.execute(
        select(JournalEntry.group_id, JournalEntry.subject, func.max(JournalEntry.at))
        .where(
            JournalEntry.actor == journal.BRIDGE, JournalEntry.at > now - telling.STILL_SO, JournalEntry.verb == TOLD
        )
        .group_by(JournalEntry.group_id, JournalEntry.subject)
    )
    codes: defaultdict[GroupId, dict[str, datetime]] = defaultdict(dict)
    for group, code, at in rows:
        if group is not None and code is not None:
            codes[group][code] = at
    return codes


async def _needs(db: AsyncSession, bot: BotId, *, now: datetime) -> dict[GroupId, list[Need]]:
    found: defaultdict[GroupId, list[Need]] = defaultdict(list)
    for what, query in _questions(bot, now):
        for group, at, trouble, *about in await db.execute(query):
            found[group].append(Need(what, tuple(about), at, trouble))
    return found


def _questions(bot: BotId, now: datetime) -> Iterator[tuple[What, Any]]:
    """Of each kind: whose it is, since when, which trouble of the room's, and what names it."""
    the_room = and_(Room.group_id == Group.id, Room.kind == "group", Room.bot_account_id == bot)
    ours = select(Group.id).join(Room, the_room).where(Group.closed.is_(None), Group.deleted.is_(None))
    lately = (
        JournalEntry.actor == journal.BRIDGE,  # of whom there is an index by time
        JournalEntry.verb == strangers.PUT_OUT,
        JournalEntry.at > now - A_WHILE,
    )
    entry = ours.join(JournalEntry, JournalEntry.group_id == Group.id).where(*lately)
    put_out = entry.add_columns(JournalEntry.at, NONE, JournalEntry.id)
    yield What.STRANGER, put_out.where(JournalEntry.subject.is_(None))
    yield What.STRANGER_BACKSTAGE, put_out.where(JournalEntry.subject.is_not(None))
    yield (
        What.ROOM,
        ours.join(RoomSighting, RoomSighting.room_id == Room.id)
        .where(
            RoomSighting.trouble.in_(TOLD_TROUBLES),
            or_(RoomSighting.trouble != "room_refused", RoomSighting.failures >= FAILURES),
        )
        .add_columns(RoomSighting.looked, RoomSighting.trouble, Room.id),
    )
    of_members = ours.join(Member, Member.group_id == Group.id)
    yield What.NOT_DELIVERED, _not_delivered(of_members, now)
    yield What.CANNOT_READ, _cannot_read(of_members, now)
    waits = (Group.state == State.DRAFT, Group.created <= now - DRAFT_WAITS)
    yield What.DRAFT, ours.where(*waits).add_columns(Group.created, NONE, Group.id)


def _not_delivered(of_members: Select[GroupId], now: datetime) -> Any:
    """For good, or because their server has been away for a day. Each invitation is another matter."""
    trouble = MembershipSighting.trouble
    lasts = or_(trouble.in_(rooms.FOR_GOOD), and_(trouble == "unreachable", Member.since <= now - A_WHILE))
    theirs = and_(
        MembershipSighting.room_id == Room.id,
        MembershipSighting.person_index == Member.matrix_id_index,
        MembershipSighting.invitation == Member.invitation,
    )
    found = of_members.join(MembershipSighting, theirs).where(Member.standing == "invited", lasts)
    return found.add_columns(Member.since, NONE, Member.id, Member.invitation)


def _cannot_read(of_members: Select[GroupId], now: datetime) -> Any:
    """Each time of not being able to is another matter."""
    theirs = and_(KeySighting.room_id == Room.id, KeySighting.person_index == Member.matrix_id_index)
    lasts = (KeySighting.health.in_(CANNOT_READ), KeySighting.since <= now - A_WHILE)
    found = of_members.join(KeySighting, theirs).where(Member.standing == "joined", *lasts)
    return found.add_columns(KeySighting.since, NONE, Member.id, KeySighting.since)
