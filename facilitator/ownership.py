"""Whose group it is. Every use case on one group begins here, so that forgetting to ask returns nothing."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator.database.tables import Group, GroupFacilitator
from facilitator.errors import N_, NotFound
from facilitator.ids import AccountId, GroupId

UNKNOWN = N_("There is no such group among yours.")


async def group(db: AsyncSession, *, by: AccountId, group_id: GroupId) -> Group:
    """The group, if this account runs it. Raises NotFound."""
    found = await db.scalar(
        select(Group)
        .join(GroupFacilitator, GroupFacilitator.group_id == Group.id)
        .where(Group.id == group_id, GroupFacilitator.account_id == by, Group.closed.is_(None))
    )
    if found is None:
        raise NotFound(UNKNOWN)
    return found
