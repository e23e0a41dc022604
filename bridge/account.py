"""The bot account and who holds it: the data folder's lock, the lease in the database, its sealed identity."""

import asyncio
import fcntl
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from bridge.house import Held, LeaseLost
from bridge.settings import LEASE, Settings
from facilitator import bots
from facilitator.bots import Bot
from facilitator.clock import Clock
from facilitator.database import CannotOpen, Database, KeyRing, Unavailable
from facilitator.errors import ForNow, Misconfigured
from facilitator.ids import BotId, UserId

RUNS_ALREADY = (
    "Another bridge is running with this data folder. Stop it first: two bridges on one account spoil its encryption."
)
OTHER_KEY = (
    "The bridge's key file does not open what the database holds for the bot: it belongs to another database. Put back "
    "the right one; if that is lost, move this one away and run `hearth renew --identity FILE` with your sealed copy."
)
KEY_LOST = (
    "The key file {path} is missing: put back your copy of it. If it is lost, `hearth renew --identity FILE` goes on "
    "from your sealed copy of the bot's identity."
)
HELD_ELSEWHERE = (
    "Another bridge, on another machine, holds this account. Stop it, wait half a minute, and start this one again."
)


class StoredIdentity:
    """The cross-signing seeds in our database, sealed with bridge.key."""

    def __init__(self, database: Database, bot: Bot) -> None:
        self._database, self._bot = database, bot

    async def load(self) -> Mapping[str, str] | None:
        async with self._database.reading() as db:
            return await bots.seeds(db, self._bot.id)

    async def keep(self, seeds: Mapping[str, str] | None, master_key: str | None) -> None:
        async with self._database.transaction() as db:
            await bots.has_identity(db, self._bot.id, seeds=seeds, master_key=master_key)

    async def master_key(self) -> str | None:
        async with self._database.reading() as db:
            return await bots.master_key(db, self._bot.id)

    async def keep_marks(self, marks: Sequence[str]) -> None:
        async with self._database.transaction() as db:
            await bots.has_marks(db, self._bot.id, marks)


def key_ring(path: Path) -> KeyRing:
    """The bridge's own. Raises Misconfigured, and says what to do where it is lost."""
    if not path.exists():
        raise Misconfigured(KEY_LOST.format(path=path))
    return KeyRing.load(path)


@contextmanager
def only_one(data_dir: Path) -> Iterator[str]:
    """Hold the data folder's lock. Yields this machine's name in leases: whoever else bears it is dead.

    Raises Misconfigured when another bridge runs here.
    """
    lock = os.open(data_dir / "bridge.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield f"{socket.gethostname()}:{(data_dir / 'bridge.lock').stat().st_ino}"
    except BlockingIOError:
        raise Misconfigured(RUNS_ALREADY) from None
    finally:
        os.close(lock)


async def claim(database: Database, settings: Settings, *, machine: str, clock: Clock) -> tuple[Bot, Held]:
    """The account, held by this process. Raises ForNow while another machine's bridge holds it."""
    holder = f"{machine}:{os.getpid()}"
    try:
        async with database.transaction() as db:
            user_id = UserId(settings.user_id)
            bot = await bots.enrol(db, user_id=user_id, homeserver=settings.homeserver, now=clock.now())
            epoch = await bots.hold(db, bot.id, holder=holder, lasts=LEASE, takes_over=f"{machine}:")
    except CannotOpen:
        raise Misconfigured(OTHER_KEY) from None
    if epoch is None:
        raise ForNow(HELD_ELSEWHERE)
    return bot, Held(bot.id, holder, epoch)


async def keep_holding(database: Database, held: Held, clock: Clock) -> None:
    """Renew the lease until cancelled. Raises LeaseLost when it is gone, or was not renewed for half its length by
    this process's own clock: by then another machine may be waiting to take over."""
    renewed = clock.monotonic()
    while True:
        await clock.sleep(LEASE / 6)
        renewed = await _renew(database, held, clock, renewed)


async def _renew(database: Database, held: Held, clock: Clock, renewed: float) -> float:
    try:
        async with asyncio.timeout((LEASE / 4).total_seconds()), database.transaction() as db:
            epoch = await bots.hold(db, held.bot, holder=held.holder, lasts=LEASE)
    except Exception as error:
        if timedelta(seconds=clock.monotonic() - renewed) > LEASE / 2:
            raise LeaseLost from error
        return renewed
    if epoch != held.epoch:
        raise LeaseLost
    return clock.monotonic()


async def let_go(database: Database, bot: BotId, holder: str) -> None:
    """At the end. Where the database does not serve, the lease runs out by itself; why the bridge stops is what is
    told then, not that."""
    with suppress(Unavailable):
        async with database.transaction() as db:
            await bots.let_go(db, bot, holder=holder)
