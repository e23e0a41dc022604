"""Who was invited, joined, left or was removed, and whose word wins: leaving is the member's, removal and invitation
a facilitator's, everything else the database's. Who is backstage is the panel's word alone."""

from datetime import datetime

from bridge.heard import MembershipChanged
from bridge.house import House
from facilitator import backstage, members, sightings, strangers
from facilitator.database import Db
from facilitator.ids import UserId
from facilitator.rooms import Place


async def changed(db: Db, place: Place, event: MembershipChanged, *, house: House, now: datetime) -> None:
    """Write down what the change means for the group whose room it is."""
    bot, allowed = house.homeserver.user_id, house.allowed_servers
    await sightings.people_seen(db, place.id, {event.user: event.membership}, now=now)
    if place.members_of is not None and event.user not in (bot, house.recovery):
        match event.membership:
            case "invite" if event.sender != bot:
                await members.invited_on_matrix(
                    db, place.members_of, event.user, by=event.sender, now=now, allowed=allowed
                )
            case "join":
                await members.joined(db, place.members_of, place.id, event.user, now=now)
            case "leave" | "ban" if event.by_themselves:
                await members.left(db, place.members_of, event.user, now=now)
            case "leave" | "ban":
                await members.removed(db, place.members_of, event.user, by=event.sender, now=now)
    if place.group_id is not None and event.user not in (bot, house.recovery):
        await _strangers(db, place, event, bot=bot, now=now)
    if place.kind == "backstage" and event.user != bot:
        await _backstage(db, place, event, bot=bot, now=now)
    if event.sender != bot or not await _as_wanted(db, place, event, house=house):
        await sightings.look_again(db, place.id, now=now)


async def _strangers(db: Db, place: Place, event: MembershipChanged, *, bot: UserId, now: datetime) -> None:
    if event.membership == "leave" and event.sender == bot:
        await strangers.put_out(db, place, event.user, because_of=event.event_id, now=now)
    if event.membership in ("leave", "ban"):
        await strangers.known_now(db, place.id, event.user)
    if event.membership in ("invite", "join", "knock") and event.sender != bot:
        await _uninvited(db, place, event.user, now=now)


async def _backstage(db: Db, place: Place, event: MembershipChanged, *, bot: UserId, now: datetime) -> None:
    """Being in there makes nobody a member. Whom the bot has put out is asked in again should they run the group once
    more; who left by themselves is not."""
    assert place.group_id is not None
    if event.membership == "join" and await members.facilitator_of(db, place.group_id, event.user) is not None:
        await backstage.greet(db, place.id, now=now)
    if event.membership == "leave" and event.sender == bot:
        await sightings.forget_person(db, place.id, event.user)


async def _as_wanted(db: Db, place: Place, event: MembershipChanged, *, house: House) -> bool:
    """A step of ours went through, and is still what should be: one that was answered late, or never, may not be."""
    there = event.membership in ("invite", "join")
    if place.group_id is None or event.user == house.homeserver.user_id:
        return there
    return there == (event.user == house.recovery or await _may_be_there(db, place, event.user))


async def _may_be_there(db: Db, place: Place, person: UserId) -> bool:
    assert place.group_id is not None
    may_be_there = members.may_be_there if place.members_of is not None else members.may_be_backstage
    return await may_be_there(db, place.group_id, person)


async def _uninvited(db: Db, place: Place, person: UserId, *, now: datetime) -> None:
    """How they came has been heard: if nobody who may has asked them in, there is nothing to wait for."""
    assert place.group_id is not None
    if place.members_of is None:
        belongs = await members.may_be_backstage(db, place.group_id, person, also_at_rest=True)
    else:
        belongs = await members.may_be_there(db, place.group_id, person)
    if belongs:
        await strangers.known_now(db, place.id, person)
    else:
        await strangers.noticed(db, place.id, [person], due=now)
