"""What is to be said once. An act's id follows from its cause, so putting it again changes nothing.

Use cases put; the sender takes the oldest unsettled act of each room and settles it. Parameters are sealed, and
wiped when the act is settled.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Text,
    Update,
    bindparam,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator.database.tables import Act, MembershipSighting, Room, RoomSighting, plain
from facilitator.database.types import UtcDateTime
from facilitator.database.upsert import insert_into
from facilitator.ids import ActId, BotId, EventId, MatrixRoomId, RoomId
from facilitator.rooms import GROUPS, PLACE, Place

OUTBOX = plain(Act)
SLOW_DOWN, UNREACHABLE = "slow_down", "unreachable"
"""Why an act waits for its next try."""


class Priority(IntEnum):
    """Lower goes first within a room, and rooms with a low one go before other rooms."""

    HELP = 0
    SAFETY = 10
    REPLY = 20
    REMINDER = 30
    WELCOME = 40


@dataclass(frozen=True)
class WaitingAct:
    """An act that may be tried now, and where."""

    id: ActId
    room_id: RoomId
    place: Place
    matrix_room: MatrixRoomId
    utterance: str
    parameters: Mapping[str, Any] = field(repr=False)
    not_after: datetime | None
    first_try: datetime | None
    tried_on: str | None
    attempts: int
    priority: Priority

    @property
    def urgent(self) -> bool:
        """Help or safety: it waits behind nothing else."""
        return self.priority <= Priority.SAFETY


async def put(
    db: AsyncSession,
    act: ActId,
    room_id: RoomId,
    *,
    utterance: str,
    parameters: Mapping[str, Any],
    priority: Priority,
    now: datetime,
    not_after: datetime | None = None,
    not_before: datetime | None = None,
) -> bool:
    """Put an act once. Returns whether it was new."""
    values = {
        "act": act, "room": room_id, "urgency": int(priority), "what": utterance, "about": dict(parameters),
        "now": now, "until": not_after, "from": not_before,
    }  # fmt: skip
    return await db.scalar(_put(insert_into(db)), values) is not None


@cache
def _put(insert: Callable[[Any], Any]) -> Any:
    """Written once, as everything here that is said with every answer: putting it into words costs more than SQL."""
    last = select(func.coalesce(func.max(OUTBOX.c.seq), 0) + 1).where(OUTBOX.c.room_id == bindparam("room"))
    named = {
        "id": "act", "room_id": "room", "priority": "urgency", "utterance": "what", "parameters": "about",
        "due": "now", "not_after": "until", "next_try": "from",
    }  # fmt: skip
    values = {column: bindparam(name, type_=OUTBOX.c[column].type) for column, name in named.items()}
    put = insert(OUTBOX).values(values | {"seq": last.scalar_subquery(), "attempts": 0})
    return put.on_conflict_do_nothing().returning(OUTBOX.c.id)


async def said_lately(db: AsyncSession, room_id: RoomId, utterance: str, *, since: datetime) -> bool:
    """Whether this was said in a room, or is about to be, at `since` or later."""
    lately = select(Act.id).where(
        Act.room_id == room_id, Act.utterance == utterance, Act.due >= since, Act.outcome.is_distinct_from("failed")
    )
    return await db.scalar(lately.limit(1)) is not None


async def last_said(db: AsyncSession, room_id: RoomId, utterance: str) -> datetime | None:
    """When this was last put to be said in a room."""
    return await db.scalar(select(func.max(Act.due)).where(Act.room_id == room_id, Act.utterance == utterance))


async def waiting_to_say(db: AsyncSession, room_id: RoomId, utterance: str) -> int:
    """How often this is about to be said in a room."""
    return await db.scalar(WAITING, {"room": room_id, "what": utterance}) or 0


WAITING = select(func.count()).where(
    OUTBOX.c.room_id == bindparam("room"), OUTBOX.c.utterance == bindparam("what"), OUTBOX.c.outcome.is_(None)
)


async def known(db: AsyncSession, acts: Sequence[ActId]) -> frozenset[ActId]:
    """Which of these have been put already."""
    return frozenset(await db.scalars(select(Act.id).where(Act.id.in_(acts)))) if acts else frozenset()


async def any_late(db: AsyncSession, *, now: datetime) -> bool:
    """Whether `expire` would find any."""
    late = select(Act.id).where(Act.outcome.is_(None), Act.first_try.is_(None), Act.not_after <= now).limit(1)
    return await db.scalar(late) is not None


async def expire(db: AsyncSession, *, now: datetime) -> int:
    """Settle what it is too late to say and was never tried. What was tried may be in the room: the sender looks.

    Returns how many.
    """
    late = await db.scalars(
        update(Act)
        .where(Act.outcome.is_(None), Act.first_try.is_(None), Act.not_after <= now)
        .values(outcome="too_late", parameters=None, settled=now)
        .returning(Act.id)
        .execution_options(synchronize_session=False)
    )
    return len(late.all())


async def next_acts(db: AsyncSession, bot: BotId, *, now: datetime, limit: int = 50) -> list[WaitingAct]:
    """The first unsettled act of each room of this bot that is known to be encrypted, most urgent rooms first.

    A room whose first act waits for its next try is left out, so that order within a room holds.
    """
    rows: Any = await db.execute(_firsts(), {"bot": bot, "now": now, "at_most": limit})
    return [
        WaitingAct(
            act, place[0], Place(*place), matrix, what, parameters or {}, not_after, first_try, tried_on, tries,
            Priority(priority),
        )
        for act, matrix, what, parameters, priority, not_after, first_try, tried_on, tries, *place in rows
    ]  # fmt: skip


@cache
def _firsts() -> Select[Any]:
    act, room, seen = OUTBOX.c, plain(Room).c, plain(RoomSighting).c
    place = func.row_number().over(partition_by=act.room_id, order_by=(act.priority, act.seq, act.id))
    firsts = select(act.id, place.label("place")).where(act.outcome.is_(None)).subquery()
    what = (act.id, seen.matrix_room, act.utterance, act.parameters, act.priority)
    when = (act.not_after, act.first_try, act.tried_on, act.attempts)
    return (
        select(*what, *when, *PLACE)
        .join_from(OUTBOX, firsts, firsts.c.id == act.id)
        .join(plain(Room), room.id == act.room_id)
        .join(plain(RoomSighting), seen.room_id == act.room_id)
        .outerjoin(GROUPS, GROUPS.c.id == room.group_id)
        .where(
            firsts.c.place == literal(1),
            room.bot_account_id == bindparam("bot", type_=Text),
            seen.matrix_room.is_not(None),
            seen.encryption.is_not(None),
            or_(room.kind != "direct", is_there()),
            or_(act.next_try.is_(None), act.next_try <= bindparam("now", type_=UtcDateTime())),
        )
        .order_by(act.priority, act.not_after.is_(None), act.not_after, act.due, act.seq, act.id)
        .limit(bindparam("at_most", type_=Integer))
    )


def is_there() -> ColumnElement[bool]:
    """A direct room's person has joined it: what was said before, they could not read."""
    room, seen = plain(Room).c, plain(MembershipSighting).c
    there = (seen.room_id == room.id, seen.person_index == room.person_index, seen.membership == "join")
    return select(seen.room_id).where(*there).exists()


