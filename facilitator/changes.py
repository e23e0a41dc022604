"""Whether something has changed on a page somebody is looking at: a short mark of what the page is made of, by page.

It is asked for again and again, for everybody who looks, so it looks at few rows: the journal's newest entry stands for
all that people did, and what the bridge saw is counted. What is wrong is rare, and counted by group and code, so that
one trouble in the place of another is seen too; and that nothing is heard of the bridge moves every mark.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import accounts, groups, missing, sightings, unsaid, waiting
from facilitator.database.tables import (
    Account,
    Act,
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


async def of_groups(
    db: AsyncSession, looked_at: Collection[tuple[AccountId, GroupId]], *, now: datetime
) -> Mapping[GroupId, Mark]:
    """The mark of each of these groups; none of one that is not theirs who look at it."""
    asked = {group for _, group in looked_at}
    rows = await db.execute(
        select(GroupFacilitator.account_id, Group.id, Group.version, *_seen(), _newest(), *_people())
        .join(GroupFacilitator, GroupFacilitator.group_id == Group.id)
        .join(Room, and_(Room.group_id == Group.id, Room.kind == "group"))
        .outerjoin(RoomSighting, RoomSighting.room_id == Room.id)
        .where(Group.id.in_(asked), Group.deleted.is_(None))
    )
    marks = {(row[0], row[1]): tuple(row[2:]) for row in rows if (row[0], row[1]) in looked_at}
    wrong, silent = await _wrong(db, Group.id.in_(asked)), await _silent(db, now)
    return {each[1]: (*mark, tuple(wrong.get(each, ())), silent) for each, mark in marks.items()}


async def of_homes(db: AsyncSession, accounts: Collection[AccountId], *, now: datetime) -> Mapping[AccountId, Mark]:
    """The mark of what each of these accounts runs, all together."""
    rows = await db.execute(_of_each(accounts))
    marks = {account: tuple(mark) for account, *mark in rows}
    wrong, silent = await _wrong(db, GroupFacilitator.account_id.in_(accounts)), await _silent(db, now)
    return {
        account: (*mark, tuple(found for (who, _), found in wrong.items() if who == account), silent)
        for account, mark in marks.items()
    }


async def _wrong(
    db: AsyncSession, whose: ColumnElement[bool]
) -> dict[tuple[AccountId, GroupId], list[tuple[Any, ...]]]:
    """What is wrong in each of these groups, by its code: of how many, and since when."""
    rows = await db.execute(
        union_all(*(_in_groups(*each).where(whose) for each in WRONG)).order_by("account_id", "group_id", "code")
    )
    found: dict[tuple[AccountId, GroupId], list[tuple[Any, ...]]] = {}
    for account, group, *what in rows:
        found.setdefault((account, group), []).append((group, *what))
    return found


def _in_groups(table: Any, code: Any, latest: Any, so: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return (
        select(
            GroupFacilitator.account_id, Group.id.label("group_id"), code.label("code"), func.count(), func.max(latest)
        )
        .join_from(table, Room, and_(Room.id == table.room_id, Room.kind == "group"))
        .join(Group, and_(Group.id == Room.group_id, Group.deleted.is_(None)))
        .join(GroupFacilitator, GroupFacilitator.group_id == Group.id)
        .where(so)
        .group_by(GroupFacilitator.account_id, Group.id, code)
    )


WRONG = (
    (RoomSighting, RoomSighting.trouble, RoomSighting.looked, RoomSighting.trouble.is_not(None)),
    (
        MembershipSighting,
        MembershipSighting.trouble,
        MembershipSighting.seen,
        MembershipSighting.trouble.is_not(None),
    ),
    (KeySighting, KeySighting.health, KeySighting.since, KeySighting.health.in_(waiting.CANNOT)),
    (Act, Act.outcome, Act.settled, Act.outcome.in_(unsaid.GIVEN_UP)),
)
"""Where each kind stands, its code, and what moves when it is another's."""


async def _silent(db: AsyncSession, now: datetime) -> str | None:
    """The trouble of the whole house, if there is one: no row changes when nothing is heard any more."""
    return groups.room_state(0, None, await sightings.heartbeats(db), now).trouble


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
