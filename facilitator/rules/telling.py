"""What facilitators are told in their own room, and when: only what a person must do, each thing once, quietly, rarely.

Pure. At most one message in an hour, none at night, everything that waits in one; whoever came uninvited is told of at
once, whatever the hour.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from facilitator.ids import ActId, because

BUDGET = timedelta(hours=1)
NIGHT, MORNING = time(22), time(8)
"""By the clocks of the group's zone."""
ONE_DOOR = timedelta(minutes=10)
"""However many come through a door that stood open, it is said once."""
STILL_SO = timedelta(days=7)
"""A room that is in the same trouble after so long is spoken of again."""


class What(StrEnum):
    """What somebody has to know or do, the most important first."""

    STRANGER = "stranger"
    STRANGER_BACKSTAGE = "stranger_backstage"
    ROOM = "room"
    NOT_DELIVERED = "not_delivered"
    CANNOT_READ = "cannot_read"
    DRAFT = "draft"


SAFETY = frozenset({What.STRANGER, What.STRANGER_BACKSTAGE})
NOT_SPARED = SAFETY | {What.ROOM}
"""What the hour between two messages does not hold back."""
ORDER = list(What)


@dataclass(frozen=True)
class Need:
    """`about`: what names it among all of its kind, by ids of ours; `at`: since when. `trouble`: a code of the
    room's."""

    what: What
    about: tuple[object, ...]
    at: datetime
    trouble: str | None = None

    def cause(self, now: datetime) -> ActId:
        """What has been told under this is not told again. A trouble that lasts is another one on another day."""
        day = (now.date(),) if self.what is What.ROOM else ()
        return because("facilitators told", self.what, *self.about, self.trouble, *day)

    @property
    def code(self) -> str:
        """As the journal has it."""
        return self.what if self.trouble is None else f"{self.what}: {self.trouble}"


@dataclass(frozen=True)
class Told:
    """What a group's facilitators have been told: `causes`, of those asked about; `codes`: what was told last when;
    `last`: when they were told anything."""

    causes: frozenset[ActId] = frozenset()
    codes: Mapping[str, datetime] = field(default_factory=dict)
    last: datetime | None = None


@dataclass(frozen=True)
class Line:
    """One line of what is said. `number`: of how many people it is so."""

    what: What
    number: int
    trouble: str | None = None


def now_to_be_told(needs: Iterable[Need], told: Told, *, now: datetime, time_zone: str) -> tuple[Need, ...]:
    """Those of the needs to be said now, all in one message; none: nothing is said now."""
    fresh = [need for need in needs if not _said(need, told, now)]
    if is_night(now, time_zone):
        fresh = [need for need in fresh if need.what in SAFETY]
    spared = told.last is not None and now - told.last < BUDGET
    if spared and not any(need.what in NOT_SPARED for need in fresh):
        return ()
    return tuple(sorted(fresh, key=lambda need: (ORDER.index(need.what), need.at)))


def lines(needs: Iterable[Need]) -> tuple[Line, ...]:
    """A line for each kind, and for each trouble of the room."""
    numbers: dict[tuple[What, str | None], int] = {}
    for need in needs:
        numbers[need.what, need.trouble] = numbers.get((need.what, need.trouble), 0) + 1
    return tuple(Line(what, number, trouble) for (what, trouble), number in numbers.items())


def is_night(now: datetime, time_zone: str) -> bool:
    hour = now.astimezone(ZoneInfo(time_zone)).time()
    return hour >= NIGHT or hour < MORNING


def _said(need: Need, told: Told, now: datetime) -> bool:
    if need.cause(now) in told.causes:
        return True
    before = told.codes.get(need.code)
    if before is None:
        return False
    if need.what in SAFETY:
        return need.at <= before + ONE_DOOR
    return need.what is What.ROOM and now - before < STILL_SO
