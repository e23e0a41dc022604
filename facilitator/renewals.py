"""Rooms over years: one that is too old or was lost is made anew once somebody agreed, and the group moves on.

The old Matrix room is remembered, so that what is still heard of it is understood and the bot can close it behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import and_, bindparam, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import journal, missing, outbox, ownership, rooms, sightings
from facilitator.database.tables import (
    Account,
    Act,
    FormerRoom,
    GroupFacilitator,
    Member,
    MembershipSighting,
    Room,
    RoomSighting,
    Stranger,
)
from facilitator.errors import N_, TooLate
from facilitator.ids import AccountId, GroupId, MatrixRoomId, RoomId, because
from facilitator.outbox import Priority

How = Literal["upgrade", "remake"]
AWAY = ("leave", "ban", missing.GONE)
OUTDATED = ("other_version", "no_recovery")
"""What only a new room mends."""
CLOSED_AFTER = timedelta(days=30)
"""By then whoever wanted to come over has."""
SAID_WITHIN = timedelta(hours=1)
BACKSTAGE_MISSED = timedelta(days=1)
NOT_NEEDED = N_("This room needs no renewal any more. Look at the group's page for how it is now.")


@dataclass(frozen=True)
class Former:
    """A Matrix room one of ours was in before, and is not done with."""

    matrix_room: MatrixRoomId
    why: str
    since: datetime


def possible(trouble: str | None, obstacles: Sequence[str]) -> How | None:
    """What of a room can be renewed, as it was last seen."""
    if trouble == "room_lost":
        return "remake"
    return "upgrade" if trouble is None and any(code in OUTDATED for code in obstacles) else None


@dataclass(frozen=True)
class Care:
    """What a facilitator can do for a room. `agreed`: when somebody said yes to a new one; `inside`: the facilitators
    last seen in it; `away`: those who left it, or were put out; `not_reached`: those whose invitation will not
    arrive."""

    possible: How | None
    agreed: datetime | None
    inside: tuple[str, ...] = field(repr=False)
    away: tuple[str, ...] = field(repr=False)
    not_reached: tuple[str, ...] = field(default=(), repr=False)


async def care(db: AsyncSession, group_id: GroupId) -> Care:
    """Of a group whose page is being looked at."""
    agreed, room_seen, trouble, obstacles = (await db.execute(SEEN, {"group": group_id})).one()
    rows = (await db.execute(THERE, {"group": group_id, "kind": "group"})).all()
    return Care(
        possible=possible(trouble, obstacles or ()) if room_seen is not None else None,
        agreed=agreed,
        inside=tuple(sorted(row.name for row in rows if row.membership == "join")),
        away=tuple(sorted(row.name for row in rows if row.membership in AWAY and not _is_stuck(row))),
        not_reached=tuple(sorted(row.name for row in rows if _is_stuck(row))),
    )


async def ask_back(db: AsyncSession, *, by: AccountId, group_id: GroupId, now: datetime) -> None:
    """Facilitators who are no longer in their group's room, or in their own, or whose invitation did not arrive, are
    invited to it once more. Raises NotFound."""
    await ownership.group(db, by=by, group_id=group_id)
    for kind in ("group", "backstage"):
        for row in (await db.execute(THERE, {"group": group_id, "kind": kind})).all():
            if row.matrix_id is not None and (row.membership in AWAY or _is_stuck(row)):
                await sightings.forget_person(db, row.id, row.matrix_id)
    await rooms.group_changed(db, group_id)
    await journal.note(db, "facilitators asked back", actor=by, group_id=group_id, now=now)


def _is_stuck(row: Any) -> bool:
    """Their invitation will not arrive, however often the bot tries by itself."""
    return row.membership not in ("invite", "join") and row.trouble in rooms.FOR_GOOD


SEEN = (
    select(Room.renewal_asked, RoomSighting.room_id, RoomSighting.trouble, RoomSighting.obstacles)
    .outerjoin(RoomSighting, RoomSighting.room_id == Room.id)
    .where(Room.group_id == bindparam("group"), Room.kind == "group")
)
THERE = (
    select(Account.name, Account.matrix_id, MembershipSighting.membership, MembershipSighting.trouble, Room.id)
    .join(GroupFacilitator, GroupFacilitator.account_id == Account.id)
    .join(Room, and_(Room.group_id == GroupFacilitator.group_id, Room.kind == bindparam("kind")))
    .outerjoin(
        MembershipSighting,
        and_(MembershipSighting.room_id == Room.id, MembershipSighting.person_index == Account.matrix_id_index),
    )
    .where(GroupFacilitator.group_id == bindparam("group"), Account.disabled.is_(None))
)
"""The facilitators of a group, and how they were last seen in its room, or in their own. Put into words once."""


async def agree(db: AsyncSession, *, by: AccountId, group_id: GroupId, how: How, now: datetime) -> None:
    """A facilitator agrees to a new room for their group. Raises NotFound, and TooLate when it needs none (now)."""
    await ownership.group(db, by=by, group_id=group_id)
    room_id = await rooms.group_room_id(db, group_id)
    seen = await db.get(RoomSighting, room_id)
    if seen is None or possible(seen.trouble, seen.obstacles or ()) != how:
        raise TooLate(NOT_NEEDED)
    asked = {"renewal": how, "renewal_asked": now, "revision": Room.revision + 1}
    agreed = await db.execute(update(Room).where(Room.id == room_id, Room.renewal.is_(None)).values(asked))
    await db.execute(update(RoomSighting).where(RoomSighting.room_id == room_id).values(next_look=now))
    if agreed.rowcount:  # type: ignore[attr-defined]
        await _backstage_too(db, group_id, how, asked)
        await journal.note(db, f"room renewal agreed: {how}", actor=by, group_id=group_id, subject=room_id, now=now)


async def _backstage_too(db: AsyncSession, group_id: GroupId, how: How, asked: dict[str, Any]) -> None:
    """What made the group's room old has made its facilitators' room old as well: they move only once."""
    row = (
        await db.execute(
            select(Room.id, RoomSighting.trouble, RoomSighting.obstacles)
            .join(RoomSighting, RoomSighting.room_id == Room.id)
            .where(Room.group_id == group_id, Room.kind == "backstage", Room.renewal.is_(None))
        )
    ).one_or_none()
    if row is not None and possible(row.trouble, row.obstacles or ()) == how == "upgrade":
        await db.execute(update(Room).where(Room.id == row.id).values(asked))
        await sightings.look_again(db, row.id, now=asked["renewal_asked"])


async def to_be_remade(db: AsyncSession, room_id: RoomId, *, now: datetime) -> bool:
    """Whether a lost room is to be made anew now, because somebody agreed to it. Where the bot tells facilitators what
    needs them nobody has to: it is made anew by itself, if it has not come back within a day."""
    room = await db.get_one(Room, room_id)
    if room.kind != "backstage":
        return room.renewal == "remake"
    if room.renewal != "remake" or room.renewal_asked is None:
        room.renewal, room.renewal_asked = "remake", now
    return now - room.renewal_asked >= BACKSTAGE_MISSED


async def wanted(db: AsyncSession, room_id: RoomId) -> How | None:
    agreed: How | None = await db.scalar(select(Room.renewal).where(Room.id == room_id))
    return agreed


async def not_needed(db: AsyncSession, room_id: RoomId) -> None:
    """What was agreed to has become needless: the room is there again."""
    await db.execute(update(Room).where(Room.id == room_id).values(renewal=None, renewal_asked=None))


async def say_where(db: AsyncSession, room_id: RoomId, old: MatrixRoomId, *, now: datetime) -> bool:
    """Tell those in the old room what is coming. Returns whether it has been said (or given up), and nothing that was
    tried there is still of unknown outcome: in the new room it would be said a second time."""
    act = because("moving", room_id, old)
    await outbox.put(
        db, act, room_id, utterance="moving", parameters={}, priority=Priority.SAFETY, now=now,
        not_after=now + SAID_WITHIN,
    )  # fmt: skip
    unsettled = select(Act.id).where(
        Act.room_id == room_id, Act.outcome.is_(None), or_(Act.id == act, Act.first_try.is_not(None))
    )
    return await db.scalar(unsettled.limit(1)) is None


async def moved(db: AsyncSession, room_id: RoomId, to: MatrixRoomId | None, *, why: str, now: datetime) -> None:
    """The room goes on in another Matrix room (None: one that is still to be made). Everybody is asked in anew; who
    had joined is not welcomed a second time, since it is the same invitation of ours."""
    seen = await db.get_one(RoomSighting, room_id)
    if seen.matrix_room is not None:
        await _remember(db, room_id, seen.matrix_room, why=why, now=now)
    await db.execute(delete(MembershipSighting).where(MembershipSighting.room_id == room_id))
    await db.execute(delete(Stranger).where(Stranger.room_id == room_id))
    await db.execute(
        update(RoomSighting)
        .where(RoomSighting.room_id == room_id)
        .values(
            matrix_room=to, encryption=None, history_visibility=None, version=None, via=None, obstacles=None,
            replacement=None, revision=0, trouble=None, failures=0, next_look=now,
        )
    )  # fmt: skip
    changed = {"renewal": None, "renewal_asked": None, "revision": Room.revision + 1}
    await db.execute(update(Room).where(Room.id == room_id).values(changed))
    group_id = await rooms.group_of(db, room_id)
    if await db.scalar(select(Room.kind).where(Room.id == room_id)) == "group":
        joined = (Member.group_id == group_id, Member.standing == "joined")
        await db.execute(update(Member).where(*joined).values(standing="invited"))
    await journal.note(db, f"room {why}", actor=journal.BRIDGE, group_id=group_id, subject=room_id, now=now)
    db.expire_all()


async def _remember(db: AsyncSession, room_id: RoomId, old: MatrixRoomId, *, why: str, now: datetime) -> None:
    gone = now if why == "remade" else None
    if await db.get(FormerRoom, old) is None:
        db.add(FormerRoom(matrix_room=old, room_id=room_id, why=why, since=now, left=gone))
        await db.flush()


async def every_room(db: AsyncSession) -> frozenset[MatrixRoomId]:
    """Every Matrix room one of ours is in, was in, or is said to go on in."""
    now = await db.execute(select(RoomSighting.matrix_room, RoomSighting.replacement))
    before = await db.scalars(select(FormerRoom.matrix_room))
    return frozenset(room for row in now for room in row if room is not None) | frozenset(before)


async def latest_former(db: AsyncSession, room_id: RoomId) -> MatrixRoomId | None:
    """The Matrix room this one was in before its present one."""
    newest = select(FormerRoom.matrix_room).where(FormerRoom.room_id == room_id).order_by(FormerRoom.since.desc())
    return await db.scalar(newest.limit(1))


async def former(db: AsyncSession, room_id: RoomId) -> list[Former]:
    """Those the bot is not done with, oldest first."""
    rows = await db.scalars(
        select(FormerRoom)
        .where(FormerRoom.room_id == room_id, FormerRoom.left.is_(None))
        .order_by(FormerRoom.since, FormerRoom.matrix_room)
    )
    return [Former(row.matrix_room, row.why, row.since) for row in rows]


async def was_in(db: AsyncSession, matrix_room: MatrixRoomId) -> RoomId | None:
    """Which of our rooms was in this Matrix room before."""
    return await db.scalar(select(FormerRoom.room_id).where(FormerRoom.matrix_room == matrix_room))


async def left(db: AsyncSession, matrix_room: MatrixRoomId, *, now: datetime) -> None:
    """The bot is out of a former room, and done with it."""
    await db.execute(
        update(FormerRoom).where(FormerRoom.matrix_room == matrix_room, FormerRoom.left.is_(None)).values(left=now)
    )


async def announced(db: AsyncSession, room_id: RoomId, replacement: MatrixRoomId | None) -> None:
    """Somebody who may has closed the room and said where it goes on; the bot is not in there yet. None: it is not
    so."""
    seen = update(RoomSighting).where(RoomSighting.room_id == room_id)
    await db.execute(seen.values(replacement=replacement))


async def announced_for(db: AsyncSession, matrix_room: MatrixRoomId) -> RoomId | None:
    """Which of our rooms is said to go on there."""
    return await db.scalar(select(RoomSighting.room_id).where(RoomSighting.replacement == matrix_room))
