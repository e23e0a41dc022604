"""What is deleted when nobody can ask for it any more, a bounded number of rows at a time.

The tables of a house that runs for years would grow without end otherwise. Never deleted is what keeps something from
being said twice: of acts only kinds whose cause cannot come back go, by name, so that a new kind is kept until somebody
has thought of it. A reminder's session is over for good; a command that is so old is not answered any more. A welcome,
help, a word about somebody's device or about a move may be caused again after years, and its empty row says no. The
journal is the organisation's own record and stays. What somebody deleted goes for good here as well (`deletions`).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, func, inspect, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from facilitator import deletions, kept_forms, sightings, unread
from facilitator.database.tables import (
    Act,
    FormerRoom,
    KeptForm,
    KeySighting,
    MatrixClaim,
    MembershipSighting,
    Room,
    SetAside,
    Stranger,
    Table,
    UnreadableEvent,
)

AT_ONCE = 1_000
"""Rows to a statement: nobody waits long for a database that deletes."""
ACTS_KEPT_FOR = timedelta(days=90)
FORMER_ROOMS_KEPT_FOR = timedelta(days=365)
STRANGERS_KEPT_FOR = timedelta(days=14)
"""After they should have been put out. Who is still there is noticed anew."""
CLAIMS_KEPT_FOR = timedelta(days=14)
"""After their code ends: what was typed stands in the form again for so long."""
SAID_FOR_ITS_MOMENT = (
    "reminder", "commands", "sessions", "unknown_command", "other_matrix_id", "matrix_id_claimed", "code_said",
    "panel_alone", "panel_link", "panel_new_identity", "panel_not_confirmed", "panel_often", "panel_unknown",
    "backstage",
)  # fmt: skip
"""Of what was told backstage the journal keeps the causes."""


async def prune(db: AsyncSession, *, now: datetime, at_once: int = AT_ONCE) -> bool:
    """Delete what is over, at most so many rows of each kind. Returns whether there may be more."""
    more = False
    for table, is_over in _over(now):
        key = inspect(table).primary_key
        some = select(*key).where(is_over).limit(at_once)
        gone = delete(table).where(tuple_(*key).in_(some)).execution_options(synchronize_session=False)
        number: int = (await db.execute(gone)).rowcount  # type: ignore[attr-defined]
        more = more or number >= at_once
    return await deletions.purge(db, now=now, at_once=at_once) or more


def _over(now: datetime) -> Iterator[tuple[type[Table], ColumnElement[bool]]]:
    yield Act, _act_is_over(now)
    yield FormerRoom, _former_room_is_over(now)
    closed = select(Room.id).where(Room.closed.is_not(None))
    yield MembershipSighting, MembershipSighting.room_id.in_(closed)
    yield KeySighting, KeySighting.room_id.in_(closed)
    yield Stranger, or_(Stranger.room_id.in_(closed), Stranger.due < now - STRANGERS_KEPT_FOR)
    yield MatrixClaim, MatrixClaim.expires < now - CLAIMS_KEPT_FOR
    yield SetAside, SetAside.since < now - sightings.SET_ASIDE_FOR
    yield UnreadableEvent, UnreadableEvent.since < now - unread.KEPT_FOR
    yield KeptForm, KeptForm.created <= now - kept_forms.KEPT_FOR


def _act_is_over(now: datetime) -> ColumnElement[bool]:
    """Where the outcome of a try is still unknown, the room is searched for it, and what was said there before has to
    be told from it: such a room keeps its acts."""
    tried = aliased(Act)
    in_doubt = select(tried.room_id).where(tried.outcome.is_(None), tried.first_try.is_not(None))
    long_ago = now - ACTS_KEPT_FOR
    return and_(
        Act.utterance.in_(SAID_FOR_ITS_MOMENT),
        Act.outcome.is_not(None),
        Act.settled < long_ago,
        or_(Act.not_after.is_(None), Act.not_after < long_ago),
        Act.room_id.not_in(in_doubt),
    )


def _former_room_is_over(now: datetime) -> ColumnElement[bool]:
    """The latest of a room stays: one made anew says which it goes on from."""
    other = aliased(FormerRoom)
    latest = select(func.max(other.since)).where(other.room_id == FormerRoom.room_id).scalar_subquery()
    return and_(FormerRoom.left < now - FORMER_ROOMS_KEPT_FOR, FormerRoom.since < latest)
