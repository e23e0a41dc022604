"""What did not get said and a person should know of: given up, or waiting for long. By its kind, never by its words."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator.database.tables import Act, Room
from facilitator.ids import GroupId, RoomId
from facilitator.outbox import is_there

GIVEN_UP = ("failed", "uncertain")
WAITS_LONG, SHOWN_FOR = timedelta(minutes=10), timedelta(days=7)


@dataclass(frozen=True)
class Stuck:
    """Acts of one room and kind that did not get said: `outcome` failed or uncertain, or None for those that have
    waited long. `why` is a code; `since` when the oldest was to be said."""

    room_id: RoomId
    utterance: str
    outcome: str | None
    why: str | None
    number: int
    since: datetime


async def stuck(db: AsyncSession, *, now: datetime, group_id: GroupId | None = None) -> list[Stuck]:
    """What a person should know of: acts given up lately, and those that wait for long, of a group's room or of all
    rooms. What waits for somebody to accept an invitation is theirs to let wait."""
    asked: dict[str, object] = {"waits_since": now - WAITS_LONG, "given_up_since": now - SHOWN_FOR}
    if group_id is None:
        rows = await db.execute(STUCK, asked)
    else:
        rows = await db.execute(STUCK_OF_GROUP, asked | {"group": group_id})
    return [Stuck(*row) for row in rows]


WAITS = and_(Act.outcome.is_(None), Act.due <= bindparam("waits_since"), or_(Room.kind != "direct", is_there()))
GAVE_UP = and_(Act.outcome.in_(GIVEN_UP), Act.settled >= bindparam("given_up_since"))
STUCK = (
    select(Act.room_id, Act.utterance, Act.outcome, Act.why, func.count(), func.min(Act.due))
    .join(Room, Room.id == Act.room_id)
    .where(or_(WAITS, GAVE_UP))
    .group_by(Act.room_id, Act.utterance, Act.outcome, Act.why)
    .order_by(func.min(Act.due), Act.room_id)
)
STUCK_OF_GROUP = STUCK.where(Room.group_id == bindparam("group"), Room.kind == "group")
"""Put into words once: every group's page asks it."""
