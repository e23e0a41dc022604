"""Who is asked into a group and how they stand with it. Leaving is the member's word, removal a facilitator's."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import bots, journal, missing, outbox, ownership, rooms, schedule, strangers
from facilitator.database.tables import Account, Group, GroupFacilitator, MatrixClaim, Member, MembershipSighting, Room
from facilitator.errors import N_, Invalid
from facilitator.ids import AccountId, GroupId, MemberId, RoomId, UserId, because, new_id
from facilitator.rules import allowed_servers, user_id
from facilitator.rules.allowed_servers import Allowed
from facilitator.rules.life import State

INSIDE = ("invited", "joined")
NOT_OPEN = N_("This group is a draft, and nobody is invited into a draft. Make it ready and open it first.")
THEIR_SERVER_LEARNS = timedelta(seconds=10)
"""Another server asks for the bot's devices when the first of its people joins. A word that comes before it knows them
is shown by strict apps as one from nobody, for good."""


async def invite(
    db: AsyncSession, *, by: AccountId, group_id: GroupId, matrix_id: str, now: datetime, allowed: Allowed = None
) -> MemberId:
    """Ask somebody into a group; who left or was removed is asked anew. `allowed`: from which servers.

    Raises NotFound when the group is not theirs, Invalid when the id cannot be used or is in the group already, or the
    group is a draft.
    """
    group = await ownership.group(db, by=by, group_id=group_id)
    if group.state == State.DRAFT:
        raise Invalid("matrix_id", NOT_OPEN)
    person = user_id.parse(matrix_id)
    allowed_servers.check(person, allowed, ours=await bots.ours(db))
    await rooms.members_changed(db, group_id)  # first, so that two who invite the same person at once take turns
    if await bots.is_ours(db, person):
        raise Invalid("matrix_id", N_("This is the bot's own account. It is in every room already."))
    if await _is_facilitator(db, group_id, person):
        raise Invalid("matrix_id", N_("This person is a facilitator of the group, and in its room already."))
    known = await _find(db, group_id, person)
    if known is not None and known.standing in INSIDE and not await _stuck(db, known):
        raise Invalid("matrix_id", N_("This person is in the group already, or has an open invitation."))
    member = _ask(db, group_id, person, known, by=by, now=now)
    await strangers.asked_in(db, group_id, person, as_member=True)
    await journal.note(db, "member invited", actor=by, group_id=group_id, subject=member.id, now=now)
    return member.id


async def invited_on_matrix(
    db: AsyncSession, group_id: GroupId, person: UserId, *, by: UserId, now: datetime, allowed: Allowed = None
) -> bool:
    """Somebody was invited in a Matrix client. A facilitator's invitation is taken in, unless it is to a server that
    is not `allowed`: nobody there could come in. Returns whether it was."""
    inviter = await facilitator_of(db, group_id, by)
    ours = await bots.ours(db)
    welcome = person not in ours and allowed_servers.may_come(person, allowed, ours=ours)
    welcome = welcome and await _state(db, group_id) not in (State.DRAFT, State.CLOSED)
    if inviter is None or not welcome or await _is_facilitator(db, group_id, person):
        return False
    known = await _find(db, group_id, person)
    if known is None or known.standing not in INSIDE:
        member = _ask(db, group_id, person, known, by=inviter, now=now)
        await strangers.asked_in(db, group_id, person, as_member=True)
        await journal.note(
            db, "member invited in the room", actor=inviter, group_id=group_id, subject=member.id, now=now
        )
        await rooms.members_changed(db, group_id)
    return True


async def joined(
    db: AsyncSession, group_id: GroupId, room_id: RoomId, person: UserId, *, now: datetime
) -> MemberId | None:
    """Somebody joined the room: welcome them, once per invitation. None when they are not a member."""
    member = await _find(db, group_id, person)
    if member is None:
        return None
    if member.standing == "invited":
        await _have_joined(db, room_id, [member], now=now)
    return member.id


async def found_inside(
    db: AsyncSession, room_id: RoomId, people: Collection[UserId], *, revision: int, now: datetime
) -> None:
    """A look at the room showed these people in it: whoever was only invited has joined, also when their joining
    went by unheard. Only what was wanted at `revision` counts: a look from before a new invitation says nothing of it.
    """
    rows = await db.scalars(
        select(Member)
        .join(Room, and_(Room.group_id == Member.group_id, Room.kind == "group"))
        .where(Room.id == room_id, Room.revision == revision)
        .where(Member.standing == "invited", Member.matrix_id_index.in_(people))
    )
    await _have_joined(db, room_id, rows.all(), now=now)


async def _have_joined(db: AsyncSession, room_id: RoomId, arrived: Sequence[Member], *, now: datetime) -> None:
    """These, all of one group, were invited. A welcome each is all that is asked of the database for each."""
    if not arrived:
        return
    for member in arrived:
        member.standing, member.since = "joined", now
        await journal.note(db, "member joined", actor=member.id, group_id=member.group_id, now=now)
    sessions = schedule.told(await schedule.upcoming(db, arrived[0].group_id, now=now, count=1))
    homes = {user_id.server_of(each) for each in await bots.ours(db)}
    for member in arrived:
        await outbox.put(
            db,
            because("welcome", member.id, member.invitation),
            room_id,
            utterance="welcome",
            parameters={"person": member.matrix_id, "sessions": sessions},
            priority=outbox.Priority.WELCOME,
            now=now,
            not_before=None if user_id.server_of(member.matrix_id) in homes else now + THEIR_SERVER_LEARNS,
        )


async def left(db: AsyncSession, group_id: GroupId, person: UserId, *, now: datetime) -> None:
    """They left, or declined: only a new invitation brings them back."""
    member = await _find(db, group_id, person)
    if member is not None and member.standing in INSIDE:
        member.standing, member.since = "left", now
        await journal.note(db, "member left", actor=member.id, group_id=group_id, now=now)
        await rooms.members_changed(db, group_id)


async def removed(db: AsyncSession, group_id: GroupId, person: UserId, *, by: UserId, now: datetime) -> None:
    """A facilitator removed them in a Matrix client; that word stands. Anybody else's does not: they are asked back."""
    member, facilitator = await _find(db, group_id, person), await facilitator_of(db, group_id, by)
    if member is None or member.standing not in INSIDE or await _state(db, group_id) == State.CLOSED:
        return  # of a closed group everybody is asked out, and that says nothing of them
    member.standing, member.since = "removed" if facilitator else "invited", now
    if facilitator is not None:
        await journal.note(db, "member removed", actor=facilitator, group_id=group_id, subject=member.id, now=now)
    await rooms.members_changed(db, group_id)


