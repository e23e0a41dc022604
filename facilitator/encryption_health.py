"""Who can read whom in the rooms there are: kept as facts, so that a facilitator knows before the first session who
cannot read yet.

Whoever has joined is checked soon after, again when their devices change, and whenever a key was shared. Nobody's
devices are named or counted here: how somebody stands, and since when.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Select, and_, bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import outbox, rooms
from facilitator.database.tables import KeySighting, PinnedIdentity, Room, RoomSighting, UnreadableEvent
from facilitator.database.types import Blind, Blinded
from facilitator.database.upsert import insert_into
from facilitator.ids import BotId, GroupId, MatrixRoomId, RoomId, UserId, because
from facilitator.rules import reach as rules
from facilitator.rules.reach import Facts, Health, Reach, Sighting

T = TypeVar("T")
Healths = dict[UserId, tuple[Health, datetime]]
"""By the blind index of a person's id: how they stand, and since when."""
AT_ONCE = 500
"""Rows to a statement: engines have their limits, and one answer may name very many people."""


async def expect(db: AsyncSession, room_id: RoomId, joined: Collection[UserId], *, now: datetime) -> None:
    """Exactly these have joined, the bot left out: whoever is new there is checked soon, who is gone is forgotten."""
    gone = KeySighting.person_index.not_in(joined)
    await db.execute(delete(KeySighting).where(KeySighting.room_id == room_id, gone))
    new = {"health": Health.UNKNOWN, "since": now, "well_until": None, "next_check": now}
    rows = [{"room_id": room_id, "person_index": person, **new} for person in joined]
    for some in _in_lots(rows):
        await db.execute(insert_into(db)(KeySighting).values(some).on_conflict_do_nothing())


async def devices_changed(db: AsyncSession, people: Iterable[UserId], *, now: datetime) -> None:
    """Their devices, or the signatures on them, are not what they were: check them in every room."""
    for some in _in_lots(sorted(people)):
        await db.execute(update(KeySighting).where(KeySighting.person_index.in_(some)).values(next_check=now))


async def all_may_have_changed(db: AsyncSession, bot: BotId, *, now: datetime) -> None:
    """Where our hearing begins anew nobody tells whose devices changed meanwhile: check everybody."""
    ours = select(Room.id).where(Room.bot_account_id == bot)
    await db.execute(update(KeySighting).where(KeySighting.room_id.in_(ours)).values(next_check=now))


async def claim(db: AsyncSession, bot: BotId, *, now: datetime, limit: int = 50) -> dict[RoomId, MatrixRoomId]:
    """Rooms in which somebody is to be checked, who has waited longest first. They are not claimed again for a while:
    a check that fails is made again then, and one asked for meanwhile is another one."""
    due = await db.execute(
        _due(bot, now)
        .group_by(KeySighting.room_id, RoomSighting.matrix_room)
        .order_by(func.min(KeySighting.next_check), KeySighting.room_id)
        .limit(limit)
    )
    found = {room_id: matrix for room_id, matrix in due if matrix is not None}
    if found:
        await db.execute(
            update(KeySighting)
            .where(KeySighting.room_id.in_(list(found)), KeySighting.next_check <= now)
            .values(next_check=now + rules.SOONEST)
        )
    return found


async def anything_due(db: AsyncSession, bot: BotId, *, now: datetime) -> bool:
    """Whether `claim` would find any."""
    return (await db.execute(_due(bot, now).limit(1))).first() is not None


def _due(bot: BotId, now: datetime) -> Select[RoomId, MatrixRoomId | None]:
    """Whoever is due in a room that can be spoken in: in others nothing comes due that could be done."""
    return (
        select(KeySighting.room_id, RoomSighting.matrix_room)
        .join(Room, Room.id == KeySighting.room_id)
        .join(RoomSighting, RoomSighting.room_id == KeySighting.room_id)
        .where(
            KeySighting.next_check <= now,
            Room.bot_account_id == bot,
            Room.closed.is_(None),
            RoomSighting.matrix_room.is_not(None),
            RoomSighting.encryption.is_not(None),
        )
    )


