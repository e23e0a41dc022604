"""What the bridge has seen: rooms found, how people stand in them, how far it has listened.

Called by the bridge only; the panel reads it to say truthfully how a room is.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, delete, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator.database.tables import (
    Cursor,
    Heartbeat,
    Member,
    MembershipSighting,
    Room,
    RoomSighting,
    SetAside,
    plain,
)
from facilitator.database.types import UtcDateTime
from facilitator.database.upsert import insert_into, put
from facilitator.ids import BotId, EventId, MatrixRoomId, RoomId, UserId

FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=10)
SLOW_DOWN, UNREACHABLE = "homeserver_slow_down", "homeserver_unreachable"
ROOM_LOST = "room_lost"
THERE = ("join", "invite")
AT_ONCE, APART = 20, timedelta(milliseconds=100)
"""After a start: so many rooms are looked at at once, and the others so long after one another."""
SET_ASIDE_FOR = timedelta(days=14)
"""Long after the cursor has moved past it."""


@dataclass(frozen=True)
class Remembered:
    """A room of ours that was found on Matrix and seen to be encrypted."""

    room_id: RoomId
    matrix_room: MatrixRoomId
    encryption: Mapping[str, Any]
    history_visibility: str
    direct: bool


@dataclass(frozen=True)
class Looked:
    """What a look at a room showed. `at`: when it began, so that what was heard meanwhile is not overwritten.
    `revision`: the one it was found to match, None when something was left to do. `obstacles`: codes of what no step
    can mend; `trouble`: of what a person has to mend before the room can be looked after. `via`: servers that lead
    somebody into it."""

    matrix_room: MatrixRoomId | None
    encryption: Mapping[str, Any] | None
    history_visibility: str | None
    members: Mapping[UserId, str] = field(repr=False)
    revision: int | None
    at: datetime
    next_look: datetime | None = None
    version: str | None = None
    obstacles: Sequence[str] = ()
    via: Sequence[str] = ()
    trouble: str | None = None


async def remembered(db: AsyncSession, bot: BotId) -> list[Remembered]:
    """Every room of this account that can be spoken in, for a bridge that has just started."""
    rows = await db.execute(
        select(RoomSighting, Room.kind)
        .join(Room, Room.id == RoomSighting.room_id)
        .where(Room.bot_account_id == bot, RoomSighting.matrix_room.is_not(None), RoomSighting.encryption.is_not(None))
    )
    return [
        Remembered(s.room_id, s.matrix_room, s.encryption, s.history_visibility or "joined", kind == "direct")
        for s, kind in rows
        if s.matrix_room is not None and s.encryption is not None
    ]


async def room_of(db: AsyncSession, matrix_room: MatrixRoomId) -> RoomId | None:
    return await db.scalar(select(RoomSighting.room_id).where(RoomSighting.matrix_room == matrix_room))


async def ours_among(db: AsyncSession, matrix_rooms: Collection[MatrixRoomId]) -> frozenset[MatrixRoomId]:
    """Those of these rooms that are known as ours, or as where one of ours goes on."""
    here, there = RoomSighting.matrix_room, RoomSighting.replacement
    rows = await db.execute(select(here, there).where(or_(here.in_(matrix_rooms), there.in_(matrix_rooms))))
    return frozenset(room for row in rows for room in row if room is not None) & frozenset(matrix_rooms)


async def can_be_spoken_in(db: AsyncSession, room_ids: Collection[RoomId]) -> dict[RoomId, MatrixRoomId]:
    """Where these rooms are, of those known to be encrypted."""
    there = RoomSighting.room_id.in_(room_ids) & RoomSighting.encryption.is_not(None)
    found = await db.execute(select(RoomSighting.room_id, RoomSighting.matrix_room).where(there))
    return {room_id: room for room_id, room in found if room is not None}


async def matrix_room(db: AsyncSession, room_id: RoomId) -> MatrixRoomId | None:
    return await db.scalar(select(RoomSighting.matrix_room).where(RoomSighting.room_id == room_id))


async def via(db: AsyncSession, room_id: RoomId) -> tuple[str, ...]:
    """The servers that could lead somebody into the room when it was last seen, the best first."""
    found = await db.scalar(select(RoomSighting.via).where(RoomSighting.room_id == room_id))
    return tuple(found or ())


async def looked(db: AsyncSession, room_id: RoomId, seen: Looked, *, now: datetime) -> None:
    """Write down what was seen of a room and of the people in it. Who left is for the listener to say: a look would
    say it too early, before it is known whose word it was."""
    values: dict[str, Any] = {
        "matrix_room": seen.matrix_room, "encryption": seen.encryption, "history_visibility": seen.history_visibility,
        "trouble": seen.trouble, "version": seen.version, "obstacles": list(seen.obstacles),
        "via": list(seen.via),
        "failures": int(seen.revision is None), "looked": now, "next_look": seen.next_look,
    }  # fmt: skip
    if seen.revision is not None:
        values["revision"] = seen.revision
    # What was heard meanwhile may be later than what was seen: a look it asked for stays, unless one is due before.
    heard = {"next_look": _earlier(seen.next_look)}
    await put(db, RoomSighting, {"room_id": room_id}, values, again=values | heard, where=_not_lost_since(seen))
    there = {user: membership for user, membership in seen.members.items() if membership in THERE}
    await people_seen(db, room_id, there, now=now, as_of=seen.at)


def _earlier(moment: datetime | None) -> Any:
    """The look that comes first: the one asked for already, or the one at this moment."""
    if moment is None:
        return RoomSighting.next_look
    then = literal(moment, UtcDateTime())
    return case((RoomSighting.next_look < then, RoomSighting.next_look), else_=then)


def _not_lost_since(seen: Looked) -> ColumnElement[bool]:
    """A look that began before we were put out of the room knows nothing of it: nobody is to speak there."""
    return or_(
        RoomSighting.trouble.is_distinct_from(ROOM_LOST),
        RoomSighting.matrix_room.is_distinct_from(seen.matrix_room),
        RoomSighting.looked.is_(None),
        RoomSighting.looked <= seen.at,
    )


async def found(db: AsyncSession, room_id: RoomId, matrix: MatrixRoomId, *, now: datetime) -> None:
    """The room is on Matrix under this id; nothing is known of its encryption yet."""
    await put(db, RoomSighting, {"room_id": room_id}, {"matrix_room": matrix, "looked": now})


async def lost(db: AsyncSession, room_id: RoomId, *, now: datetime) -> None:
    """We are no longer in the room: nothing is said there until it is found again."""
    await put(
        db,
        RoomSighting,
        {"room_id": room_id},
        {"encryption": None, "trouble": ROOM_LOST, "looked": now, "next_look": now + LONGEST_WAIT},
    )


async def in_trouble(
    db: AsyncSession, room_id: RoomId, trouble: str, *, now: datetime, wait: timedelta | None = None
) -> None:
    """The room could not be looked after; look again after `wait`, or after a wait that doubles up to ten minutes."""
    failures = (await db.scalar(select(RoomSighting.failures).where(RoomSighting.room_id == room_id)) or 0) + 1
    doubled = min(FIRST_WAIT * 2 ** min(failures - 1, 10), LONGEST_WAIT)
    await put(
        db,
        RoomSighting,
        {"room_id": room_id},
        {"trouble": trouble, "failures": failures, "looked": now, "next_look": now + (wait or doubled)},
    )


async def look_again(db: AsyncSession, room_id: RoomId, *, now: datetime) -> None:
    """Something was heard that may have moved the room from what it should be. A homeserver that asked us to go
    slower is not pressed for it: the look comes anyway."""
    await db.execute(
        update(RoomSighting)
        .where(RoomSighting.room_id == room_id, func.coalesce(RoomSighting.trouble, "") != SLOW_DOWN)
        .values(next_look=now)
    )


async def look_by(db: AsyncSession, room_id: RoomId, moment: datetime) -> None:
    """Somebody is to be asked in again then, if nothing asks for a look before."""
    await db.execute(update(RoomSighting).where(RoomSighting.room_id == room_id).values(next_look=_earlier(moment)))


async def reachable_again(db: AsyncSession, bot: BotId, *, now: datetime) -> None:
    """The homeserver answers again: look at once at the rooms it did not answer for."""
    ours = select(Room.id).where(Room.bot_account_id == bot)
    await db.execute(
        update(RoomSighting)
        .where(RoomSighting.room_id.in_(ours), RoomSighting.trouble == UNREACHABLE)
        .values(next_look=now, failures=0)
    )


async def claimed(db: AsyncSession, room_ids: Collection[RoomId]) -> None:
    """These are being looked at now: a look asked for from here on is another one."""
    await db.execute(update(RoomSighting).where(RoomSighting.room_id.in_(room_ids)).values(next_look=None))


async def look_at_all(db: AsyncSession, bot: BotId, *, now: datetime) -> None:
    """After a start, every room is looked at once: the first at once, the others one after another, since what is to
    be said and heard then should not have to wait behind a thousand looks. Where something is heard to have changed
    is looked at before its turn."""
    ours = select(RoomSighting.room_id).join(Room, Room.id == RoomSighting.room_id).where(Room.bot_account_id == bot)
    rooms = (await db.scalars(ours.order_by(RoomSighting.room_id))).all()
    looks = [{"room_id": room, "next_look": now + APART * max(0, n - AT_ONCE)} for n, room in enumerate(rooms)]
    if looks:
        await db.execute(update(RoomSighting), looks)


async def people_seen(
    db: AsyncSession,
    room_id: RoomId,
    members: Mapping[UserId, str],
    *,
    now: datetime,
    as_of: datetime | None = None,
) -> None:
    """How everybody with a membership stands; whoever is in or invited has no trouble any more. `as_of`: what was
    written down after that moment is newer and stays."""
    if not members:
        return
    seen = {"trouble": None, "next_try": None, "seen": now}
    insert = insert_into(db)(MembershipSighting).values(
        [
            {"room_id": room_id, "person_index": user, "membership": membership, "invitation": 1, **seen}
            for user, membership in members.items()
        ]
    )
    there = insert.excluded.membership.in_(THERE)
    await db.execute(
        insert.on_conflict_do_update(
            index_elements=["room_id", "person_index"],
            set_={
                "membership": insert.excluded.membership,
                "seen": now,
                "missing": None,
                "trouble": case((there, None), else_=MembershipSighting.trouble),
                "next_try": case((there, None), else_=MembershipSighting.next_try),
            },
            where=None if as_of is None else MembershipSighting.seen <= as_of,
        )
    )


async def others_there(db: AsyncSession, room_id: RoomId, known: Collection[UserId]) -> bool:
    """Whether anybody else than these is in a room, or invited."""
    others = select(MembershipSighting.room_id).where(
        MembershipSighting.room_id == room_id,
        MembershipSighting.membership.in_(THERE),
        MembershipSighting.person_index.not_in(list(known)),
    )
    return await db.scalar(others.limit(1)) is not None


async def forget_person(db: AsyncSession, room_id: RoomId, user: UserId) -> None:
    """Whatever was seen of them there: they are asked as if for the first time."""
    await db.execute(
        delete(MembershipSighting).where(MembershipSighting.room_id == room_id, MembershipSighting.person_index == user)
    )


async def could_not_invite(
    db: AsyncSession, room_id: RoomId, refused: Mapping[UserId, tuple[str, datetime | None]], *, now: datetime
) -> None:
    """Keep with each one's present invitation why it could not go out, and when it is tried again, if it is: in as many
    statements for a hundred people as for one."""
    if not refused:
        return
    found = await db.execute(
        select(Member.matrix_id, Member.invitation)
        .join(Room, Room.group_id == Member.group_id)
        .where(Room.id == room_id, Room.kind == "group", Member.matrix_id_index.in_(list(refused)))
    )
    number = {row.matrix_id: row.invitation for row in found}
    told = [
        {"person_index": user, "invitation": number.get(user, 1), "trouble": trouble, "next_try": next_try}
        for user, (trouble, next_try) in refused.items()
    ]
    insert = insert_into(db)(MembershipSighting).values([{"room_id": room_id, "seen": now, **each} for each in told])
    fresh = {name: insert.excluded[name] for name in ("invitation", "trouble", "next_try", "seen")}
    await db.execute(insert.on_conflict_do_update(index_elements=["room_id", "person_index"], set_=fresh))


async def cursor(db: AsyncSession, bot: BotId) -> str | None:
    return await db.scalar(select(Cursor.since).where(Cursor.bot_account_id == bot))


async def listened(db: AsyncSession, bot: BotId, since: str, *, now: datetime) -> None:
    """How far this account has listened. Commit it with what was heard."""
    await db.execute(_listened(insert_into(db)), {"bot": bot, "place": since, "now": now})


@cache
def _listened(insert: Callable[[Any], Any]) -> Any:
    """Written once: it is said with everything that is heard."""
    cursor = plain(Cursor)
    values = {"since": bindparam("place"), "at": bindparam("now", type_=UtcDateTime())}
    put = insert(cursor).values(bot_account_id=bindparam("bot"), **values)
    return put.on_conflict_do_update(
        index_elements=["bot_account_id"], set_={name: put.excluded[name] for name in values}
    )


async def tries(db: AsyncSession, event: EventId) -> int:
    """How often handling this event has failed."""
    return await db.scalar(select(SetAside.tries).where(SetAside.event_id == event)) or 0


async def given_up(db: AsyncSession, *, after: int) -> set[EventId]:
    """What failed so often."""
    return set(await db.scalars(select(SetAside.event_id).where(SetAside.tries >= after)))


async def failed_once_more(db: AsyncSession, event: EventId, *, now: datetime) -> int:
    """Count a failure, in a transaction of its own. Returns how many there have been."""
    count = await tries(db, event) + 1
    await put(db, SetAside, {"event_id": event}, {"tries": count, "since": now})
    await db.execute(delete(SetAside).where(SetAside.since < now - SET_ASIDE_FOR))
    return count


async def beat(db: AsyncSession, name: str, *, now: datetime) -> None:
    """A loop is alive."""
    await put(db, Heartbeat, {"name": name}, {"at": now})


async def heartbeats(db: AsyncSession) -> dict[str, datetime]:
    rows = await db.execute(select(Heartbeat.name, Heartbeat.at))
    return dict(rows.all())
