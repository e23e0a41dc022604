"""Who is in a group's room although nobody asked them in: noticed, put out kindly after a moment, and told of. Who
runs the group no more, or has another Matrix id now, goes the same way, without a word.

The moment is for a facilitator's invitation that was seen in the room before it was heard.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import journal
from facilitator.database.tables import Room, Stranger
from facilitator.database.upsert import insert_into, put
from facilitator.ids import EventId, GroupId, RoomId, UserId, because
from facilitator.rooms import Place

GRACE = timedelta(seconds=30)
PLACE_GONE = "place_gone"
PUT_OUT = "stranger removed"
"""As the journal has it; its subject is the room, where it was the facilitators' own."""


@dataclass(frozen=True)
class Uninvited:
    """`due`: to be put out now; `strangers`: those of them whom nobody ever asked in; `fresh`: seen for the first time;
    `until`: when the next of them is due."""

    due: frozenset[UserId] = field(default=frozenset(), repr=False)
    fresh: frozenset[UserId] = field(default=frozenset(), repr=False)
    strangers: frozenset[UserId] = field(default=frozenset(), repr=False)
    until: datetime | None = None


async def among(db: AsyncSession, room_id: RoomId, people: Collection[UserId], *, now: datetime) -> Uninvited:
    """Of these, who are in the room without an invitation."""
    rows = [(user, await db.get(Stranger, (room_id, user), populate_existing=True)) for user in people]
    noticed = [(user, row) for user, row in rows if row is not None]
    due = [(user, row) for user, row in noticed if row.due <= now]
    return Uninvited(
        due=frozenset(user for user, _ in due),
        fresh=frozenset(user for user, row in rows if row is None),
        strangers=frozenset(user for user, row in due if row.why != PLACE_GONE),
        until=min((row.due for _, row in noticed if row.due > now), default=None),
    )


async def noticed(db: AsyncSession, room_id: RoomId, people: Collection[UserId], *, due: datetime) -> None:
    """They are in the room; whoever was noticed before keeps the earlier moment, unless this one is earlier."""
    for user in people:
        row = {"room_id": room_id, "person_index": user, "due": due}
        insert = insert_into(db)(Stranger).values(row)
        earlier = Stranger.due > due
        await db.execute(
            insert.on_conflict_do_update(
                index_elements=["room_id", "person_index"], set_={"due": insert.excluded.due}, where=earlier
            )
        )


async def place_is_gone(db: AsyncSession, group_id: GroupId, person: UserId, *, now: datetime) -> None:
    """They had a place in the group's rooms and have none any more, unless they are a member: whoever looks at a room
    next and finds them there puts them out, and nobody is told, since it was somebody's decision."""
    for room_id in (await db.scalars(select(Room.id).where(Room.group_id == group_id))).all():
        await put(db, Stranger, {"room_id": room_id, "person_index": person}, {"due": now, "why": PLACE_GONE})


async def known_now(db: AsyncSession, room_id: RoomId, person: UserId) -> bool:
    """They are no stranger any more. Returns whether they were one nobody had asked in."""
    gone = delete(Stranger).where(Stranger.room_id == room_id, Stranger.person_index == person)
    were = (await db.execute(gone.returning(Stranger.why))).one_or_none()
    return were is not None and were[0] is None


async def asked_in(db: AsyncSession, group_id: GroupId, person: UserId, *, as_member: bool = False) -> None:
    """Somebody who may has asked them into the group. `as_member`: that is no place among its facilitators."""
    places = select(Room.id).where(Room.group_id == group_id, Room.kind != "backstage" if as_member else true())
    await db.execute(delete(Stranger).where(Stranger.room_id.in_(places), Stranger.person_index == person))


async def put_out(db: AsyncSession, place: Place, person: UserId, *, because_of: EventId, now: datetime) -> None:
    """The bot has asked somebody to leave. If they were a stranger, that is written down; the facilitators are told of
    what stands there (`backstage`)."""
    if await known_now(db, place.id, person):
        where = None if place.members_of is not None else place.id
        cause = because(PUT_OUT, because_of)
        await journal.note_once(
            db, cause, PUT_OUT, actor=journal.BRIDGE, group_id=place.group_id, subject=where, now=now
        )
