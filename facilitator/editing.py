"""A group's name, purpose, language and zone are changed in a form: whoever saves second sees what the first changed,
and nothing of either is lost.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import journal, ownership, rooms, schedule
from facilitator.database.tables import Group
from facilitator.errors import N_, Invalid, Refused
from facilitator.ids import AccountId, GroupId
from facilitator.rules import names
from facilitator.rules.access import Deed

LONGEST_PURPOSE = 500


@dataclass(frozen=True)
class Details:
    """What people call a group and say about it."""

    name: str = field(repr=False)
    purpose: str = field(repr=False)
    language: str
    time_zone: str


class ChangedMeanwhile(Refused):
    """Somebody else has saved the form since it was opened. `now`: what they have made of it, in this version."""

    def __init__(self, now: Details, version: int) -> None:
        super().__init__(N_("Somebody else has changed this meanwhile. Nothing you typed is lost: please look again."))
        self.now, self.version = now, version


def check(details: Details) -> None:
    """Raises Invalid("name" | "purpose" | "language" | "time_zone")."""
    if sentence := names.check(details.name):
        raise Invalid("name", sentence)
    if not 0 < len(details.purpose.strip()) <= LONGEST_PURPOSE:
        raise Invalid("purpose", N_("Say in up to 500 letters what the group is for. Only facilitators see it."))
    language = details.language
    if not (language.isascii() and language.replace("-", "").isalpha() and len(language) <= 12):
        raise Invalid("language", N_("Choose the group's language from the list."))
    schedule.check_zone(details.time_zone)


async def edit(
    db: AsyncSession, *, by: AccountId, group_id: GroupId, version: int, details: Details, now: datetime
) -> bool:
    """Save the form that was opened when the group stood at this version. Returns whether it changed anything. Raises
    NotFound, TooLate, Invalid, ChangedMeanwhile."""
    group = await ownership.group(db, by=by, group_id=group_id, deed=Deed.EDIT_GROUP)
    check(details)
    was = of(group)
    wanted = Details(details.name.strip(), details.purpose.strip(), details.language, details.time_zone)
    changed = {name: text for name, text in asdict(wanted).items() if getattr(was, name) != text}
    if not changed:
        return False
    saved = await db.execute(
        update(Group)
        .where(Group.id == group_id, Group.version == version)
        .values(**changed, version=version + 1)
        .execution_options(synchronize_session=False)
    )
    if not saved.rowcount:  # type: ignore[attr-defined]
        await db.refresh(group)
        raise ChangedMeanwhile(of(group), group.version)
    db.expire(group)
    await _note(db, changed, by=by, group_id=group_id, now=now)
    await rooms.group_changed(db, group_id)
    return True


def of(group: Group) -> Details:
    return Details(group.name, group.purpose, group.language, group.time_zone)


async def _note(
    db: AsyncSession, changed: Mapping[str, str], *, by: AccountId, group_id: GroupId, now: datetime
) -> None:
    """That it was changed and what of it, never from what to what."""
    for name in changed:
        await journal.note(db, "group edited", actor=by, group_id=group_id, subject=name, now=now)
