"""Who did what and why, never what was said: ids of ours and a verb."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from facilitator.database.tables import JournalEntry
from facilitator.ids import GroupId, new_id

BRIDGE = "bridge"


async def note(
    db: AsyncSession,
    verb: str,
    *,
    actor: str,
    now: datetime,
    group_id: GroupId | None = None,
    subject: str | None = None,
) -> None:
    """Write an entry. `actor` and `subject` are ids of ours (or BRIDGE), never Matrix ids."""
    db.add(JournalEntry(id=new_id(), at=now, actor=actor, verb=verb, group_id=group_id, subject=subject))
