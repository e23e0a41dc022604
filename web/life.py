"""A group's life in front of people: what its state is called, and the one thing that is next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from facilitator.errors import N_
from facilitator.glance import Glance
from facilitator.groups import GroupPage
from facilitator.rules import life
from facilitator.rules.life import Change, Lack, Line, State

STATES: Mapping[str, tuple[str, str]] = {
    State.DRAFT: ("draft", N_("Draft")),
    # NOTE: How a group is, not something to do.
    State.OPEN: ("good", N_("Open")),
    State.PAUSED: ("quiet", N_("Paused")),
    # NOTE: How a group is: it is about to be closed.
    State.CLOSING: ("look", N_("Closing")),
    State.CLOSED: ("closed", N_("Closed")),
}
"""The mark and the word of each."""

LACKS: Mapping[Lack, tuple[str, str]] = {
    Lack.SECOND_FACILITATOR: (
        N_("A second facilitator"),
        N_("No group should rest on one person. Both need a Matrix ID that they have said is theirs."),
    ),
    Lack.CRISIS_LINE: (
        N_("A crisis line, checked within the last year"),
        N_("It is what members see when they ask for help. Whoever hosts this panel enters it in the settings."),
    ),
}
NEXT: Mapping[Change | Lack, str] = {
    Lack.SECOND_FACILITATOR: N_("Make it ready: a second facilitator is missing."),
    Lack.CRISIS_LINE: N_("Make it ready: a checked crisis line is missing."),
    Change.OPEN: N_("Everything is there. You can open the group."),
    Change.RESUME: N_("No session takes place and nobody is reminded, until you go on."),
}
UNKNOWN = ("look", N_("Please look"))


@dataclass(frozen=True)
class Standing:
    """What of a group's life its pages show: what it lacks as a draft, and in a sentence what is next, if anything."""

    lacks: tuple[Lack, ...]
    next: str


def standing(group: GroupPage | Glance, lines: Sequence[Line], now: datetime) -> Standing:
    if group.life.state != State.DRAFT:
        lacks: tuple[Lack, ...] = ()
    else:
        today = now.astimezone(ZoneInfo(group.time_zone)).date()
        lacks = life.lacking(facilitators=group.life.reachable, lines=lines, today=today)
    step = life.next_step(group.life.state, lacks)
    return Standing(lacks, NEXT[step] if step is not None else "")


def mark(state: str) -> str:
    return STATES.get(state, UNKNOWN)[0]


def word(state: str) -> str:
    return STATES.get(state, UNKNOWN)[1]
