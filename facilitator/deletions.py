"""A draft, or a closed group, can be deleted: out of sight at once, for good after thirty days, and till then undone.

For good means its rows, and with them everything sealed; the journal keeps that somebody did something, and no name.
The bot leaves its rooms first, and is given a week for that.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import journal, lives, ownership, rooms
from facilitator.database.tables import Group, GroupFacilitator, JournalEntry, Room
from facilitator.errors import N_, NotFound, TooLate
from facilitator.ids import AccountId, GroupId
from facilitator.rules import life
from facilitator.rules.access import Deed, Part, may
from facilitator.rules.life import Change, KeptBy, State

KEPT_FOR = timedelta(days=30)
LEFT_WITHIN = timedelta(days=7)
MAY_BRING_BACK = tuple(part for part in Part if may(Deed.DELETE_GROUP, part=part))
GOES_ON = N_("Only a draft or a closed group can be deleted. Close this group first.")
GONE = N_("This group cannot be brought back any more: its thirty days are over.")


@dataclass(frozen=True)
class Deleted:
    """A group that is out of sight. `gone`: from when on nobody can bring it back."""

    id: GroupId
    name: str = field(repr=False)
    deleted: datetime
    gone: datetime


async def delete_group(db: AsyncSession, *, by: AccountId, group_id: GroupId, typed_name: str, now: datetime) -> None:
    """Raises NotFound, NotAllowed, Invalid("typed_name"), and TooLate when the group goes on."""
    await ownership.hold(db, [group_id])
    group = await ownership.group(db, by=by, group_id=group_id, deed=Deed.DELETE_GROUP, also_closed=True)
    if not life.may(Change.DELETE, group.state):
        raise TooLate(GOES_ON)
    lives.check_name(group.name, typed_name)
    deleted = await db.execute(
        update(Group)
        .where(Group.id == group_id, Group.state.in_(life.FROM[Change.DELETE]), Group.deleted.is_(None))
        .values(deleted=now)
        .execution_options(synchronize_session=False)
    )
    db.expire_all()
    if not deleted.rowcount:  # type: ignore[attr-defined]
        raise TooLate(GOES_ON)
    await journal.note(db, "group deleted", actor=by, group_id=group_id, now=now)


async def undelete(db: AsyncSession, *, by: AccountId, group_id: GroupId, now: datetime) -> None:
    """It is as it was. Raises NotFound, NotAllowed, and TooLate once it goes for good."""
    group = await ownership.group(
        db, by=by, group_id=group_id, deed=Deed.DELETE_GROUP, also_closed=True, also_deleted=True
    )
    if group.deleted is None:
        return
    if group.deleted + KEPT_FOR <= now:
        raise TooLate(GONE)
    group.deleted = None
    await journal.note(db, "group brought back", actor=by, group_id=group_id, now=now)
    await db.flush()


async def of(db: AsyncSession, *, by: AccountId, now: datetime) -> list[Deleted]:
    """Those of this account that can still be brought back, and by it, the latest first."""
    rows = await db.execute(
        select(Group.id, Group.name, Group.deleted)
        .join(GroupFacilitator, GroupFacilitator.group_id == Group.id)
        .where(
            GroupFacilitator.account_id == by, GroupFacilitator.role.in_(MAY_BRING_BACK), Group.deleted > now - KEPT_FOR
        )
        .order_by(Group.deleted.desc(), Group.id)
    )
    return [Deleted(group, name, when, when + KEPT_FOR) for group, name, when in rows if when is not None]


async def one(db: AsyncSession, *, by: AccountId, group_id: GroupId, now: datetime) -> Deleted:
    """Raises NotFound."""
    for each in await of(db, by=by, now=now):
        if each.id == group_id:
            return each
    raise NotFound(ownership.UNKNOWN)


async def purge(db: AsyncSession, *, now: datetime, at_once: int) -> bool:
    """Delete for good what was deleted thirty days ago. Returns whether there may be more."""
    over = Group.deleted <= now - KEPT_FOR
    await _leave_rooms(db, over, now=now)
    gone = (await db.scalars(select(Group.id).where(over, _is_left(now)).limit(at_once))).all()
    if gone:
        reasons = update(JournalEntry).where(JournalEntry.group_id.in_(gone)).values(reason=None)
        await db.execute(reasons.execution_options(synchronize_session=False))
        await db.execute(delete(Group).where(Group.id.in_(gone)).execution_options(synchronize_session=False))
    return len(gone) >= at_once


async def _leave_rooms(db: AsyncSession, over: ColumnElement[bool], *, now: datetime) -> None:
    """Of drafts: a closed group's rooms are left already, or are about to be."""
    drafts = (await db.scalars(select(Group.id).where(over, Group.closed.is_(None)))).all()
    if drafts:
        closed = {"state": State.CLOSED, "closed": now, "room_goes_to": KeptBy.NOBODY}
        leaving = update(Group).where(Group.id.in_(drafts)).values(closed)
        await db.execute(leaving.execution_options(synchronize_session=False))
        for group_id in drafts:
            await rooms.group_changed(db, group_id)


def _is_left(now: datetime) -> ColumnElement[bool]:
    """The bot is out of its rooms, or had its time for that."""
    open_rooms = exists().where(Room.group_id == Group.id, Room.closed.is_(None))
    return or_(~open_rooms, Group.deleted <= now - KEPT_FOR - LEFT_WITHIN)
