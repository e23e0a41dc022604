"""The bridge's Matrix accounts: their sealed secrets, and the lease that lets one process at a time hold one.

Two processes on one device spoil its encryption sessions and Matrix cannot fence them, so holding is checked here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, Text, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator.database.tables import BotAccount, Lease, plain
from facilitator.ids import BotId, UserId, new_id

ISO = "%Y-%m-%dT%H:%M:%f"


@dataclass(frozen=True)
class Bot:
    """A bot account as the bridge keeps it; no device or token until it has signed in."""

    id: BotId
    user_id: UserId
    homeserver: str
    device_id: str | None
    access_token: str | None = field(repr=False)
    login: str = "session"
    master_key: str | None = None
    """The public half of its identity; kept in clear, so that lost seeds are noticed."""
    marks: tuple[str, ...] = ()
    """What its latest key store left on the server."""


async def enrol(db: AsyncSession, *, user_id: UserId, homeserver: str, now: datetime) -> Bot:
    """The account with this Matrix id; written down if it is new."""
    row = await db.scalar(select(BotAccount).where(BotAccount.user_id == user_id))
    if row is None:
        row = BotAccount(id=BotId(new_id()), user_id=user_id, homeserver=homeserver, created=now)
        db.add(row)
        await db.flush()
    row.homeserver = homeserver
    return _bot(row)


async def is_ours(db: AsyncSession, user_id: UserId) -> bool:
    """Whether this is an account of the bridge itself: nobody to invite, greet or give an account."""
    return await db.scalar(select(BotAccount.id).where(BotAccount.user_id == user_id)) is not None


async def ours(db: AsyncSession) -> frozenset[UserId]:
    """Every account of the bridge."""
    return frozenset(await db.scalars(select(BotAccount.user_id)))


async def known(db: AsyncSession, user_id: UserId) -> Bot | None:
    """The account with this Matrix id, if it was written down."""
    row = await db.scalar(select(BotAccount).where(BotAccount.user_id == user_id))
    return None if row is None else _bot(row)


async def signed_in(db: AsyncSession, bot: BotId, *, device_id: str, access_token: str, login: str = "session") -> None:
    await _set(db, bot, device_id=device_id, access_token=access_token, login=login)


async def has_marks(db: AsyncSession, bot: BotId, marks: Sequence[str]) -> None:
    """What its key store leaves on the server; written down before it is."""
    await _set(db, bot, marks=list(marks))


async def master_key(db: AsyncSession, bot: BotId) -> str | None:
    return await db.scalar(select(BotAccount.master_key).where(BotAccount.id == bot))


async def forget_secrets(db: AsyncSession, user_id: UserId) -> None:
    """Clear what no key opens any more: the token and the seeds. Nothing is read for it."""
    sealed = {"access_token": None, "device_id": None, "seeds": None}
    await db.execute(update(BotAccount).where(BotAccount.user_id == user_id).values(**sealed))


async def seeds(db: AsyncSession, bot: BotId) -> Mapping[str, str] | None:
    """The three cross-signing seeds, unpadded base64 by usage."""
    return await db.scalar(select(BotAccount.seeds).where(BotAccount.id == bot))


async def has_identity(
    db: AsyncSession, bot: BotId, *, seeds: Mapping[str, str] | None, master_key: str | None
) -> None:
    """Keep the seeds; called before they are uploaded."""
    await _set(db, bot, seeds=None if seeds is None else dict(seeds), master_key=master_key)


async def hold(db: AsyncSession, bot: BotId, *, holder: str, lasts: timedelta, takes_over: str = "") -> int | None:
    """Take or renew the lease on an account. Returns its epoch, or None when another process holds it.

    `takes_over`: a prefix of holders known to be dead (this machine's, when its lock file is ours). Time is the
    database's own, so that two machines agree.
    """
    # Those who come at once take turns on the account's row: there may be no lease yet to take turns on.
    await db.execute(select(BotAccount.id).where(BotAccount.id == bot).with_for_update(key_share=True))
    now = await _database_time(db)
    lease = await db.get(Lease, bot)
    if lease is None:
        db.add(Lease(bot_account_id=bot, holder=holder, epoch=1, expires=now + lasts))
        await db.flush()
        return 1
    ours = lease.holder == holder
    free = lease.expires <= now or (bool(takes_over) and lease.holder.startswith(takes_over))
    if not ours and not free:
        return None
    lease.epoch += 0 if ours else 1
    lease.holder, lease.expires = holder, now + lasts
    await db.flush()
    return lease.epoch


async def let_go(db: AsyncSession, bot: BotId, *, holder: str) -> None:
    """Give the lease back at a graceful stop."""
    now = await _database_time(db)
    await db.execute(update(Lease).where(Lease.bot_account_id == bot, Lease.holder == holder).values(expires=now))


async def holds(db: AsyncSession, bot: BotId, *, holder: str, epoch: int, lasts: timedelta | None = None) -> bool:
    """Whether this process still holds the account; asked in every claim. With `lasts`, a lease that has run out
    while nobody took it over (the machine's clock was set on, say) is taken again in the same moment."""
    postgres = db.get_bind().dialect.name == "postgresql"
    found = (await db.execute(_lease(postgres, lock=lasts is not None), {"bot": bot})).one_or_none()
    if found is None or (found.holder, found.epoch) != (holder, epoch):
        return False
    now = _instant(found.now)
    if found.expires > now:
        return True
    if lasts is not None:
        await db.execute(update(Lease).where(Lease.bot_account_id == bot).values(expires=now + lasts))
    return lasts is not None


@cache
def _lease(postgres: bool, *, lock: bool) -> Select[Any]:
    """With the time, so that the two need one question: it stands before everything that is said."""
    lease = plain(Lease)
    now = func.clock_timestamp() if postgres else func.strftime(ISO, "now", type_=Text)
    asked = select(lease.c.holder, lease.c.epoch, lease.c.expires, now.label("now"))
    asked = asked.where(lease.c.bot_account_id == bindparam("bot"))
    return asked.with_for_update() if lock else asked


async def _set(db: AsyncSession, bot: BotId, **values: Any) -> None:
    row = await db.get_one(BotAccount, bot)
    for name, value in values.items():
        setattr(row, name, value)
    await db.flush()


async def _database_time(db: AsyncSession) -> datetime:
    if db.get_bind().dialect.name == "postgresql":
        return _instant((await db.execute(select(func.clock_timestamp()))).scalar_one())
    return _instant((await db.execute(select(func.strftime(ISO, "now", type_=Text)))).scalar_one())


def _instant(now: str | datetime) -> datetime:
    return now.astimezone(UTC) if isinstance(now, datetime) else datetime.fromisoformat(now).replace(tzinfo=UTC)


def _bot(row: BotAccount) -> Bot:
    return Bot(
        row.id, row.user_id, row.homeserver, row.device_id, row.access_token,
        login=row.login, master_key=row.master_key, marks=tuple(row.marks or ()),
    )  # fmt: skip