async def next_try(db: AsyncSession, bot: BotId) -> datetime | None:
    """When the earliest waiting retry falls due."""
    return await db.scalar(
        select(func.min(Act.next_try))
        .join(Room, Room.id == Act.room_id)
        .where(Act.outcome.is_(None), Room.bot_account_id == bot)
    )


async def trying(db: AsyncSession, acts: Sequence[ActId], *, now: datetime, device: str | None = None) -> None:
    """Write down that these are being tried, and from which device, before they are."""
    for act in acts:  # one, as a rule
        await db.execute(_trying(), {"act": act, "now": now, "device": device})


@cache
def _trying() -> Update:
    return (
        update(OUTBOX)
        .where(OUTBOX.c.id == bindparam("act"))
        .values(
            first_try=func.coalesce(OUTBOX.c.first_try, bindparam("now", type_=UtcDateTime())),
            tried_on=func.coalesce(OUTBOX.c.tried_on, bindparam("device", type_=Text)),
            attempts=OUTBOX.c.attempts + 1,
            next_try=None,
        )
    )


async def try_again(db: AsyncSession, act: ActId, *, at: datetime, why: str) -> None:
    await db.execute(update(Act).where(Act.id == act).values(next_try=at, why=why))


async def reachable_again(db: AsyncSession, bot: BotId, *, now: datetime) -> None:
    """The homeserver answers again: what waits only because it did not is tried at once."""
    ours = select(Room.id).where(Room.bot_account_id == bot)
    await db.execute(
        update(Act)
        .where(Act.outcome.is_(None), Act.why == UNREACHABLE, Act.next_try.is_not(None), Act.room_id.in_(ours))
        .values(next_try=now)
    )


async def clock_was_set(db: AsyncSession, bot: BotId, *, now: datetime) -> None:
    """What waits for a moment of the old clock is tried at once."""
    ours = select(Room.id).where(Room.bot_account_id == bot)
    await db.execute(
        update(Act).where(Act.outcome.is_(None), Act.next_try.is_not(None), Act.room_id.in_(ours)).values(next_try=now)
    )


async def already_said(db: AsyncSession, events: Collection[EventId]) -> frozenset[EventId]:
    """Which of these events are acts that are known to have been said."""
    found = await db.scalars(select(Act.event_id).where(Act.event_id.in_(events)))
    return frozenset(event for event in found if event is not None)


async def settle(
    db: AsyncSession,
    act: ActId,
    outcome: str,
    *,
    now: datetime,
    event_id: EventId | None = None,
    why: str | None = None,
) -> None:
    """Sent, failed, uncertain or too late; what it would have said is wiped."""
    how = {"act": act, "how": outcome, "event": event_id, "because": why, "now": now}
    await db.execute(_settle(), how)


@cache
def _settle() -> Update:
    named = {"outcome": "how", "event_id": "event", "why": "because", "settled": "now"}
    values = {column: bindparam(name, type_=OUTBOX.c[column].type) for column, name in named.items()}
    return update(OUTBOX).where(OUTBOX.c.id == bindparam("act")).values(values | {"parameters": None, "next_try": None})
