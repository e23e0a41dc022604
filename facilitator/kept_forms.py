"""What somebody had typed when their sign-in ended, kept for them alone until they are back; a day at most.

One for each page: what is typed anew into the same form takes the place of what was kept of it, whole; what is typed
into another form of the page is added.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator.database.tables import KeptForm
from facilitator.ids import AccountId, new_id

KEPT_FOR = timedelta(days=1)
MOST_BYTES = 64 * 1024
ACTION = ""
"""Where the form goes stands among its fields under a name that no field has."""
MOST_PAGES = 20
"""Of one account: of more, the oldest are let go."""


@dataclass(frozen=True)
class Kept:
    """What was typed into the form of a page, and the other pages of which something is kept, the latest first."""

    page: str
    fields: Mapping[str, str] = field(repr=False)
    others: tuple[str, ...]


async def keep(
    db: AsyncSession, *, account_id: AccountId, page: str, action: str, fields: Mapping[str, str], now: datetime
) -> bool:
    """Keep what was typed into the form of a page that goes to `action`. False when that is more than one may hold."""
    rows = await _of(db, account_id, now)
    before = next((row for row in rows if row.path == page), None)
    another = before is not None and before.fields.get(ACTION) != action
    typed = {**(before.fields if before and another else {}), **fields, ACTION: action}
    if sum(len(name.encode()) + len(text.encode()) for name, text in typed.items() if name) > MOST_BYTES:
        return False
    gone = [row.id for row in rows[MOST_PAGES - 1 :]] + ([before.id] if before else [])
    await db.execute(delete(KeptForm).where(KeptForm.id.in_(gone)))
    db.add(KeptForm(id=new_id(), account_id=account_id, path=page, fields=typed, created=now))
    await db.flush()
    return True


async def of_page(db: AsyncSession, *, account_id: AccountId, page: str, now: datetime) -> Kept | None:
    """What is kept of this page for this account."""
    rows = await _of(db, account_id, now)
    for row in rows:
        if row.path == page:
            fields = {name: text for name, text in row.fields.items() if name != ACTION}
            return Kept(page, fields, tuple(other.path for other in rows if other.path != page))
    return None


async def latest_page(db: AsyncSession, *, account_id: AccountId, now: datetime) -> str | None:
    """The page on which something is kept, of several the latest."""
    rows = await _of(db, account_id, now)
    return rows[0].path if rows else None


async def forget(db: AsyncSession, *, account_id: AccountId, page: str) -> bool:
    """Whether anything was kept of this page."""
    gone = delete(KeptForm).where(KeptForm.account_id == account_id, KeptForm.path == page).returning(KeptForm.id)
    return bool((await db.scalars(gone)).all())


async def _of(db: AsyncSession, account_id: AccountId, now: datetime) -> list[KeptForm]:
    mine = select(KeptForm).where(KeptForm.account_id == account_id, KeptForm.created > now - KEPT_FOR)
    return list(await db.scalars(mine.order_by(KeptForm.created.desc(), KeptForm.id)))
