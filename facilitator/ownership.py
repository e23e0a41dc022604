"""Whose group it is. Every use case on one group begins here, so that forgetting to ask returns nothing."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator.database.tables import Group, GroupFacilitator
from facilitator.errors import N_, NotFound, TooLate
from facilitator.ids import AccountId, GroupId

UNKNOWN = N_("There is no such group among yours.")
CLOSED = N_("This group is closed. You can still look at it, or delete it, but nothing in it can be changed any more.")


async def group(
    db: AsyncSession, *, by: AccountId, group_id: GroupId, also_closed: bool = False, also_deleted: bool = False
) -> Group:
    """The group, if this account runs it. Raises NotFound, and TooLate when it is closed and that is not asked for. A
    deleted one is found by nobody but those who ask for that."""
    found = await db.scalar(
        select(Group)
        .join(GroupFacilitator, GroupFacilitator.group_id == Group.id)
        .where(Group.id == group_id, GroupFacilitator.account_id == by)
    )
    if found is None or (found.deleted is not None and not also_deleted):
        raise NotFound(UNKNOWN)
    if found.closed is not None and not also_closed:
        raise TooLate(CLOSED)
    return found
