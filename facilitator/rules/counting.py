"""What happened, counted by months that are over. A month that still goes on is not counted: two looks at one number
would tell what happened between them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from facilitator.rules import recurrence
from facilitator.rules.recurrence import SeriesFacts

MONTHS = 12
"""So many are shown; with each that ends, the oldest falls out."""
LAST_TO_END = timedelta(hours=12)
"""Where a day ends last, it does so this long after it did in UTC."""


@dataclass(frozen=True, order=True)
class Step:
    """Somebody's standing with a group is another from this moment on."""

    at: datetime
    person: str
    standing: str


@dataclass(frozen=True)
class Spell:
    """A time in which a group's sessions took place; `until` is None while it goes on."""

    since: datetime
    until: datetime | None = None

    def has(self, moment: datetime) -> bool:
        return self.since <= moment and (self.until is None or moment < self.until)


def months(now: datetime, count: int = MONTHS) -> tuple[date, ...]:
    """The first days of the last months that are over everywhere on earth, the oldest first: the same for all groups,
    wherever they are."""
    found = [(now - LAST_TO_END).date().replace(day=1)]
    while len(found) <= count:
        found.append((found[-1] - timedelta(days=1)).replace(day=1))
    return tuple(reversed(found[1:]))


def following(month: date) -> date:
    """The first day of the month after."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def moment(day: date, time_zone: str) -> datetime:
    """When this day begins there (UTC)."""
    return datetime.combine(day, time(), ZoneInfo(time_zone)).astimezone(UTC)


def ends(counted: Sequence[date], time_zone: str) -> tuple[datetime, ...]:
    """When each of these months was over."""
    return tuple(moment(following(month), time_zone) for month in counted)


def sizes(steps: Iterable[Step], moments: Sequence[datetime]) -> tuple[int, ...]:
    """How many had joined, and not gone again, at each of these moments (in order)."""
    return tuple(found["joined"] for found in _at(steps, moments))


def standings(steps: Iterable[Step], at: datetime) -> Mapping[str, int]:
    """How many stood how at this moment."""
    return _at(steps, (at,))[0]


def _at(steps: Iterable[Step], moments: Sequence[datetime]) -> list[Counter[str]]:
    ordered, place = sorted(steps), 0
    by_person: dict[str, str] = {}
    found = []
    for until in moments:
        while place < len(ordered) and ordered[place].at < until:
            by_person[ordered[place].person] = ordered[place].standing
            place += 1
        found.append(Counter(by_person.values()))
    return found


def spells(turns: Iterable[tuple[datetime, bool]]) -> tuple[Spell, ...]:
    """When the sessions took place, from the moments they began to and ceased to."""
    ordered = sorted(turns)
    changes = [turn for number, turn in enumerate(ordered) if number == 0 or turn[1] != ordered[number - 1][1]]
    found = [Spell(since, until) for (since, meets), (until, _) in pairwise(changes) if meets]
    if changes and changes[-1][1]:
        found.append(Spell(changes[-1][0]))
    return tuple(found)


def held(series: Iterable[SeriesFacts], during: Sequence[Spell], counted: Sequence[date]) -> list[int]:
    """How many sessions took place in each of these months, by the clocks of each series."""
    numbers: Counter[date] = Counter()
    for each in series:
        began = moment(counted[0], each.time_zone)
        over = moment(following(counted[-1]), each.time_zone)
        for session in recurrence.occurrences(each, after=began, before=over):
            if session.starts >= began and any(spell.has(session.starts) for spell in during):
                numbers[session.original_start.date().replace(day=1)] += 1
    return [numbers[month] for month in counted]
