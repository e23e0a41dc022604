"""How groups went, in numbers of months that are over: counted from the journal and the calendar when asked, never kept
by person. What of them may be shown is decided in `rules.small_numbers`.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator.database.tables import Group, GroupFacilitator, JournalEntry, Series
from facilitator.glance import Glance
from facilitator.ids import AccountId, GroupId
from facilitator.rules import counting, small_numbers
from facilitator.rules.counting import Step
from facilitator.rules.recurrence import SeriesFacts

BY_SUBJECT = {
    "member invited": "invited",
    "member invited in the room": "invited",
    "member removed": "removed",
    "member readmitted": "invited",
}
BY_ACTOR = {"member joined": "joined", "member left": "left"}
CLOSED = "group closed"
STATES = ("joined", "invited", "left", "removed")
MEETS = {
    "group started": False,
    "group opened": True,
    "group opened, what is missing waived": True,
    "group resumed": True,
    "group paused": False,
    CLOSED: False,
}
"""Whether the sessions take place from such an entry on."""
AT_ONCE, REMEMBERED = 25, 20_000


@dataclass(frozen=True)
class Counted:
    """One group, by months that are over. `there`: at the end of which of them it was. Not yet fit to be shown."""

    sessions: tuple[int, ...]
    sizes: tuple[int, ...]
    standings: Mapping[str, int]
    there: tuple[bool, ...]


@dataclass(frozen=True)
class Numbers:
    """What may be shown, by months from the oldest on. None: too few to show; `none_there`: months at whose
    end no group was there to be counted. Sessions are dates, not people, and are shown as they are."""

    months: tuple[date, ...]
    sessions: tuple[int, ...]
    sizes: tuple[int | None, ...]
    standings: tuple[tuple[str, int | None], ...]
    none_there: tuple[bool, ...]
    minimum: int
    name: str = field(default="", repr=False)
    groups: int = 1
    uncounted: int = 0
    """Groups whose turn to be counted has not come."""


@dataclass(frozen=True)
class About:
    id: GroupId
    time_zone: str
    created: datetime


@dataclass(frozen=True)
class Turn:
    """From this moment on the sessions take place, or do not; `closed`: nor does anything else."""

    at: datetime
    meets: bool
    closed: bool


class Counter:
    """Counts groups, and remembers what it counted: a month that is over does not change. Memory of one process."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._known: OrderedDict[tuple[GroupId, str, date], Counted] = OrderedDict()

    async def of_group(self, db: AsyncSession, *, group: Glance, minimum: int, now: datetime) -> Numbers:
        """Of one group; whose it is has been asked before."""
        about = About(group.id, group.time_zone, group.created)
        (counted,) = (await self._of(db, [about], now=now)).values()
        return _shown([counted], counting.months(now), minimum, name=group.name)

    async def of_all(self, db: AsyncSession, *, by: AccountId, minimum: int, now: datetime) -> Numbers:
        """Of all groups this account runs. Of very many, some are counted at a time."""
        rows = await db.execute(
            select(Group.id, Group.time_zone, Group.created)
            .join(GroupFacilitator, GroupFacilitator.group_id == Group.id)
            .where(GroupFacilitator.account_id == by, Group.deleted.is_(None))
            .order_by(Group.created, Group.id)
        )
        groups = [About(*row) for row in rows]
        counted = await self._of(db, groups, now=now)
        return _shown(
            list(counted.values()),
            counting.months(now),
            minimum,
            groups=len(groups),
            uncounted=len(groups) - len(counted),
        )

    async def _of(self, db: AsyncSession, groups: Sequence[About], *, now: datetime) -> dict[GroupId, Counted]:
        key = {each: (each.id, each.time_zone, counting.months(now)[0]) for each in groups}
        new = [each for each in groups if key[each] not in self._known][: self._at_once]
        for each, counted in (await _count(db, new, now=now)).items() if new else ():
            self._known[key[each]] = counted
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return {each.id: self._known[key[each]] for each in groups if key[each] in self._known}


async def _count(db: AsyncSession, groups: Sequence[About], *, now: datetime) -> dict[About, Counted]:
    ids = [each.id for each in groups]
    rows = await db.execute(
        select(JournalEntry.group_id, JournalEntry.at, JournalEntry.verb, JournalEntry.actor, JournalEntry.subject)
        .where(JournalEntry.group_id.in_(ids), JournalEntry.verb.in_([*BY_SUBJECT, *BY_ACTOR, *MEETS]))
        .order_by(JournalEntry.at, JournalEntry.id)
    )
    steps: dict[GroupId | None, list[Step]] = {}
    turns: dict[GroupId | None, list[Turn]] = {}
    for group_id, at, verb, actor, subject in rows:
        if verb in MEETS:
            turns.setdefault(group_id, []).append(Turn(at, MEETS[verb], verb == CLOSED))
        elif verb in BY_ACTOR:
            steps.setdefault(group_id, []).append(Step(at, actor, BY_ACTOR[verb]))
        else:
            steps.setdefault(group_id, []).append(Step(at, subject or "", BY_SUBJECT[verb]))
    series: dict[GroupId, list[SeriesFacts]] = {}
    for s in await db.scalars(select(Series).where(Series.group_id.in_(ids))):
        facts = SeriesFacts(
            id=s.id, starts=s.starts, time_zone=s.time_zone, rrule=s.rrule, minutes=s.minutes, ended=s.ended
        )
        series.setdefault(s.group_id, []).append(facts)
    return {
        each: _counted(each, steps.get(each.id, ()), turns.get(each.id, ()), series.get(each.id, ()), now)
        for each in groups
    }


def _counted(
    group: About,
    steps: Iterable[Step],
    turns: Sequence[Turn],
    series: Iterable[SeriesFacts],
    now: datetime,
) -> Counted:
    months, steps = counting.months(now), list(steps)
    ends = counting.ends(months, group.time_zone)
    spells = counting.spells((turn.at, turn.meets) for turn in turns)
    closed = min((turn.at for turn in turns if turn.closed), default=None)
    return Counted(
        sessions=tuple(counting.held(series, spells, months)),
        sizes=counting.sizes(steps, ends),
        standings=counting.standings(steps, ends[-1]),
        there=tuple(group.created < end and (closed is None or end <= closed) for end in ends),
    )


def _shown(
    counted: Sequence[Counted],
    months: tuple[date, ...],
    minimum: int,
    *,
    name: str = "",
    groups: int = 1,
    uncounted: int = 0,
) -> Numbers:
    """Of several groups, each part is one group's number: a total tells of none that is too small by itself."""
    there = [[each for each in counted if each.there[place]] for place in range(len(months))]
    return Numbers(
        months=months,
        sessions=tuple(sum(each.sessions[place] for each in counted) for place in range(len(months))),
        sizes=tuple(
            small_numbers.total([each.sizes[place] for each in those], minimum) for place, those in enumerate(there)
        ),
        standings=tuple(
            (state, small_numbers.total([each.standings.get(state, 0) for each in there[-1]], minimum))
            for state in STATES
        ),
        none_there=tuple(not those for those in there),
        minimum=minimum,
        name=name,
        groups=groups,
        uncounted=uncounted,
    )
