"""The journal as it is read: by whoever runs the group an entry is about, newest first, fifty to a page.

Ownership is part of the query. Of a house's own entries, coordinators see all, everybody else those about themselves.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import journal
from facilitator.database.tables import Account, Group, GroupFacilitator, JournalEntry, Member
from facilitator.database.types import UtcDateTime
from facilitator.ids import AccountId, GroupId

PER_PAGE = 50
IN_A_FILE = 10_000
OF_THE_HOUSE = (
    "account added",
    "account disabled",
    "account enabled",
    "coordinator account added",
    "facilitator account added",
    "identity changed",
    "matrix id claim dropped",
    "matrix id claimed",
    "matrix id code said",
    "matrix id freed",
    "matrix id linked",
    "own account changed",
    "role changed to coordinator",
    "role changed to facilitator",
    "sign-in link asked for",
    "sign-in link made",
    "signed in",
    "signed out everywhere else",
)
"""What is about no group. What stands without a group otherwise was about one that is deleted, and is nobody's."""
BY_COORDINATORS = ("group handed over", "group opened, what is missing waived")
"""What coordinators do about groups of others: they read their own doing, though not the group's journal."""
BOT = journal.BRIDGE

OUR_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

Narrow = ColumnElement[bool]
Cursor = tuple[datetime, str]
"""The moment and the id of the last entry of a page."""


@dataclass(frozen=True)
class Asked:
    """Which entries somebody wants to read. `person`: an id of ours, or BOT. `until` is not included."""

    group: GroupId | None = None
    person: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Person:
    """Somebody an entry names. `kind`: facilitator, member, bot, stranger, or gone: who is no longer here."""

    kind: str
    called: str = field(default="", repr=False)


@dataclass(frozen=True)
class Entry:
    id: str
    at: datetime
    verb: str
    actor: Person
    subject: Person | None
    detail: str | None
    """What the entry is about, where that is nobody: a code."""
    group_id: GroupId | None
    group: str = field(repr=False)
    reason: str | None = field(repr=False)


@dataclass(frozen=True)
class Page:
    """`older`: where the next page begins; None on the last."""

    entries: tuple[Entry, ...]
    older: Cursor | None


COLUMNS = (
    JournalEntry.id,
    JournalEntry.at,
    JournalEntry.actor,
    JournalEntry.verb,
    JournalEntry.group_id,
    JournalEntry.subject,
    JournalEntry.reason,
)


async def read(
    db: AsyncSession,
    *,
    by: AccountId,
    role: str,
    asked: Asked,
    before: Cursor | None = None,
    limit: int = PER_PAGE,
) -> Page:
    """A page of what this account may read and has asked for. Its number of statements does not depend on how much
    there is."""
    parts = _parts(by, role, asked, _narrow(asked, before), limit + 1)
    rows = (await db.execute(_of_all(parts, limit + 1))).all()
    shown = rows[:limit]
    called = await _called(db, by, {each for row in shown for each in (row.actor, row.subject) if each is not None})
    groups = await _groups(db, by, {row.group_id for row in shown if row.group_id is not None})
    entries = tuple(_entry(row, called, groups) for row in shown)
    return Page(entries, (shown[-1].at, shown[-1].id) if len(rows) > limit else None)


async def people(db: AsyncSession, *, by: AccountId, role: str, group_id: GroupId | None) -> list[tuple[str, Person]]:
    """Whom the entries can be chosen by: the facilitators of one's groups, of one group also its members and who
    ran it before; to a coordinator, everybody of the panel."""
    theirs = select(GroupFacilitator.group_id).where(GroupFacilitator.account_id == by)
    among = select(GroupFacilitator.account_id).where(
        GroupFacilitator.group_id.in_(theirs), GroupFacilitator.group_id == group_id if group_id else true()
    )
    did = select(JournalEntry.actor).where(JournalEntry.group_id == group_id, JournalEntry.group_id.in_(theirs))
    accounts = select(Account.id, Account.name)
    if group_id is not None or role != "coordinator":
        accounts = accounts.where(or_(Account.id.in_(among), Account.id == by, Account.id.in_(did)))
    found: list[tuple[str, Person]] = [(each, Person("facilitator", name)) for each, name in await db.execute(accounts)]
    if group_id is not None:
        members = select(Member.id, Member.matrix_id).where(Member.group_id == group_id, Member.group_id.in_(theirs))
        found += [(each, Person("member", matrix_id)) for each, matrix_id in await db.execute(members)]
    return sorted(found, key=lambda each: (each[1].kind, each[1].called.casefold()))


async def groups(db: AsyncSession, *, by: AccountId, most: int) -> list[tuple[GroupId, str]] | None:
    """The groups the entries can be chosen by; None when they are too many for a list."""
    mine = (
        select(Group.id, Group.name)
        .join(GroupFacilitator, GroupFacilitator.group_id == Group.id)
        .where(GroupFacilitator.account_id == by, Group.deleted.is_(None))
        .limit(most + 1)
    )
    found = [(each, name) for each, name in await db.execute(mine)]
    return None if len(found) > most else sorted(found, key=lambda each: each[1].casefold())


def _parts(by: AccountId, role: str, asked: Asked, narrow: list[Narrow], limit: int) -> list[Select[*tuple[Any, ...]]]:
    """What is to be read, as parts that an index gives in order each."""
    entries = select(*COLUMNS).where(*narrow)
    house = entries.where(JournalEntry.group_id.is_(None), JournalEntry.verb.in_(OF_THE_HOUSE))
    parts: list[Select[*tuple[Any, ...]]] = []
    for about in _about(asked.person):
        parts.append(entries.where(*_of_mine(by, asked, narrow, limit), *about))
        if asked.group is None and role == "coordinator":
            parts.append(house.where(*about))
            parts.append(entries.where(*_done_for_others(by), *about))
    if asked.group is None and role != "coordinator" and asked.person in (None, by):
        parts += [house.where(*about) for about in _about(by)]
    return parts


