"""Who did what and why, never what was said: ids of ours and a verb."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from facilitator.database.tables import JournalEntry
from facilitator.database.upsert import insert_into
from facilitator.errors import Invalid
from facilitator.ids import ActId, GroupId, new_id

LONGEST_REASON = 300
BRIDGE = "bridge"
SOMEBODY = "somebody"
"""Who has no id of ours."""


def why(text: str, sentence: str, *, field: str = "reason", optional: bool = False) -> str:
    """A reason as the journal keeps it, without what stands around it. Raises Invalid(field) with the sentence."""
    text = text.strip()
    if len(text) > LONGEST_REASON or not (text or optional):
        raise Invalid(field, sentence)
    return text


async def note(
    db: AsyncSession,
    verb: str,
    *,
    actor: str,
    now: datetime,
    group_id: GroupId | None = None,
    subject: str | None = None,
    reason: str | None = None,
) -> None:
    """Write an entry. `actor` and `subject` are ids of ours (or BRIDGE, SOMEBODY, a code), never Matrix ids; `reason`
    is why, as whoever did it put it."""
    db.add(JournalEntry(id=new_id(), at=now, actor=actor, verb=verb, group_id=group_id, subject=subject, reason=reason))


async def note_once(
    db: AsyncSession,
    because_of: ActId,
    verb: str,
    *,
    actor: str,
    now: datetime,
    group_id: GroupId | None = None,
    subject: str | None = None,
) -> bool:
    """Write an entry, unless this cause has one already. Returns whether it had none."""
    entry = {"id": because_of, "at": now, "actor": actor, "verb": verb, "group_id": group_id, "subject": subject}
    put = insert_into(db)(JournalEntry).values(entry).on_conflict_do_nothing()
    return await db.scalar(put.returning(JournalEntry.id)) is not None
