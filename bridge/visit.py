"""One reconciliation under way: what the reconciler knows of a room between its first look and writing it down."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from facilitator.ids import GroupId, MatrixRoomId, UserId
from facilitator.rules.wanted_room import WantedRoom
from facilitator.strangers import Uninvited


@dataclass
class Visit:
    """The room wanted, where it is, who was asked in, and who could not be: nobody is asked twice, so that somebody who
    declines at once is left alone. `follows`: the room a new one goes on from; `trouble`: what a person has to mend;
    `again`: when something else is due; `is_new`: it was made just now, and there was none before."""

    wanted: WantedRoom
    room: MatrixRoomId | None
    asked: set[UserId] = field(default_factory=set, repr=False)
    refused: dict[UserId, tuple[str, timedelta | None]] = field(default_factory=dict, repr=False)
    uninvited: Uninvited = field(default_factory=Uninvited, repr=False)
    group_id: GroupId | None = None
    follows: MatrixRoomId | None = None
    trouble: str | None = None
    is_new: bool = False
    again: datetime | None = None
