"""What needs somebody today: the sessions that come, and what waits for them in the groups they run.

Each is asked for by itself and finds few rows, however many groups there are; ownership is part of every query.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import groups, sightings
from facilitator.database.tables import (
    Group,
    GroupFacilitator,
    KeySighting,
    Member,
    MembershipSighting,
    Room,
    RoomSighting,
    Series,
)
from facilitator.ids import AccountId, GroupId
from facilitator.rules import life, recurrence
from facilitator.rules.reach import READS_NOTHING, Health
from facilitator.rules.recurrence import Occurrence, SeriesFacts

AHEAD = timedelta(hours=36)
CLOCKS_CHANGE = timedelta(hours=2)
"""More than clocks are ever put forward or back."""
LONG_INVITED = timedelta(days=3)
SHOWN = 20
"""Of each kind; a house where more needs somebody has one trouble, not many."""
CANNOT_READ = tuple(READS_NOTHING - {Health.SERVER_SILENT})
MENDS_ITSELF = ("slow_down", "unreachable")

Kind = Literal["room", "not_delivered", "cannot_read", "alone", "long_invited"]


@dataclass(frozen=True)
class Need:
    """Something in one group that waits for somebody. `number`: of how many people; `trouble`: a code of the room's."""

    kind: Kind
    group_id: GroupId
    group: str = field(repr=False)
    number: int = 0
    trouble: str | None = None


@dataclass(frozen=True)
class Session:
    """A session that comes soon, or is being held."""

    group_id: GroupId
    group: str = field(repr=False)
    occurrence: Occurrence


@dataclass(frozen=True)
class Today:
    """`house`: a trouble of all rooms at once, said once. `more`: whether there is more than is shown."""

    sessions: tuple[Session, ...]
    needs: tuple[Need, ...]
    house: str | None
    more: bool


async def needs(db: AsyncSession, *, by: AccountId, now: datetime) -> Today:
    """What needs this account. Its number of statements does not depend on how many groups there are."""
    silent = groups.room_state(0, None, await sightings.heartbeats(db), now)
    house = silent.trouble if silent.state == "in_trouble" else None
    found: list[tuple[Kind, GroupId, int, str | None]] = []
    if house is None:
        found += [("room", group, 0, trouble) for group, trouble in await db.execute(_troubled(by))]
    counts: tuple[tuple[Kind, Select[GroupId, int]], ...] = (
        ("not_delivered", _not_delivered(by)),
        ("cannot_read", _cannot_read(by)),
        ("alone", _alone(by)),
        ("long_invited", _long_invited(by, now)),
    )
    for kind, query in counts:
        found += [(kind, group, number, None) for group, number in await db.execute(query)]
    sessions = await _sessions(db, by, now)
    names = await _names(db, {each[1] for each in found} | {group for group, _ in sessions[:SHOWN]})
    return Today(
        sessions=tuple(Session(group, names[group], each) for group, each in sessions[:SHOWN]),
        needs=tuple(Need(kind, group, names[group], number, trouble) for kind, group, number, trouble in found[:SHOWN]),
        house=house,
        more=max(len(sessions), len(found)) > SHOWN,
    )


def _mine(by: AccountId) -> ColumnElement[bool]:
    """A group this account runs, and that goes on."""
    theirs = exists().where(GroupFacilitator.group_id == Group.id, GroupFacilitator.account_id == by)
    return and_(theirs, Group.closed.is_(None), Group.deleted.is_(None))


def _troubled(by: AccountId) -> Select[GroupId, str | None]:
    """Rooms something keeps the bot from; a wait is no trouble."""
    return (
        select(Group.id, RoomSighting.trouble)
        .join(Room, and_(Room.group_id == Group.id, Room.kind == "group"))
        .join(RoomSighting, RoomSighting.room_id == Room.id)
        .where(_mine(by), RoomSighting.trouble.is_not(None), RoomSighting.trouble != sightings.SLOW_DOWN)
        .order_by(Group.created, Group.id)
        .limit(SHOWN + 1)
    )


def _not_delivered(by: AccountId) -> Select[GroupId, int]:
    """Invitations that go nowhere until somebody does something."""
    return _by_group(by).where(Member.standing == "invited", _given_up())


