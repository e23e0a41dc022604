"""Events whose key we lack, by where they stand, never by what they say: read again when their key comes.

Anybody in a room can send what nobody can read, so what is kept has an end: in time, and in number for each room.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator.database.tables import UnreadableEvent
from facilitator.database.upsert import put
from facilitator.ids import EventId, MatrixRoomId

KEPT_FOR = timedelta(days=14)
KEPT_PER_ROOM = 1_000
"""The newest; a key that comes late is asked for by somebody who waits now."""


async def could_not_read(
    db: AsyncSession, event: EventId, *, room: MatrixRoomId, session_id: str, now: datetime
) -> None:
    """Keep where it stands, and let go of what is too old or too much."""
    await put(db, UnreadableEvent, {"event_id": event}, {"matrix_room": room, "session_id": session_id, "since": now})
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
) -> dict[MatrixRoomId, list[EventId]]:
    """Events waiting for one of these sessions' keys, by room."""
    found: dict[MatrixRoomId, list[EventId]] = {}
    for room, session_id in sessions:
        rows = await db.scalars(
            select(UnreadableEvent.event_id).where(
                UnreadableEvent.matrix_room == room, UnreadableEvent.session_id == session_id
            )
        )
        found.setdefault(room, []).extend(rows)
    return {room: events for room, events in found.items() if events}


async def latest(db: AsyncSession, *, limit: int = 200) -> list[tuple[MatrixRoomId, EventId]]:
    """The latest of all that stands unread, oldest first."""
    rows = await db.execute(
        select(UnreadableEvent.matrix_room, UnreadableEvent.event_id)
        .order_by(UnreadableEvent.since.desc(), UnreadableEvent.event_id)
        .limit(limit)
    )
    return [(room, event) for room, event in rows.all()[::-1]]


async def read_at_last(db: AsyncSession, event: EventId) -> None:
    await db.execute(delete(UnreadableEvent).where(UnreadableEvent.event_id == event))
