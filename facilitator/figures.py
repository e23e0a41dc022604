"""What can be counted of the whole house for whoever watches it: acts, rooms, what stands unread.

Counts by kind only. A count with a room, a group or a person in it would show from outside who meets whom and when.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator.database.tables import (
    Act,
    KeySighting,
    Member,
    RateBucket,
    Room,
    RoomSighting,
    SetAside,
    UnreadableEvent,
)
from facilitator.ids import BotId, UserId
from facilitator.outbox import Priority

GIVEN_UP = 3
"""Tries after which an event is left alone."""


@dataclass(frozen=True)
class Waiting:
    """Acts of one priority that are not settled. `oldest`: since the first of them fell due."""

    number: int
    oldest: timedelta


@dataclass(frozen=True)
class Figures:
    """`settled` by outcome, `rooms` by trouble ("none" where there is none), `health` by code. `obstacles`: what no
    step of the bridge can mend, by code; a room may have several."""

    waiting: Mapping[Priority, Waiting]
    settled: Mapping[str, int]
    rooms: Mapping[str, int]
    obstacles: Mapping[str, int]
    health: Mapping[str, int]
    unread: int
    set_aside: int


async def of_bot(db: AsyncSession, bot: BotId, *, now: datetime) -> Figures:
    """Seven statements, however many rooms there are."""
    return Figures(
        waiting=await _waiting(db, bot, now),
        settled=await _settled(db, bot),
        rooms=await _rooms(db, bot),
        obstacles=await _obstacles(db, bot),
        health=await _health(db, bot),
        unread=await db.scalar(select(func.count()).select_from(UnreadableEvent)) or 0,
        set_aside=await db.scalar(select(func.count()).select_from(SetAside).where(SetAside.tries >= GIVEN_UP)) or 0,
    )


async def _waiting(db: AsyncSession, bot: BotId, now: datetime) -> dict[Priority, Waiting]:
    rows = await db.execute(
        select(Act.priority, func.count(), func.min(Act.due))
        .join(Room, Room.id == Act.room_id)
        .where(Room.bot_account_id == bot, Act.outcome.is_(None))
        .group_by(Act.priority)
    )
    return {Priority(which): Waiting(number, max(now - first, timedelta())) for which, number, first in rows}


async def _settled(db: AsyncSession, bot: BotId) -> dict[str, int]:
    rows = await db.execute(
        select(Act.outcome, func.count())
        .join(Room, Room.id == Act.room_id)
        .where(Room.bot_account_id == bot, Act.outcome.is_not(None))
        .group_by(Act.outcome)
    )
    return {outcome: number for outcome, number in rows if outcome is not None}


async def _rooms(db: AsyncSession, bot: BotId) -> dict[str, int]:
    rows = await db.execute(
        select(RoomSighting.trouble, RoomSighting.matrix_room.is_not(None), func.count())
        .select_from(Room)
        .outerjoin(RoomSighting, RoomSighting.room_id == Room.id)
        .where(Room.bot_account_id == bot, Room.closed.is_(None))
        .group_by(RoomSighting.trouble, RoomSighting.matrix_room.is_not(None))
    )
    counted: dict[str, int] = {}
    for trouble, made, number in rows:
        state = trouble or ("none" if made else "not_made_yet")
        counted[state] = counted.get(state, 0) + number
    return counted


async def _obstacles(db: AsyncSession, bot: BotId) -> dict[str, int]:
    rows = await db.scalars(
        select(RoomSighting.obstacles)
        .join(Room, Room.id == RoomSighting.room_id)
        .where(Room.bot_account_id == bot, Room.closed.is_(None), RoomSighting.obstacles.is_not(None))
    )
    return dict(Counter(code for codes in rows for code in codes or ()))


async def _health(db: AsyncSession, bot: BotId) -> dict[str, int]:
    rows = await db.execute(
        select(KeySighting.health, func.count())
        .join(Room, Room.id == KeySighting.room_id)
        .where(Room.bot_account_id == bot, Room.closed.is_(None))
        .group_by(KeySighting.health)
    )
    return dict(rows.all())


async def slowest_pace(db: AsyncSession, bot: BotId) -> timedelta | None:
    """How long the homeserver makes the bot wait between two requests of the kind it likes least; None when it never
    asked for any wait."""
    longest = await db.scalar(select(func.max(RateBucket.every_ms)).where(RateBucket.bot_account_id == bot))
    return timedelta(milliseconds=longest) if longest else None


async def one_on_each_server(db: AsyncSession) -> dict[str, UserId]:
    """Server name → somebody invited or joined who has their account there."""
    found: dict[str, UserId] = {}
    for user in await db.scalars(select(Member.matrix_id).where(Member.standing.in_(("invited", "joined")))):
        found.setdefault(user.partition(":")[2], user)
    return found
