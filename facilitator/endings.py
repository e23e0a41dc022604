"""A group's last day: the farewell is said once, then the group is closed, and at last the bot leaves its rooms.

Nothing is queued: a look asks which groups' day has come and how far each is, so that a death at any point goes on
where it was. The farewell leaves the group's row for the outbox in one transaction, and the outbox when it is settled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import journal, outbox, rooms
from facilitator.database.tables import Act, Group, Room, RoomSighting
from facilitator.ids import ActId, BotId, GroupId, RoomId, because
from facilitator.rules.life import State

SAID_WITHIN = timedelta(days=3)
"""A homeserver may be down for a weekend. After that the group is closed without a word."""
READ_WITHIN = timedelta(hours=1)
"""Whoever is there can read the farewell before anybody is asked to leave."""


@dataclass(frozen=True)
class Ending:
    """A group whose day has come, and that does not wait for its farewell to be said. `farewell`: the act it is said
    by; `said`: it is settled, or given up."""

    group_id: GroupId
    room_id: RoomId
    farewell: ActId
    said: bool


async def due(db: AsyncSession, bot: BotId, *, now: datetime) -> tuple[list[Ending], datetime | None]:
    """The groups of this account's rooms for which something is to be done now, and when the next one's day comes."""
    rows = await db.execute(
        select(Group.id, Group.closes, Room.id)
        .join(Room, Room.group_id == Group.id)
        .where(Group.state == State.CLOSING, Group.closes.is_not(None), Room.kind == "group")
        .where(Room.bot_account_id == bot)
        .order_by(Group.closes, Group.id)
    )
    closing = [(group, closes, room) for group, closes, room in rows if closes is not None]
    come = [
        (because("farewell", group, closes), group, closes, room) for group, closes, room in closing if closes <= now
    ]
    settled = await _settled(db, [act for act, *_ in come])
    moments = {act: _next_moment(act, settled, closes=closes) for act, _, closes, _ in come}
    endings = [
        Ending(group, room, act, said=closes + SAID_WITHIN <= now or act in settled)
        for act, group, closes, room in come
        if moments[act] <= now
    ]
    ahead = [closes for _, closes, _ in closing] + list(moments.values())
    return endings, min((moment for moment in ahead if moment > now), default=None)


def _next_moment(act: ActId, settled: Mapping[ActId, datetime | None], *, closes: datetime) -> datetime:
    """When a group whose day has come goes on: at once to say its farewell, then when that can have been read; one that
    is not said is waited for only so long."""
    if act not in settled:
        return closes
    said = settled[act]
    return min(closes + SAID_WITHIN, said + READ_WITHIN if said is not None else closes + SAID_WITHIN)


async def _settled(db: AsyncSession, acts: list[ActId]) -> dict[ActId, datetime | None]:
    """Of those that are put: when each was settled, None while it waits."""
    if not acts:
        return {}
    rows = await db.execute(select(Act.id, Act.settled).where(Act.id.in_(acts)))
    return dict(rows.all())


async def go_on(db: AsyncSession, ending: Ending, *, now: datetime) -> bool:
    """The next thing on a group's last day. Returns whether there was any: there is none where it was kept open after
    all."""
    group = await db.get_one(Group, ending.group_id, populate_existing=True)
    if group.state != State.CLOSING or group.closes is None or group.closes > now:
        return False
    if ending.said:
        return await _close(db, group, now=now)
    await outbox.put(
        db, ending.farewell, ending.room_id, utterance="farewell",
        parameters={"words": group.farewell or "", "kept_by": group.room_goes_to}, priority=outbox.Priority.WELCOME,
        not_after=group.closes + SAID_WITHIN, now=now,
    )  # fmt: skip
    group.farewell = None
    return True


async def _close(db: AsyncSession, group: Group, *, now: datetime) -> bool:
    group.state, group.closed, group.opened, group.farewell = State.CLOSED, now, None, None
    await journal.note(db, "group closed", actor=journal.BRIDGE, group_id=group.id, now=now)
    await db.flush()
    await rooms.group_changed(db, group.id)
    return True


async def left(db: AsyncSession, room_id: RoomId, *, now: datetime) -> None:
    """The bot is out of a room it has no business in any more, and forgets where it was: whoever asks it back into that
    asks it into any room. What was still to be said there never will be."""
    await db.execute(update(Room).where(Room.id == room_id, Room.closed.is_(None)).values(closed=now))
    await db.execute(delete(RoomSighting).where(RoomSighting.room_id == room_id))
    await db.execute(
        update(Act)
        .where(Act.room_id == room_id, Act.outcome.is_(None))
        .values(outcome="too_late", parameters=None, next_try=None, settled=now)
        .execution_options(synchronize_session=False)
    )
