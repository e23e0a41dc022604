"""The identity each person's devices were first seen signed by, kept to notice when another takes its place.

It may be nothing: somebody lost every device and began anew. It may be somebody else who has taken the account over.
Only people who know them can tell, so a change is told and stops nothing by itself; so is every one after it. Who has
asked them says so, and from then on the new one is theirs. Of somebody with an account nobody says so: the way into the
panel stays closed to them for a while, and one facilitator's word is too little to open it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Text, Update, bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import journal, ownership
from facilitator.database.tables import Account, Member, PinnedIdentity, Room, plain
from facilitator.database.types import Blind, Blinded
from facilitator.database.upsert import insert_into
from facilitator.errors import N_, NotAllowed, NotFound, TooLate
from facilitator.ids import AccountId, BotId, GroupId, MemberId, UserId

AT_ONCE = 500
PERSON, KEY = Blind("matrix_id"), Blind("master_key")
IDENTITIES = plain(PinnedIdentity)
NO_MEMBER = N_("There is no such member in this group.")
HAS_ACCOUNT = N_(
    "This person has an account of the panel, which a new identity keeps closed to them for two weeks. If they need to "
    "get in sooner, a coordinator who knows that it is them can give them a link."
)
AGAIN = N_("Their identity has changed once more since you opened this page. Please ask them about it again.")


async def seen(
    db: AsyncSession, bot: BotId, shown: Mapping[UserId, str], *, now: datetime
) -> frozenset[MemberId | AccountId]:
    """Compare the public master keys that were shown with those that are theirs; whoever has none yet is pinned.
    Returns who, by our ids, has another now than when they were last seen; the journal has it, too."""
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
    """Those of these whose identity is another than theirs, and since when that is known."""
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


async def it_was_them(
    db: AsyncSession, *, by: AccountId, group_id: GroupId, member_id: MemberId, noticed: datetime, now: datetime
) -> None:
    """A facilitator has asked them: the identity the bot of this group noticed then is theirs, in all their groups.

    Raises NotFound, NotAllowed of somebody with an account, TooLate when it has changed once more since.
    """
    await ownership.group(db, by=by, group_id=group_id)
    joined = (Member.id == member_id, Member.group_id == group_id, Member.standing == "joined")
    person = await db.scalar(select(Member.matrix_id).where(*joined))
    if person is None:
        raise NotFound(NO_MEMBER)
    if await db.scalar(select(Account.id).where(Account.matrix_id_index == person)) is not None:
        raise NotAllowed(HAS_ACCOUNT)
    theirs = (PinnedIdentity.person_index == person, PinnedIdentity.changed.is_not(None))
    here = select(Room.bot_account_id).where(Room.group_id == group_id, Room.kind == "group").scalar_subquery()
    shown = select(PinnedIdentity.changed, PinnedIdentity.latest).where(*theirs, PinnedIdentity.bot_account_id == here)
    row = (await db.execute(shown)).one_or_none()
    if row is None:
        return  # somebody else was faster, or it is the first one again
    since, latest = row
    if since != noticed:
        raise TooLate(AGAIN)
    if latest is None:
        await db.execute(delete(PinnedIdentity).where(*theirs, PinnedIdentity.latest.is_(None)))  # the next is theirs
    else:
        same = update(PinnedIdentity).where(*theirs, PinnedIdentity.latest == Blinded(latest))
        confirmed = {"master_key": PinnedIdentity.latest, "latest": None, "changed": None, "since": now}
        await db.execute(same.values(confirmed))
    await journal.note(db, "identity confirmed", actor=by, group_id=group_id, subject=member_id, now=now)


async def latest_change(db: AsyncSession, person: UserId) -> datetime | None:
    """When the identity their devices are signed by was last found to be another, if nobody has asked them."""
    theirs = PinnedIdentity.person_index == person
    return await db.scalar(select(func.max(PinnedIdentity.changed)).where(theirs))


async def _compared(db: AsyncSession, bot: BotId, shown: Mapping[str, str], now: datetime) -> set[str]:
    """Both sides as blind indexes. Returns who has changed just now."""
    ours = (PinnedIdentity.bot_account_id == bot, PinnedIdentity.person_index.in_([_index(i) for i in shown]))
    rows = await db.execute(
        select(
            PinnedIdentity.person_index, PinnedIdentity.master_key, PinnedIdentity.latest, PinnedIdentity.changed
        ).where(*ours)
    )
    fresh: list[dict[str, Any]] = []
    other: set[str] = set()
    for index, key, latest, since in rows:
        if shown[index] == key:
            fresh += [] if since is None else [{"index": index, "changed": None, "latest": None}]
        elif shown[index] != latest:
            known = latest is None and since is not None  # noticed by older code, which did not keep which it was
            fresh.append({"index": index, "changed": since if known else now, "latest": Blinded(shown[index])})
            other |= set() if known else {str(index)}
    if fresh:
        await db.execute(_noticed(bot), fresh)
    return other


def _noticed(bot: BotId) -> Update:
    """What is known of many people now, each by their index."""
    row = (IDENTITIES.c.bot_account_id == bot, IDENTITIES.c.person_index == bindparam("index", type_=Text()))
    return update(IDENTITIES).where(*row).values(changed=bindparam("changed"), latest=bindparam("latest"))


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
