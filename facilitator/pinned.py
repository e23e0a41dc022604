"""The identity each person's devices were first seen signed by, kept to notice when another takes its place.

It may be nothing: somebody lost every device and began anew. It may be somebody else who has taken the account over.
Only people who know them can tell, so a change is told and stops nothing by itself.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import journal
from facilitator.database.tables import Account, Member, PinnedIdentity
from facilitator.database.types import Blind, Blinded
from facilitator.database.upsert import insert_into
from facilitator.ids import AccountId, BotId, MemberId, UserId

AT_ONCE = 500
PERSON, KEY = Blind("matrix_id"), Blind("master_key")


async def seen(
    db: AsyncSession, bot: BotId, shown: Mapping[UserId, str], *, now: datetime
) -> frozenset[MemberId | AccountId]:
    """Compare the public master keys that were shown with those first seen; whoever has none yet is pinned. Returns
    who, by our ids, has another now and had not before; the journal has it, too."""
    people, dialect = list(shown.items()), db.get_bind().dialect
    changed: set[str] = set()
    for start in range(0, len(people), AT_ONCE):
        part = {
            str(PERSON.process_bind_param(user, dialect)): str(KEY.process_bind_param(key, dialect))
            for user, key in people[start : start + AT_ONCE]
        }
        changed |= await _compared(db, bot, part, now)
        await _pin(db, bot, dict(people[start : start + AT_ONCE]), now)
    return await _told(db, changed, now) if changed else frozenset()


async def changed(db: AsyncSession, bot: BotId, people: Collection[UserId]) -> dict[UserId, datetime]:
    """Those of these whose identity is another than the first, and since when that is known."""
    dialect = db.get_bind().dialect
    by_index = {str(PERSON.process_bind_param(user, dialect)): user for user in people}
    rows = await db.execute(
        select(PinnedIdentity.person_index, PinnedIdentity.changed).where(
            PinnedIdentity.bot_account_id == bot,
            PinnedIdentity.person_index.in_(people),
            PinnedIdentity.changed.is_not(None),
        )
    )
    return {by_index[index]: since for index, since in rows if since is not None}


async def has_identity(db: AsyncSession, person: UserId) -> bool:
    """Whether any device of theirs was ever seen signed by its owner: then the others can be told from a stranger's."""
    found = select(PinnedIdentity.since).where(PinnedIdentity.person_index == person).limit(1)
    return await db.scalar(found) is not None


async def _compared(db: AsyncSession, bot: BotId, shown: Mapping[str, str], now: datetime) -> set[str]:
    """Both sides as blind indexes. Returns who has changed just now."""
    ours = (PinnedIdentity.bot_account_id == bot, PinnedIdentity.person_index.in_([_index(i) for i in shown]))
    rows = await db.execute(
        select(PinnedIdentity.person_index, PinnedIdentity.master_key, PinnedIdentity.changed).where(*ours)
    )
    pinned = rows.all()
    other = {index for index, key, since in pinned if shown[index] != key and since is None}
    again = {index for index, key, since in pinned if shown[index] == key and since is not None}
    for indexes, moment in ((other, now), (again, None)):
        if indexes:
            await db.execute(
                update(PinnedIdentity)
                .where(PinnedIdentity.bot_account_id == bot, PinnedIdentity.person_index.in_(indexes))
                .values(changed=moment)
            )
    return {str(index) for index in other}


async def _pin(db: AsyncSession, bot: BotId, shown: Mapping[UserId, str], now: datetime) -> None:
    rows = [
        {"bot_account_id": bot, "person_index": user, "master_key": key, "since": now} for user, key in shown.items()
    ]
    await db.execute(insert_into(db)(PinnedIdentity).values(rows).on_conflict_do_nothing())


async def _told(db: AsyncSession, changed: Collection[str], now: datetime) -> frozenset[MemberId | AccountId]:
    indexes = [_index(each) for each in changed]
    members = await db.execute(select(Member.id, Member.group_id).where(Member.matrix_id_index.in_(indexes)))
    found: set[MemberId | AccountId] = set()
    for member, group in members.all():
        found.add(member)
        await journal.note(db, "identity changed", actor=journal.BRIDGE, group_id=group, subject=member, now=now)
    for account in await db.scalars(select(Account.id).where(Account.matrix_id_index.in_(indexes))):
        found.add(account)
        await journal.note(db, "identity changed", actor=journal.BRIDGE, subject=account, now=now)
    return frozenset(found)


def _index(index: str) -> UserId:
    """Already an index: it is not hashed again."""
    return Blinded(index)  # type: ignore[return-value]
