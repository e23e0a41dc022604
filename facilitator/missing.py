"""Who is not in a room any more although nothing was heard of it: a join that met a closing door, and no leave ever
comes. Servers that disagree about a room settle it among themselves, and tell nobody.

One look says nothing: what it shows may be about to be heard. Two looks ten minutes apart, with our hearing well in
between, say that they are not there; not why, so nobody is asked in again without a facilitator's word.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import sightings
from facilitator.database.tables import Heartbeat, MembershipSighting
from facilitator.database.types import UtcDateTime
from facilitator.ids import RoomId
from facilitator.sightings import THERE, Looked

GONE = "gone"
MISSED_FOR = timedelta(minutes=10)
HEARS_ALL_WITHIN = timedelta(minutes=3)
"""Whoever is well so long after a moment has heard all that was to be heard of it."""


def is_gone(standing: str, membership: str | None) -> bool:
    """Whether a member who has joined is not there any more."""
    return standing == "joined" and membership == GONE


async def looked_for(db: AsyncSession, room_id: RoomId, seen: Looked, *, now: datetime) -> None:
    """A look did not show some of those who had joined: ask for another, or write down that they are gone. To be said
    with `sightings.looked`, which takes it back of whoever is there again."""
    there = [user for user, membership in seen.members.items() if membership in THERE]
    unseen = (
        MembershipSighting.room_id == room_id,
        MembershipSighting.membership == "join",
        MembershipSighting.person_index.not_in(there),
        MembershipSighting.seen <= seen.at,
    )
    missing = (await db.scalars(select(MembershipSighting.missing).where(*unseen))).all()
    if not missing:
        return
    over = await _heard_until(db, now=now)
    await db.execute(
        update(MembershipSighting).where(*unseen, MembershipSighting.missing <= over).values(membership=GONE)
    )
    first = func.coalesce(MembershipSighting.missing, literal(now, UtcDateTime()))
    await db.execute(update(MembershipSighting).where(*unseen).values(missing=first))
    waiting = [since or now for since in missing if since is None or since > over]
    if waiting:
        await sightings.look_by(db, room_id, max(min(waiting) + MISSED_FOR, now + HEARS_ALL_WITHIN))


async def _heard_until(db: AsyncSession, *, now: datetime) -> datetime:
    """Whoever was missing by then is not there: long ago, and all from that time has been heard."""
    well = await db.scalar(select(Heartbeat.at).where(Heartbeat.name == "homeserver"))
    return min(now - MISSED_FOR, datetime.min.replace(tzinfo=UTC) if well is None else well - HEARS_ALL_WITHIN)