def _done_for_others(by: AccountId) -> list[Narrow]:
    """What this coordinator did about groups that they do not run."""
    runs = select(GroupFacilitator.group_id).where(GroupFacilitator.account_id == by)
    there = exists().where(Group.id == JournalEntry.group_id, Group.deleted.is_(None), Group.id.not_in(runs))
    return [JournalEntry.actor == by, JournalEntry.verb.in_(BY_COORDINATORS), there]


def _of_mine(by: AccountId, asked: Asked, narrow: list[Narrow], limit: int) -> list[Narrow]:
    """Entries of groups this account runs."""
    runs = and_(GroupFacilitator.account_id == by, Group.id == GroupFacilitator.group_id, Group.deleted.is_(None))
    if asked.group is not None:
        return [JournalEntry.group_id == asked.group, exists().where(runs, Group.id == asked.group)]
    mine = select(Group.id).where(runs)
    among: list[Narrow] = [JournalEntry.group_id.in_(mine)]
    return among if asked.person is not None else [*among, *_late_enough(mine, narrow, limit)]


def _late_enough(mine: Select[GroupId], narrow: list[Narrow], limit: int) -> list[Narrow]:
    """Nothing older than this can be on a page of `limit`, however many groups there are and however much of each: so
    many groups have something newer, or one group has so many newer ones. Without it all would be read and sorted."""
    each = mine.subquery()
    of_each = select(JournalEntry.at).where(JournalEntry.group_id == each.c.id, *narrow)
    newest = of_each.order_by(JournalEntry.at.desc(), JournalEntry.id.desc()).limit(1).scalar_subquery()
    latest = select(each.c.id, newest.label("at")).order_by(newest.desc().nulls_last()).limit(limit).subquery()
    in_latest = select(JournalEntry.at).where(JournalEntry.group_id == latest.c.id, *narrow)
    last_of_a_page = in_latest.order_by(JournalEntry.at.desc(), JournalEntry.id.desc()).limit(1).offset(limit - 1)
    by_groups = select(func.min(latest.c.at)).having(func.count(latest.c.at) == limit).scalar_subquery()
    by_entries = select(func.max(last_of_a_page.scalar_subquery())).select_from(latest).scalar_subquery()
    always = literal(LONG_AGO, UtcDateTime())
    return [JournalEntry.at >= func.coalesce(moment, always) for moment in (by_groups, by_entries)]


def _about(person: str | None) -> list[list[Narrow]]:
    """What somebody did, and what was done about them: each has an index of its own."""
    if person is None:
        return [[]]
    return [[JournalEntry.actor == person], [JournalEntry.subject == person, JournalEntry.actor != person]]


def _narrow(asked: Asked, before: Cursor | None) -> list[Narrow]:
    found: list[Narrow] = []
    if before is not None:
        at, last = literal(before[0], UtcDateTime()), literal(before[1])
        found.append(tuple_(JournalEntry.at, JournalEntry.id) < tuple_(at, last))
    if asked.since is not None:
        found.append(JournalEntry.at >= asked.since)
    if asked.until is not None:
        found.append(JournalEntry.at < asked.until)
    return found


def _of_all(parts: Sequence[Select[*tuple[Any, ...]]], limit: int) -> CompoundSelect[*tuple[Any, ...]]:
    lots = [part.order_by(JournalEntry.at.desc(), JournalEntry.id.desc()).limit(limit).subquery() for part in parts]
    together = union_all(*(select(lot) for lot in lots))
    columns = together.selected_columns
    return together.order_by(columns.at.desc(), columns.id.desc()).limit(limit)


def _entry(row: Any, called: Mapping[str, Person], groups: Mapping[GroupId, str]) -> Entry:
    """A subject that is no id of ours is a code, which says itself what the entry is about."""
    gone = Person("gone")
    is_code = row.subject is not None and OUR_ID.fullmatch(row.subject) is None
    return Entry(
        id=row.id,
        at=row.at,
        verb=row.verb,
        actor=called.get(row.actor, gone),
        subject=None if row.subject is None or is_code else called.get(row.subject, gone),
        detail=row.subject if is_code else None,
        group_id=row.group_id,
        group=groups.get(row.group_id, ""),
        reason=row.reason,
    )


async def _called(db: AsyncSession, by: AccountId, ids: Iterable[str]) -> dict[str, Person]:
    """Who these are, as far as this account may know it: members only of groups they run."""
    named = sorted(ids)
    accounts = await db.execute(select(Account.id, Account.name).where(Account.id.in_(named)))
    members = await db.execute(
        select(Member.id, Member.matrix_id).where(
            Member.id.in_(named),
            exists().where(GroupFacilitator.group_id == Member.group_id, GroupFacilitator.account_id == by),
        )
    )
    return {
        **{each: Person("facilitator", name) for each, name in accounts},
        **{each: Person("member", matrix_id) for each, matrix_id in members},
        BOT: Person("bot"),
        journal.SOMEBODY: Person("stranger"),
    }


async def _groups(db: AsyncSession, by: AccountId, ids: Iterable[GroupId]) -> dict[GroupId, str]:
    rows = await db.execute(
        select(Group.id, Group.name)
        .join(GroupFacilitator, GroupFacilitator.group_id == Group.id)
        .where(Group.id.in_(sorted(ids)), GroupFacilitator.account_id == by)
    )
    return dict(rows.all())