def _long_invited(by: AccountId, now: datetime) -> Select[GroupId, int]:
    """Whoever was asked in days ago, and has not come: perhaps they wait for a word."""
    still = exists().where(
        MembershipSighting.room_id == Room.id,
        MembershipSighting.person_index == Member.matrix_id_index,
        MembershipSighting.invitation == Member.invitation,
        MembershipSighting.trouble.is_not(None),
    )
    return _by_group(by).where(Member.standing == "invited", Member.since < now - LONG_INVITED, ~still)


def _cannot_read(by: AccountId) -> Select[GroupId, int]:
    """Whoever has joined, and reads nothing."""
    theirs = exists().where(
        KeySighting.room_id == Room.id,
        KeySighting.person_index == Member.matrix_id_index,
        KeySighting.health.in_(CANNOT_READ),
    )
    return _by_group(by).where(Member.standing == "joined", theirs)


def _alone(by: AccountId) -> Select[GroupId, int]:
    """Drafts that wait for a second facilitator."""
    runs = select(func.count()).where(GroupFacilitator.group_id == Group.id).correlate(Group).scalar_subquery()
    return (
        select(Group.id, literal(0))
        .where(_mine(by), Group.state == life.State.DRAFT, runs < life.FACILITATORS)
        .order_by(Group.created, Group.id)
        .limit(SHOWN + 1)
    )


def _by_group(by: AccountId) -> Select[GroupId, int]:
    """Of how many members something is so, by group."""
    return (
        select(Group.id, func.count())
        .join(Room, and_(Room.group_id == Group.id, Room.kind == "group"))
        .join(Member, Member.group_id == Group.id)
        .where(_mine(by))
        .group_by(Group.id, Group.created)
        .order_by(Group.created, Group.id)
        .limit(SHOWN + 1)
    )


def _given_up() -> ColumnElement[bool]:
    return exists().where(
        MembershipSighting.room_id == Room.id,
        MembershipSighting.person_index == Member.matrix_id_index,
        MembershipSighting.invitation == Member.invitation,
        MembershipSighting.trouble.is_not(None),
        MembershipSighting.trouble.not_in(MENDS_ITSELF),
    )


async def _sessions(db: AsyncSession, by: AccountId, now: datetime) -> list[tuple[GroupId, Occurrence]]:
    """The sessions that start within a day and a half, or are being held, soonest first."""
    rows = await db.execute(
        select(
            Group.id, Group.state, Group.opened, Group.closes, Series.id, Series.starts, Series.time_zone,
            Series.rrule, Series.minutes,
        )
        .join(Series, Series.group_id == Group.id)
        .where(_mine(by), Series.ended.is_(None))
    )  # fmt: skip
    series = [
        (
            group,
            SeriesFacts(
                id=each, starts=starts, time_zone=zone, rrule=rrule, minutes=minutes, ended=closes, since=opened
            ),
        )
        for group, state, opened, closes, each, starts, zone, rrule, minutes in rows
        if life.meets(state, opened)
    ]
    found = [
        (group, each)
        for group, facts in _soonest(series, now)
        for each in recurrence.occurrences(facts, after=now, before=now + AHEAD)
    ]
    return sorted(found, key=lambda each: (each[1].starts, each[1].series))


def _soonest(series: Sequence[tuple[GroupId, SeriesFacts]], now: datetime) -> list[tuple[GroupId, SeriesFacts]]:
    """Those that may meet within the time that is looked at, and of very many the first: reckoning the sessions of a
    thousand series takes longer than all else on the page."""
    earliest = {zone: recurrence.wall_time(now, zone) for zone in {facts.time_zone for _, facts in series}}
    waits = [(recurrence.wait(facts, earliest[facts.time_zone]), group, facts) for group, facts in series]
    soon = sorted((each for each in waits if each[0] <= AHEAD + CLOCKS_CHANGE), key=lambda each: (each[0], each[1]))
    return [(group, facts) for _, group, facts in soon[: 2 * SHOWN]]


async def _names(db: AsyncSession, group_ids: Iterable[GroupId]) -> dict[GroupId, str]:
    rows = await db.execute(select(Group.id, Group.name).where(Group.id.in_(sorted(group_ids))))
    return dict(rows.all())
