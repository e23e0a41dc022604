"""Kinds of id. Random for things, derived from the cause for acts, so that an act is done once."""

from datetime import UTC, datetime, timedelta
from typing import NewType
from uuid import UUID, uuid4, uuid5

AccountId = NewType("AccountId", str)
ActId = NewType("ActId", str)
BotId = NewType("BotId", str)
GroupId = NewType("GroupId", str)
MemberId = NewType("MemberId", str)
RoomId = NewType("RoomId", str)
"""One of *our* rooms (`rooms.id`), and the marker its Matrix room carries. Never a Matrix room id."""
SeriesId = NewType("SeriesId", str)

EventId = NewType("EventId", str)
MatrixRoomId = NewType("MatrixRoomId", str)
UserId = NewType("UserId", str)
"""A Matrix user id, `@name:server`."""

HOUSE = UUID("6a1f0a52-8f4c-5d7e-9b0a-3f2f6c1d8e47")


def new_id() -> str:
    """A random id (UUID, 122 bits). Not a secret: tokens come from `secrets`."""
    return str(uuid4())


def because(*cause: object) -> ActId:
    """The id of the act this cause gives rise to. Same cause, same id: it is done once.

    It is the outbox key, the duplicate check and the Matrix transaction id at once.
    Raises ValueError for an instant that is not UTC: the same moment must never have two names.
    """
    return ActId(str(uuid5(HOUSE, "\x1f".join(map(as_text, cause)))))


def as_text(part: object) -> str:
    if isinstance(part, datetime):
        if part.tzinfo is not None and part.utcoffset() != timedelta(0):
            raise ValueError("a cause names instants in UTC")
        return part.isoformat() if part.tzinfo is None else part.astimezone(UTC).isoformat()
    if isinstance(part, timedelta):
        return str(int(part.total_seconds()))
    return str(part)
