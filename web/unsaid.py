"""What the bot could not say in a group's room, gathered into as few sentences as possible.

Several notices at once are a wall on a phone; of what is alike, its number and its beginning are enough.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from facilitator.groups import RoomState
from facilitator.unsaid import Stuck

WAITING = "waiting"


@dataclass(frozen=True)
class Unsaid:
    """`how`: failed, uncertain or waiting; `reminder`: reminders only; `since`: when the first was to be said."""

    how: str
    reminder: bool
    number: int
    since: datetime


def gathered(stuck: Sequence[Stuck], room: RoomState) -> list[Unsaid]:
    """What there is to tell, the oldest first. That something waits is no news while the room itself is behind."""
    told: dict[tuple[str, bool], Unsaid] = {}
    for each in sorted(stuck, key=lambda one: one.since):
        how = each.outcome or WAITING
        if how == WAITING and room.state != "up_to_date":
            continue
        kind = (how, each.utterance == "reminder" and how != WAITING)
        known = told.get(kind, Unsaid(*kind, 0, each.since))
        told[kind] = Unsaid(*kind, known.number + each.number, known.since)
    return list(told.values())