async def may_be_there(db: AsyncSession, group_id: GroupId, person: UserId) -> bool:
    """Whether somebody has a place in the group's room: its facilitators, whoever was asked in, and our own bots."""
    member = await _find(db, group_id, person)
    if member is not None and member.standing in INSIDE:
        return True
    return await bots.is_ours(db, person) or await _runs(db, group_id, person)


async def may_be_backstage(db: AsyncSession, group_id: GroupId, person: UserId, *, also_at_rest: bool = False) -> bool:
    """Whether somebody has a place in the room of the group's facilitators: those who run it now, and our own bots.
    Whose account rests has none for now, and is no stranger."""
    runs = _runs if also_at_rest else _is_facilitator
    return await runs(db, group_id, person) or await bots.is_ours(db, person)


async def who(db: AsyncSession, group_id: GroupId | None, person: UserId) -> str:
    """Our own id of somebody, for the journal."""
    account = await db.scalar(select(Account.id).where(Account.matrix_id_index == person))
    if account is not None or group_id is None:
        return account or journal.SOMEBODY
    member = await _find(db, group_id, person)
    return journal.SOMEBODY if member is None else member.id


async def groups_of(db: AsyncSession, person: UserId) -> list[GroupId]:
    """The groups that go on and somebody is in, as member or facilitator."""
    goes_on = (Group.closed.is_(None), Group.deleted.is_(None))
    as_member = (
        select(Member.group_id)
        .join(Group, Group.id == Member.group_id)
        .where(Member.matrix_id_index == person, Member.standing.in_(INSIDE), *goes_on)
    )
    as_facilitator = (
        select(GroupFacilitator.group_id)
        .join(Account, Account.id == GroupFacilitator.account_id)
        .join(Group, Group.id == GroupFacilitator.group_id)
        .where(Account.matrix_id_index == person, Account.disabled.is_(None), *goes_on)
    )
    return list(await db.scalars(as_member.union(as_facilitator)))


