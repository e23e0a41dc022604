"""A group's life: which state may follow which, what a draft lacks, when its sessions take place. Pure, so that the
whole of it can be read and tried as a table.

draft → open ⇄ paused → closing → closed. Nobody is asked into a draft; a pause keeps the room and lets the sessions
rest; a group that is closing goes on as it was until its day comes.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo

FACILITATORS = 2
"""No group rests on one person (R20)."""
CHECKED_WITHIN = timedelta(days=365)
CLOSES_AT = time(12)
"""By the group's clocks: nobody's phone rings at night."""
FARTHEST = timedelta(days=366)


class State(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    PAUSED = "paused"
    CLOSING = "closing"
    CLOSED = "closed"


class Change(StrEnum):
    """What can be done with a group's life."""

    OPEN = "open"
    PAUSE = "pause"
    RESUME = "resume"
    CLOSE = "close"
    RESETTLE = "resettle"
    """Another day, or somebody else who keeps the room, for a group that is to be closed."""
    REOPEN = "reopen"
    END = "end"
    DELETE = "delete"


FROM: Mapping[Change, frozenset[State]] = {
    Change.OPEN: frozenset({State.DRAFT}),
    Change.PAUSE: frozenset({State.OPEN}),
    Change.RESUME: frozenset({State.PAUSED}),
    Change.CLOSE: frozenset({State.OPEN, State.PAUSED}),
    Change.RESETTLE: frozenset({State.CLOSING}),
    Change.REOPEN: frozenset({State.CLOSING}),
    Change.END: frozenset({State.CLOSING}),
    Change.DELETE: frozenset({State.DRAFT, State.CLOSED}),
}


class KeptBy(StrEnum):
    """Who keeps the room of a closed group."""

    MEMBERS = "members"
    NOBODY = "nobody"


class Lack(StrEnum):
    """What stands between a draft and its being opened."""

    SECOND_FACILITATOR = "second_facilitator"
    CRISIS_LINE = "crisis_line"
    """There is none, or none that somebody has checked within a year."""


class Line(Protocol):
    """A line people can turn to, as the settings have it."""

    @property
    def kind(self) -> str: ...

    @property
    def verified_on(self) -> date: ...


def may(change: Change, state: str) -> bool:
    """Whether a group in this state may be changed so."""
    return state in FROM[change]


def lacking(*, facilitators: int, lines: Iterable[Line], today: date) -> tuple[Lack, ...]:
    """What a draft lacks. `facilitators`: those who can be reached in the room, by a Matrix ID that is theirs."""
    found = [Lack.SECOND_FACILITATOR] if facilitators < FACILITATORS else []
    if not any_fresh(lines, today=today):
        found.append(Lack.CRISIS_LINE)
    return tuple(found)


def any_fresh(lines: Iterable[Line], *, today: date) -> bool:
    """Whether there is a crisis line that somebody has checked within a year."""
    return any(line.kind == "crisis" and _is_fresh(line.verified_on, today) for line in lines)


def _is_fresh(checked: date, today: date) -> bool:
    return today - CHECKED_WITHIN <= checked <= today


def meets(state: str, since: datetime | None) -> bool:
    """Whether the group's sessions take place now. `since`: from when on; None while it is a draft or pauses, also
    when its closing was decided meanwhile."""
    return since is not None and state in (State.OPEN, State.CLOSING)


def closing_moment(day: date, time_zone: str) -> datetime:
    """When a group that closes on this day is closed (UTC)."""
    return datetime.combine(day, CLOSES_AT, ZoneInfo(time_zone)).astimezone(UTC)


def closing_days(now: datetime, time_zone: str) -> tuple[date, date]:
    """The first and the last day to close on: not today, so that there is always time to think again."""
    today = now.astimezone(ZoneInfo(time_zone)).date()
    return today + timedelta(days=1), today + FARTHEST


def next_step(state: str, lacks: Collection[Lack]) -> Change | Lack | None:
    """The one thing to do next, if the group waits for anything."""
    if state == State.DRAFT:
        return next(iter(lacks), Change.OPEN)
    return Change.RESUME if state == State.PAUSED else None


def merge(
    was: Mapping[str, str], typed: Mapping[str, str], now: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Two have changed the same form: what is to stand in the fields of the second, who keeps every word they typed,
    and what the first changed meanwhile, by field. `was`: what stood there when the second began."""
    theirs = {name: text for name, text in now.items() if text != was.get(name, text) and text != typed.get(name)}
    untouched = {name: now[name] for name in typed if name in now and typed[name] == was.get(name)}
    return {**typed, **untouched}, theirs
