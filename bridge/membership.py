"""Who was invited, joined, left or was removed, and whose word wins: leaving is the member's, removal and invitation
a facilitator's, everything else the database's."""

from datetime import datetime

from bridge.heard import MembershipChanged
from facilitator import members, sightings
from facilitator.database import Db
from facilitator.ids import UserId
from facilitator.rooms import Place


async def changed(db: Db, place: Place, event: MembershipChanged, *, bot: UserId, now: datetime) -> None:
    """Write down what the change means for the group whose room it is."""
    await sightings.people_seen(db, place.id, {event.user: event.membership}, now=now)
    if place.group_id is not None and event.user != bot:
        match event.membership:
            case "invite" if event.sender != bot:
                await members.invited_on_matrix(db, place.group_id, event.user, by=event.sender, now=now)
            case "join":
                await members.joined(db, place.group_id, place.id, event.user, now=now)
            case "leave" | "ban" if event.by_themselves:
                await members.left(db, place.group_id, event.user, now=now)
            case "leave" | "ban" if event.sender != bot:
                await members.removed(db, place.group_id, event.user, by=event.sender, now=now)
    await sightings.look_again(db, place.id, now=now)