async def reached(
    db: AsyncSession, found: Mapping[RoomId, Mapping[UserId, Reach]], *, now: datetime, in_passing: bool = False
) -> list[UserId]:
    """How far a key came in these rooms: write down what is new. Returns who should be told that a device of theirs is
    not confirmed, because it has been so for a while. `in_passing`: while a message was sent, which waits for nobody.
    """
    see = rules.seen_in_passing if in_passing else rules.seen
    index = Blind("matrix_id")
    kept = await _kept(db, found)
    rows: list[dict[str, Any]] = []
    told: list[UserId] = []
    for room_id, people in found.items():
        for person, reach in people.items():
            blinded = index.process_bind_param(person, db.get_bind().dialect)
            before = kept.get((room_id, str(blinded)))
            now_kept = see(before, reach, now=now)
            if now_kept != before:
                rows.append({"room_id": room_id, "person_index": Blinded(blinded), **vars(now_kept)})
            if rules.to_be_told(now_kept, now=now):
                told.append(person)
    for some in _in_lots(rows):
        await _put(db, some)
    return list(dict.fromkeys(told))


async def _kept(db: AsyncSession, room_ids: Iterable[RoomId]) -> dict[tuple[RoomId, str], Sighting]:
    rows = await db.execute(
        select(
            KeySighting.room_id,
            KeySighting.person_index,
            KeySighting.health,
            KeySighting.since,
            KeySighting.well_until,
            KeySighting.next_check,
        ).where(KeySighting.room_id.in_(list(room_ids)))
    )
    return {
        (room, str(person)): Sighting(health, since, well_until, next_check)
        for room, person, health, since, well_until, next_check in rows
    }


async def _put(db: AsyncSession, rows: list[dict[str, Any]]) -> None:
    insert = insert_into(db)(KeySighting).values(rows)
    fresh = {name: insert.excluded[name] for name in ("health", "since", "well_until", "next_check")}
    await db.execute(insert.on_conflict_do_update(index_elements=["room_id", "person_index"], set_=fresh))


UNREAD = (
    select(func.min(UnreadableEvent.since))
    .where(
        UnreadableEvent.matrix_room == RoomSighting.matrix_room,
        UnreadableEvent.sender_index == KeySighting.person_index,
    )
    .scalar_subquery()
)
OF_GROUP = (
    select(KeySighting.person_index, KeySighting.health, KeySighting.since, UNREAD, PinnedIdentity.changed)
    .join(Room, and_(Room.id == KeySighting.room_id, Room.group_id == bindparam("group"), Room.kind == "group"))
    .join(RoomSighting, RoomSighting.room_id == Room.id)
    .outerjoin(
        PinnedIdentity,
        and_(
            PinnedIdentity.bot_account_id == Room.bot_account_id,
            PinnedIdentity.person_index == KeySighting.person_index,
        ),
    )
)
"""Put into words once: every group's page asks it."""


async def of_group(db: AsyncSession, group_id: GroupId, *, now: datetime) -> Healths:
    """How everybody in a group's room stands."""
    return {
        person: rules.standing(Facts(health, since, unread_since, changed), now=now)
        for person, health, since, unread_since, changed in await db.execute(OF_GROUP, {"group": group_id})
    }


async def mention(db: AsyncSession, person: UserId, *, now: datetime) -> None:
    """Tell somebody, in their own room with the bot, that a device of theirs is not confirmed: once; and once more only
    where it came back after all had been well for days. It can wait: there may be hundreds of these at once."""
    room_id = await rooms.direct_with(db, person, now=now)
    said = await outbox.last_said(db, room_id, "confirm_device")
    well_until = await db.scalar(select(func.max(KeySighting.well_until)).where(KeySighting.person_index == person))
    if said is not None and (well_until is None or well_until <= said):
        return
    again = [well_until] if said is not None else []
    await outbox.put(
        db,
        because("confirm device", room_id, *again),
        room_id,
        utterance="confirm_device",
        parameters={},
        priority=outbox.Priority.WELCOME,
        now=now,
    )


def _in_lots(things: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(things)
    while some := list(islice(rest, AT_ONCE)):
        yield some
