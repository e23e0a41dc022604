"""Events whose key we lack, by where they stand, never by what they say: read again when their key comes.

Anybody in a room can send what nobody can read, so what is kept has an end: in time, and in number for each room.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import Row, and_, delete, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator.database.tables import UnreadableEvent
from facilitator.database.upsert import put
from facilitator.ids import EventId, MatrixRoomId, UserId

KEPT_FOR = timedelta(days=14)
KEPT_PER_ROOM = 1_000
"""The newest; a key that comes late is asked for by somebody who waits now."""
AT_ONCE = 500
"""Sessions to a statement."""


async def could_not_read(
    db: AsyncSession, event: EventId, *, room: MatrixRoomId, session_id: str, sender: UserId, now: datetime
) -> None:
    """Keep where it stands, and let go of what is too old or too much."""
    where = {"matrix_room": room, "session_id": session_id, "sender_index": sender}
    await put(db, UnreadableEvent, {"event_id": event}, where | {"since": now}, again=where)
    too_many = (
        select(UnreadableEvent.event_id)
        .where(UnreadableEvent.matrix_room == room)
        .order_by(UnreadableEvent.since.desc(), UnreadableEvent.event_id)
        .offset(KEPT_PER_ROOM)
    )
    gone = or_(UnreadableEvent.since < now - KEPT_FOR, UnreadableEvent.event_id.in_(too_many))
    await db.execute(delete(UnreadableEvent).where(gone), execution_options={"synchronize_session": False})


async def waiting_for(
    db: AsyncSession, sessions: Iterable[tuple[MatrixRoomId, str]]
) -> list[tuple[MatrixRoomId, EventId]]:
    """Events waiting for one of these sessions' keys, oldest first."""
    rest, found = iter(sessions), list[Row[MatrixRoomId, EventId, datetime]]()
    while some := list(islice(rest, AT_ONCE)):
        rows = await db.execute(
            select(UnreadableEvent.matrix_room, UnreadableEvent.event_id, UnreadableEvent.since).where(
                tuple_(UnreadableEvent.matrix_room, UnreadableEvent.session_id).in_(some)
            )
        )
        found.extend(rows.all())
    return [(room, event) for room, event, _ in sorted(found, key=lambda row: (row.since, row.event_id))]


async def latest(db: AsyncSession, *, limit: int = 200) -> list[tuple[MatrixRoomId, EventId]]:
    """The latest of all that stands unread, oldest first."""
    rows = await db.execute(
        select(UnreadableEvent.matrix_room, UnreadableEvent.event_id)
        .order_by(UnreadableEvent.since.desc(), UnreadableEvent.event_id)
        .limit(limit)
    )
    return [(room, event) for room, event in rows.all()[::-1]]


async def rooms(db: AsyncSession) -> set[MatrixRoomId]:
    """Where anything stands unread."""
    return set(await db.scalars(select(UnreadableEvent.matrix_room).distinct()))


async def read_at_last(db: AsyncSession, event: EventId) -> bool:
    """It waits no longer. Returns whether it did."""
    one = delete(UnreadableEvent).where(UnreadableEvent.event_id == event).returning(UnreadableEvent.event_id)
    return await db.scalar(one) is not None


async def heard_from(db: AsyncSession, room: MatrixRoomId, sender: UserId) -> None:
    """Something new of theirs was read: what still waits for its key is no sign any more that they cannot be read."""
    theirs = and_(UnreadableEvent.matrix_room == room, UnreadableEvent.sender_index == sender)
    await db.execute(update(UnreadableEvent).where(theirs).values(sender_index=None))
