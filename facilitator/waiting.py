"""What may wait for somebody in the groups they run, as questions: each put into words once, ownership part of each.

Home asks all of them, so each begins at the side where there are few: at what is wrong, where that is rare and has an
index, and otherwise at the groups that are theirs, of which it counts for those alone that are shown.
"""

from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    Subquery,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
)

from facilitator.database.tables import (
    Account,
    Act,
    Group,
    GroupFacilitator,
    KeySighting,
    Member,
    MembershipSighting,
    Room,
    RoomSighting,
    Series,
    plain,
)
from facilitator.glance import REACHABLE
from facilitator.ids import GroupId
from facilitator.rules import life
from facilitator.rules.reach import READS_NOTHING, Health
from facilitator.sightings import SLOW_DOWN
from facilitator.unsaid import GIVEN_UP

CANNOT = tuple(READS_NOTHING - {Health.SERVER_SILENT})
MENDS_ITSELF = ("slow_down", "unreachable")

GROUPS, RUN, ROOMS, SEEN = plain(Group), plain(GroupFacilitator), plain(Room), plain(RoomSighting)
MEMBERS, PEOPLE, HEALTHS, SERIES = plain(Member), plain(MembershipSighting), plain(KeySighting), plain(Series)
ACTS = plain(Act)
BY: BindParameter[str] = bindparam("by")
MOST: BindParameter[int] = bindparam("most")
ROOM_OF_GROUP = and_(ROOMS.c.group_id == GROUPS.c.id, ROOMS.c.kind == "group")
MINE = and_(
    RUN.c.group_id == GROUPS.c.id, RUN.c.account_id == BY, GROUPS.c.closed.is_(None), GROUPS.c.deleted.is_(None)
)
"""A group this account runs, and that goes on."""


