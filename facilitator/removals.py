"""A member's removal from the panel: with a reason, written down, and undone by one press (R20)."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import journal, members, ownership, rooms, roster
from facilitator.database.tables import Member
from facilitator.errors import N_, NotFound, TooLate
from facilitator.ids import AccountId, GroupId, MemberId
from facilitator.roster import MemberLine
from facilitator.rules.access import Deed
from facilitator.rules.allowed_servers import Allowed

NO_MEMBER = N_("There is no such member in this group.")
NOT_INSIDE = N_("This person is not in the group any more. Nothing has to be done.")
NOT_REMOVED = N_("This person is in the group again, or has an open invitation.")
RUNS_IT = N_("This person runs the group. Under “Who runs this group” you can change that.")
SAY_WHY = N_("Say in a few words why, up to 300 letters. It is kept in the group's journal.")


async def member(db: AsyncSession, *, by: AccountId, group_id: GroupId, member_id: MemberId) -> MemberLine:
    """Somebody who could be removed, or was. Raises NotFound."""
    await ownership.group(db, by=by, group_id=group_id, deed=Deed.REMOVE_MEMBER)
    found = await roster.one(db, group_id, member_id)
    if found is None:
        raise NotFound(NO_MEMBER)
    return found


async def remove(
    db: AsyncSession, *, by: AccountId, group_id: GroupId, member_id: MemberId, reason: str, now: datetime
) -> None:
    """They lose their place in the room, or their open invitation. Raises NotFound, TooLate, Invalid("reason")."""
    await ownership.group(db, by=by, group_id=group_id, deed=Deed.REMOVE_MEMBER)
    found = await _find(db, group_id, member_id)
    if found.standing not in members.INSIDE:
        raise TooLate(NOT_INSIDE)
    reason = journal.why(reason, SAY_WHY)
    if await members.facilitator_of(db, group_id, found.matrix_id):
        raise TooLate(RUNS_IT)
    found.standing, found.since = "removed", now
    await rooms.group_changed(db, group_id)
    await journal.note(db, "member removed", actor=by, group_id=group_id, subject=found.id, reason=reason, now=now)


async def readmit(
    db: AsyncSession, *, by: AccountId, group_id: GroupId, member_id: MemberId, now: datetime, allowed: Allowed = None
) -> None:
    """The undo: a new invitation; coming back is theirs to decide. Raises NotFound, TooLate, Invalid("matrix_id")."""
    await ownership.group(db, by=by, group_id=group_id, deed=Deed.REMOVE_MEMBER)
    found = await _find(db, group_id, member_id)
    if found.standing != "removed":
        raise TooLate(NOT_REMOVED)
    await members.invite(db, by=by, group_id=group_id, matrix_id=found.matrix_id, now=now, allowed=allowed)
    await journal.note(db, "member readmitted", actor=by, group_id=group_id, subject=found.id, now=now)


async def _find(db: AsyncSession, group_id: GroupId, member_id: MemberId) -> Member:
    found = await db.scalar(
        select(Member).where(Member.id == member_id, Member.group_id == group_id).with_for_update(key_share=True)
    )
    if found is None:
        raise NotFound(NO_MEMBER)
    return found
