"""What a draft lacks, waived by a coordinator, so that one that waits for a second facilitator need not wait for ever.

Of a draft that is not theirs they see its neutral name and what it lacks, no more; who let it open and why is kept
(R20).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import journal, ownership, rooms
from facilitator.database.tables import Group
from facilitator.errors import N_, NotFound
from facilitator.glance import REACHABLE
from facilitator.ids import AccountId, GroupId
from facilitator.rules import life
from facilitator.rules.access import Deed
from facilitator.rules.life import Lack, Line, State

NOT_WAITING = N_("There is no such draft that waits for anything.")
SAY_WHY = N_("Say in a few words why, up to 300 letters. It is kept in the journal.")


@dataclass(frozen=True)
class Draft:
    """A group that cannot be opened yet, and what it lacks."""

    id: GroupId
    name: str = field(repr=False)
    lacks: tuple[Lack, ...]


async def waiting(db: AsyncSession, *, by: AccountId, lines: Sequence[Line], now: datetime) -> list[Draft]:
    """The drafts of the house that lack something, by name. Raises NotAllowed."""
    await ownership.in_the_house(db, by=by, deed=Deed.WAIVE)
    found = [_draft(row, lines, now) for row in (await db.execute(_drafts())).all()]
    return sorted((each for each in found if each.lacks), key=lambda each: (each.name.casefold(), each.id))


async def one(db: AsyncSession, *, by: AccountId, group_id: GroupId, lines: Sequence[Line], now: datetime) -> Draft:
    """Raises NotAllowed, NotFound where there is nothing to waive."""
    for each in await waiting(db, by=by, lines=lines, now=now):
        if each.id == group_id:
            return each
    raise NotFound(NOT_WAITING)


async def waive(
    db: AsyncSession, *, by: AccountId, group_id: GroupId, lines: Sequence[Line], reason: str, now: datetime
) -> None:
    """The group is open, whatever it lacks. Raises NotAllowed, NotFound, Invalid("reason")."""
    await db.execute(select(Group.id).where(Group.id == group_id).with_for_update(key_share=True))
    await one(db, by=by, group_id=group_id, lines=lines, now=now)
    reason = journal.why(reason, SAY_WHY)
    group = await db.get_one(Group, group_id)
    group.state, group.opened, group.waived_by = State.OPEN, now, by
    group.version += 1
    await rooms.group_changed(db, group_id)
    await journal.note(db, "group opened, what is missing waived", actor=by, group_id=group_id, reason=reason, now=now)


def _drafts() -> Select[GroupId, str, str, int]:
    columns = select(Group.id, Group.name, Group.time_zone, REACHABLE)
    return columns.where(Group.state == State.DRAFT, Group.deleted.is_(None))


def _draft(row: tuple[GroupId, str, str, int], lines: Sequence[Line], now: datetime) -> Draft:
    group_id, name, time_zone, reachable = row
    today = now.astimezone(ZoneInfo(time_zone)).date()
    return Draft(group_id, name, life.lacking(facilitators=reachable, lines=lines, today=today))