def _first(found: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return found.order_by(GROUPS.c.created, GROUPS.c.id).limit(MOST)


def _by_group(rare: Subquery) -> Select[GroupId, int]:
    """`rare`: rooms, and of how many people in each something is so."""
    return _first(
        select(GROUPS.c.id, rare.c.number)
        .join_from(rare, ROOMS, ROOMS.c.id == rare.c.room_id)
        .join(GROUPS, GROUPS.c.id == ROOMS.c.group_id)
        .where(GROUPS.c.closed.is_(None), GROUPS.c.deleted.is_(None))
    )


def _theirs(person: ColumnElement[Any], room: ColumnElement[Any], *how: ColumnElement[bool]) -> ColumnElement[bool]:
    """Somebody in the room of a group this account runs, who is its member in this way."""
    return exists(
        select(literal(1))
        .join_from(ROOMS, RUN, and_(RUN.c.group_id == ROOMS.c.group_id, RUN.c.account_id == BY))
        .join(MEMBERS, and_(MEMBERS.c.group_id == ROOMS.c.group_id, MEMBERS.c.matrix_id_index == person))
        .where(ROOMS.c.id == room, ROOMS.c.kind == "group", *how)
    )


TROUBLED = _first(
    select(GROUPS.c.id, SEEN.c.trouble)
    .join_from(RUN, GROUPS, MINE)
    .join(ROOMS, ROOM_OF_GROUP)
    .join(SEEN, SEEN.c.room_id == ROOMS.c.id)
    .where(SEEN.c.trouble.is_not(None), SEEN.c.trouble != SLOW_DOWN)
)
"""Rooms something keeps the bot from; a wait is no trouble."""

NOT_DELIVERED = _by_group(
    select(PEOPLE.c.room_id, func.count().label("number"))
    .where(
        PEOPLE.c.trouble.is_not(None),
        PEOPLE.c.trouble.not_in(MENDS_ITSELF),
        _theirs(
            PEOPLE.c.person_index, PEOPLE.c.room_id,
            MEMBERS.c.standing == "invited", MEMBERS.c.invitation == PEOPLE.c.invitation,
        ),
    )
    .group_by(PEOPLE.c.room_id)
    .subquery()
)  # fmt: skip
"""Invitations that go nowhere until somebody does something."""

CANNOT_READ = _by_group(
    select(HEALTHS.c.room_id, func.count().label("number"))
    .where(
        HEALTHS.c.health.in_(CANNOT),
        _theirs(HEALTHS.c.person_index, HEALTHS.c.room_id, MEMBERS.c.standing == "joined"),
    )
    .group_by(HEALTHS.c.room_id)
    .subquery()
)
"""Whoever has joined, and reads nothing."""

_RUN_IT = select(func.count()).where(RUN.c.group_id == GROUPS.c.id).correlate(GROUPS).scalar_subquery()
_IS_DRAFT = GROUPS.c.state == life.State.DRAFT
ALONE = _first(
    select(GROUPS.c.id, case((_IS_DRAFT, _RUN_IT), else_=0))
    .join_from(RUN, GROUPS, MINE)
    .where(or_(REACHABLE == 0, and_(_IS_DRAFT, REACHABLE < life.FACILITATORS)))
)
"""Drafts that cannot be opened yet, and how many run them: a second facilitator is missing, or their Matrix ID is. With
0, groups that are open and in whose room nobody who runs them can be."""

NOT_SAID = _by_group(
    select(ACTS.c.room_id, func.count().label("number"))
    .where(
        ACTS.c.outcome.in_(GIVEN_UP),
        ACTS.c.settled >= bindparam("given_up_since"),
        exists(
            select(literal(1))
            .join_from(ROOMS, RUN, and_(RUN.c.group_id == ROOMS.c.group_id, RUN.c.account_id == BY))
            .where(ROOMS.c.id == ACTS.c.room_id, ROOMS.c.kind == "group")
        ),
    )
    .group_by(ACTS.c.room_id)
    .subquery()
)
"""Rooms in which the bot gave up saying something lately."""

LINKED = select(plain(Account).c.matrix_id_index.is_not(None)).where(plain(Account).c.id == BY)
"""Whether this account has a Matrix ID that is theirs."""

_GOES_NOWHERE = exists().where(
    PEOPLE.c.room_id == ROOMS.c.id,
    PEOPLE.c.person_index == MEMBERS.c.matrix_id_index,
    PEOPLE.c.invitation == MEMBERS.c.invitation,
    PEOPLE.c.trouble.is_not(None),
)


def _long_invited(what: ColumnElement[Any], group: ColumnElement[Any]) -> Select[Any]:
    return (
        select(what)
        .join_from(MEMBERS, ROOMS, and_(ROOMS.c.group_id == MEMBERS.c.group_id, ROOMS.c.kind == "group"))
        .where(
            MEMBERS.c.group_id == group, MEMBERS.c.standing == "invited", MEMBERS.c.since < bindparam("long_ago"),
            ~_GOES_NOWHERE,
        )
    )  # fmt: skip


_WITH_SOME = _first(
    select(GROUPS.c.id, GROUPS.c.created)
    .join_from(RUN, GROUPS, MINE)
    .where(exists(_long_invited(literal(1), GROUPS.c.id).correlate(GROUPS)))
).subquery()
LONG_INVITED = select(
    _WITH_SOME.c.id, _long_invited(func.count(), _WITH_SOME.c.id).correlate(_WITH_SOME).scalar_subquery()
).order_by(_WITH_SOME.c.created, _WITH_SOME.c.id)
"""Whoever was asked in days ago, and has not come: perhaps they wait for a word."""

MEETING = (
    select(
        GROUPS.c.id, GROUPS.c.state, SERIES.c.id, SERIES.c.starts, SERIES.c.time_zone, SERIES.c.rrule,
        SERIES.c.minutes, GROUPS.c.opened, GROUPS.c.closes,
    )
    .join_from(RUN, GROUPS, MINE)
    .join(SERIES, SERIES.c.group_id == GROUPS.c.id)
    .where(SERIES.c.ended.is_(None))
)  # fmt: skip
"""The series that go on."""
CALLED = select(GROUPS.c.id, GROUPS.c.name).where(GROUPS.c.id.in_(bindparam("groups", expanding=True)))
