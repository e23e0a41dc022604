"""What every form of a sign-in carries, against cross-site requests; and whose form it was, for a day after.

The token names its account, sealed: when a sign-in has ended, and its row is gone with it, what was typed into one of
its forms can still be kept for its owner and for nobody else.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator.database.keys import CannotOpen
from facilitator.database.tables import Account
from facilitator.database.types import ring_of
from facilitator.ids import AccountId

KNOWN_FOR = timedelta(days=1)
"""After the sign-in it was made for; that one lasts half a day at most."""
LABEL = "sign_ins.form_token"
LONGEST = 400


def new(db: AsyncSession, account_id: AccountId, *, now: datetime) -> str:
    """A token for one sign-in; another each time."""
    ring = ring_of(db.get_bind().dialect, "people", LABEL)
    return urlsafe_b64encode(ring.seal(f"{account_id} {int(now.timestamp())}".encode(), LABEL)).decode()


async def whose(db: AsyncSession, token: str, *, now: datetime) -> AccountId | None:
    """Whose form it was, if it is one of ours, not older than a day, and theirs is an account still."""
    ring = ring_of(db.get_bind().dialect, "people", LABEL)
    try:
        named = ring.open(urlsafe_b64decode(token[:LONGEST].encode()), LABEL).decode()
    except (CannotOpen, ValueError):
        return None
    account_id, _, made = named.partition(" ")
    if now.timestamp() - int(made) >= KNOWN_FOR.total_seconds():
        return None
    return await db.scalar(select(Account.id).where(Account.id == account_id, Account.disabled.is_(None)))
