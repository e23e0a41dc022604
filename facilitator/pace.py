"""How fast the homeserver lets the bot go, as the bridge has learned it, and what that means for a group that waits.

The bridge keeps what it learned over a restart; the panel reads it and says truthfully how long things will take.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator.database.tables import Member, MembershipSighting, RateBucket, Room, RoomSighting
from facilitator.database.upsert import put
from facilitator.ids import BotId, MatrixRoomId, RoomId

CREATE, INVITE, MESSAGE = "create", "invite", "message"
BELIEVED = timedelta(days=1)
"""How long after its last refusal a limit is taken to stand."""
DELIVERED = ("invite", "join")
WAITING = "slow_down"


@dataclass(frozen=True)
class Allowance:
    """One limit: a token grows in `every`, at most `burst` of them; one is there from `free_at`. `refused`: when it was
    last met."""

    kind: str
    every: timedelta
    burst: int
    free_at: datetime
    refused: datetime

    def ready(self, tokens: int, now: datetime) -> datetime:
        """When so many have grown, for whoever is as manyeth in line."""
        full = now - (self.burst - 1) * self.every
        return max(max(self.free_at, full) + (tokens - 1) * self.every, now)


@dataclass(frozen=True)
class Progress:
    """A group that waits. `in_line`: as the how-manyeth its room is made; None: it is there. Of `people` asked so many
    are `invited`. `ready`: when the room, or the last invitation, should be."""

    in_line: int | None
    invited: int
    people: int
    ready: datetime


async def keep(db: AsyncSession, bot: BotId, allowances: Collection[Allowance]) -> None:
    """These are the limits now, and no others."""
    kinds = [each.kind for each in allowances]
    await db.execute(delete(RateBucket).where(RateBucket.bot_account_id == bot, RateBucket.kind.not_in(kinds)))
    for each in allowances:
        await put(
            db,
            RateBucket,
            {"bot_account_id": bot, "kind": each.kind},
            {
                "every_ms": max(round(each.every / timedelta(milliseconds=1)), 1),
                "burst": each.burst,
                "free_at": each.free_at,
                "at": each.refused,
            },
        )


async def kept(db: AsyncSession, bot: BotId, *, now: datetime) -> list[Allowance]:
    """The limits that are still believed in."""
    rows = await db.scalars(select(RateBucket).where(RateBucket.bot_account_id == bot, RateBucket.at > now - BELIEVED))
    return [Allowance(b.kind, timedelta(milliseconds=b.every_ms), b.burst, b.free_at or now, b.at) for b in rows]


@dataclass(frozen=True)
class AboutRoom:
    """What has to be known of a group's room to say how long it waits."""

    id: RoomId
    bot: BotId | None
    created: datetime
    matrix_room: MatrixRoomId | None


async def progress(db: AsyncSession, room: AboutRoom, *, now: datetime) -> Progress | None:
    """How far a group is that waits for the homeserver's pace; None: it does not. At most three statements."""
    if room.bot is None:
        return None
    limits = {each.kind: each for each in await kept(db, room.bot, now=now)}
    if not limits:
        return None
    if room.matrix_room is None:
        place = 1 + (await db.scalar(_not_made_before(room)) or 0)
        return Progress(place, 0, 0, max((each.ready(place, now) for each in _of(limits, CREATE)), default=now))
    invited, people, held = (await db.execute(_asked(room.id))).one()
    if invited >= people:
        return None
    before = await db.scalar(_others_asked_before(room)) or 0
    ready = max((each.ready(before + people - invited, now) for each in _of(limits, INVITE)), default=now)
    return Progress(None, invited, people, max(ready, held or now))


def _of(limits: dict[str, Allowance], kind: str) -> list[Allowance]:
    """The limits a kind of request comes under: its own, and the one that all share."""
    return [limits[name] for name in (kind, MESSAGE) if name in limits]


def _not_made_before(room: AboutRoom) -> Any:
    return (
        select(func.count())
        .select_from(Room)
        .outerjoin(RoomSighting, RoomSighting.room_id == Room.id)
        .where(Room.bot_account_id == room.bot, Room.closed.is_(None), Room.kind != "backstage")
        .where(RoomSighting.matrix_room.is_(None), _older(room))
    )


def _asked(room_id: RoomId) -> Any:
    """Invited, all that are to be, and until when the last of the others has to wait: whoever cannot be reached for
    good is not among them."""
    delivered = or_(MembershipSighting.membership.in_(DELIVERED), Member.standing == "joined")
    return (
        select(
            func.count().filter(delivered),
            func.count(),
            func.max(MembershipSighting.next_try).filter(MembershipSighting.trouble == WAITING),
        )
        .select_from(Member)
        .join(Room, Room.group_id == Member.group_id)
        .outerjoin(MembershipSighting, _of_member())
        .where(Room.id == room_id, Room.kind == "group", Member.standing.in_(("invited", "joined")), _coming())
    )


def _others_asked_before(room: AboutRoom) -> Any:
    return (
        select(func.count())
        .select_from(Member)
        .join(Room, Room.group_id == Member.group_id)
        .join(RoomSighting, RoomSighting.room_id == Room.id)
        .outerjoin(MembershipSighting, _of_member())
        .where(
            Room.bot_account_id == room.bot,
            Room.kind == "group",
            Room.closed.is_(None),
            _older(room),
            RoomSighting.matrix_room.is_not(None),
            Member.standing == "invited",
            or_(MembershipSighting.membership.is_(None), MembershipSighting.membership.not_in(DELIVERED)),
            _coming(),
        )
    )


def _older(room: AboutRoom) -> ColumnElement[bool]:
    return or_(Room.created < room.created, and_(Room.created == room.created, Room.id < room.id))


def _of_member() -> ColumnElement[bool]:
    return and_(MembershipSighting.room_id == Room.id, MembershipSighting.person_index == Member.matrix_id_index)


def _coming() -> ColumnElement[bool]:
    trouble = MembershipSighting.trouble
    return or_(trouble.is_(None), trouble == WAITING, MembershipSighting.invitation != Member.invitation)
