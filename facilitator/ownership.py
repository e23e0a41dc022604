"""Whose group it is. Every use case on one group begins here, so that forgetting to ask returns nothing."""

from collections.abc import Collection

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator.database.tables import Account, Group, GroupFacilitator
from facilitator.errors import N_, NotAllowed, NotFound, TooLate
from facilitator.ids import AccountId, GroupId
from facilitator.rules import access
from facilitator.rules.access import Deed

UNKNOWN = N_("There is no such group among yours.")
CLOSED = N_("This group is closed. You can still look at it, or delete it, but nothing in it can be changed any more.")
NOT_AS_CO_FACILITATOR = N_("Co-facilitators may not do this. Please ask a facilitator of the group.")
NOT_YOURS = N_("Your account may not do this.")

THEIRS = (
    select(Group, GroupFacilitator.role)
    .join(GroupFacilitator, GroupFacilitator.group_id == Group.id)
    .where(Group.id == bindparam("group"), GroupFacilitator.account_id == bindparam("by"))
)
ROLE = select(Account.role).where(Account.id == bindparam("by"), Account.disabled.is_(None))
"""Asked again and again, so put into words once."""


async def group(
    db: AsyncSession,
    *,
    by: AccountId,
    group_id: GroupId,
    deed: Deed = Deed.SEE_GROUP,
    also_closed: bool = False,
    also_deleted: bool = False,
) -> Group:
    """The group, if this account runs it. Raises NotFound; NotAllowed when their part in it does not reach to `deed`;
    TooLate when it is closed and that is not asked for. A deleted one is found by nobody but those who ask for that."""
    row = (await db.execute(THEIRS, {"group": group_id, "by": by})).one_or_none()
    if row is None or (row[0].deleted is not None and not also_deleted):
        raise NotFound(UNKNOWN)
    found, part = row
    check(deed, part=part)
    if found.closed is not None and not also_closed:
        raise TooLate(CLOSED)
    return found


async def hold(db: AsyncSession, groups: Collection[GroupId]) -> None:
    """Whoever else is about to decide anything on one of these waits until this transaction is over."""
    held = select(Group.id).where(Group.id.in_(groups)).order_by(Group.id).with_for_update(key_share=True)
    (await db.execute(held)).all()


def check(deed: Deed, *, part: str) -> None:
    """Raises NotAllowed unless it is theirs to do whose part in a group this is."""
    if not access.may(deed, part=part):
        raise NotAllowed(NOT_AS_CO_FACILITATOR)


async def in_the_house(db: AsyncSession, *, by: AccountId, deed: Deed) -> None:
    """What is done in the house, not in a group. Raises NotAllowed unless this account's role reaches to it."""
    role = await db.scalar(ROLE, {"by": by})
    if not access.may(deed, role=role):
        raise NotAllowed(NOT_YOURS)