async def known_here(db: AsyncSession, person: UserId, *, now: datetime) -> bool:
    """Who may speak with the bot alone: help is not refused to somebody who left or was removed."""
    return person in await known_among(db, [person], now=now)


async def known_among(db: AsyncSession, people: Collection[UserId], *, now: datetime) -> frozenset[UserId]:
    """Those of these who may speak with the bot alone: whoever was ever asked into a group, whoever has an account of
    the panel, and who is about to say the code that proves an account theirs."""
    were_asked_in = await db.scalars(select(Member.matrix_id).where(Member.matrix_id_index.in_(people)))
    have_accounts = await db.scalars(
        select(Account.matrix_id).where(Account.matrix_id_index.in_(people), Account.disabled.is_(None))
    )
    may_prove = await db.scalars(
        select(MatrixClaim.matrix_id).where(MatrixClaim.matrix_id_index.in_(people), MatrixClaim.expires > now)
    )
    return frozenset((*were_asked_in, *may_prove, *(person for person in have_accounts if person is not None)))


async def has_account(db: AsyncSession, person: UserId) -> bool:
    """Whether they are a facilitator or coordinator here."""
    found = select(Account.id).where(Account.matrix_id_index == person, Account.disabled.is_(None))
    return await db.scalar(found) is not None


def _ask(
    db: AsyncSession, group_id: GroupId, person: UserId, known: Member | None, *, by: AccountId, now: datetime
) -> Member:
    if known is not None:
        known.standing, known.since, known.invited_by = "invited", now, by
        known.invitation += 1
        return known
    member = Member(
        id=MemberId(new_id()), group_id=group_id, matrix_id=person, matrix_id_index=person, standing="invited",
        since=now, invited_by=by, invitation=1,
    )  # fmt: skip
    db.add(member)
    return member


async def _stuck(db: AsyncSession, member: Member) -> bool:
    """Their invitation could not go out, or they are not where they were."""
    seen = await db.scalar(
        select(MembershipSighting)
        .join(Room, Room.id == MembershipSighting.room_id)
        .where(
            Room.group_id == member.group_id,
            Room.kind == "group",
            MembershipSighting.person_index == member.matrix_id_index,
        )
    )
    if seen is None or member.standing != "invited":
        return seen is not None and missing.is_gone(member.standing, seen.membership)
    return seen.invitation == member.invitation and seen.trouble is not None


async def _find(db: AsyncSession, group_id: GroupId, person: UserId) -> Member | None:
    return await db.scalar(select(Member).where(Member.group_id == group_id, Member.matrix_id_index == person))


async def _state(db: AsyncSession, group_id: GroupId) -> str | None:
    return await db.scalar(select(Group.state).where(Group.id == group_id))


async def facilitator_of(db: AsyncSession, group_id: GroupId, person: UserId) -> AccountId | None:
    """The account of a facilitator of this group."""
    return await db.scalar(
        select(Account.id)
        .join(GroupFacilitator, GroupFacilitator.account_id == Account.id)
        .where(GroupFacilitator.group_id == group_id, Account.matrix_id_index == person, Account.disabled.is_(None))
    )


async def _runs(db: AsyncSession, group_id: GroupId, person: UserId) -> bool:
    """Also one whose account is disabled for now: that is no reason to be put out."""
    found = select(Account.id).join(GroupFacilitator, GroupFacilitator.account_id == Account.id)
    theirs = found.where(GroupFacilitator.group_id == group_id, Account.matrix_id_index == person)
    return await db.scalar(theirs) is not None


async def _is_facilitator(db: AsyncSession, group_id: GroupId, person: UserId) -> bool:
    return await facilitator_of(db, group_id, person) is not None
