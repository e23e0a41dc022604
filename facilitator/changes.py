"""Whether something has changed on a page somebody is looking at: a short mark of what the page is made of, by page.

It is asked for again and again, for everybody who looks, so it looks at few rows: the journal's newest entry stands for
all that people did, and what the bridge saw is counted.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import accounts, missing
from facilitator.database.tables import (
    Account,
    Group,
    GroupFacilitator,
    JournalEntry,
    KeySighting,
    MembershipSighting,
    Room,
    RoomSighting,
    SignIn,
)
from facilitator.ids import AccountId, GroupId

Mark = tuple[Any, ...]


async def of_groups(db: AsyncSession, looked_at: Collection[tuple[AccountId, GroupId]]) -> Mapping[GroupId, Mark]:
    """The mark of each of these groups; none of one that is not theirs who look at it."""
    rows = await db.execute(
        select(GroupFacilitator.account_id, Group.id, Group.version, *_seen(), _newest(), *_people())
        .join(GroupFacilitator, GroupFacilitator.group_id == Group.id)
        .join(Room, and_(Room.group_id == Group.id, Room.kind == "group"))
        .outerjoin(RoomSighting, RoomSighting.room_id == Room.id)
        .where(Group.id.in_({group for _, group in looked_at}), Group.deleted.is_(None))
    )
    return {row[1]: tuple(row[2:]) for row in rows if (row[0], row[1]) in looked_at}


async def of_homes(db: AsyncSession, accounts: Collection[AccountId]) -> Mapping[AccountId, Mark]:
    """The mark of what each of these accounts runs, all together."""
    rows = await db.execute(_of_each(accounts))
    return {account: tuple(mark) for account, *mark in rows}


def _of_each(accounts: Collection[AccountId]) -> Select[*tuple[Any, ...]]:
    return (
        select(
            GroupFacilitator.account_id,
            func.count(),
            func.sum(Group.version),
            func.sum(Room.revision),
            func.sum(RoomSighting.revision),
            func.count(RoomSighting.trouble),
            func.max(_newest()),
        )
        .join(Group, Group.id == GroupFacilitator.group_id)
        .join(Room, and_(Room.group_id == Group.id, Room.kind == "group"))
        .outerjoin(RoomSighting, RoomSighting.room_id == Room.id)
        .where(GroupFacilitator.account_id.in_(accounts), Group.deleted.is_(None))
        .group_by(GroupFacilitator.account_id)
    )


def _seen() -> tuple[ColumnElement[Any], ...]:
    return Room.revision, RoomSighting.revision, RoomSighting.trouble, RoomSighting.replacement  # type: ignore[return-value]


def _newest() -> ScalarSelect[Any]:
    return select(func.max(JournalEntry.at)).where(JournalEntry.group_id == Group.id).correlate(Group).scalar_subquery()


def _people() -> tuple[ScalarSelect[Any], ...]:
    """What was seen of the people in the room: who can read, and whose invitation goes nowhere."""
    keys, people = KeySighting.room_id == Room.id, MembershipSighting.room_id == Room.id
    asked = (
        select(func.count(KeySighting.person_index)).where(keys),
        select(func.max(KeySighting.since)).where(keys),
        select(func.count(MembershipSighting.membership)).where(people),
        select(func.count(MembershipSighting.trouble)).where(people),
        select(func.max(MembershipSighting.missing)).where(people, MembershipSighting.membership == missing.GONE),
    )
    return tuple(each.correlate(Room).scalar_subquery() for each in asked)


async def still_signed_in(db: AsyncSession, cookie_tokens: Collection[str], *, now: datetime) -> frozenset[str]:
    """Those of these tokens that still let somebody in. Asking keeps none of them alive."""
    hashes = {accounts.digest(token): token for token in cookie_tokens}
    found = await db.scalars(
        select(SignIn.token_hash)
        .join(Account, Account.id == SignIn.account_id)
        .where(
            SignIn.token_hash.in_(sorted(hashes)),
            SignIn.last_seen > now - accounts.IDLE,
            SignIn.created > now - accounts.ABSOLUTE,
            Account.disabled.is_(None),
        )
    )
    return frozenset(hashes[each] for each in found)
