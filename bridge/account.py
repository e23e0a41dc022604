"""The bot account at the start: signed in once, its identity kept in our database, the lease on it held."""

import asyncio
import fcntl
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from bridge.house import Held, LeaseLost
from bridge.matrix.client import NioHomeserver
from bridge.matrix.keystore import KeyStore
from bridge.matrix.login import BotAccount, login_once, sign_out, take_name
from bridge.settings import LEASE, Settings
from facilitator import bots
from facilitator.bots import Bot
from facilitator.clock import Clock
from facilitator.database import Database
from facilitator.errors import Misconfigured
from facilitator.ids import BotId, UserId

RUNS_ALREADY = (
    "Another bridge is running with this data folder. Stop it first: two bridges on one account spoil its encryption."
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

    async def keep(self, seeds: Mapping[str, str], master_key: str) -> None:
        async with self._database.transaction() as db:
            await bots.has_identity(db, self._bot.id, seeds=seeds, master_key=master_key)


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
    """The account, held by this process. Raises Misconfigured when another machine's bridge holds it."""
    holder = f"{machine}:{os.getpid()}"
    async with database.transaction() as db:
        bot = await bots.enrol(db, user_id=UserId(settings.user_id), homeserver=settings.homeserver, now=clock.now())
        epoch = await bots.hold(db, bot.id, holder=holder, lasts=LEASE, takes_over=f"{machine}:")
    if epoch is None:
        raise Misconfigured(HELD_ELSEWHERE)
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
    async with database.transaction() as db:
        await bots.let_go(db, bot, holder=holder)


async def start(database: Database, bot: Bot, settings: Settings, keys: KeyStore, *, clock: Clock) -> NioHomeserver:
    """Sign in if this account never was, and bring its device and identity up.

    Raises Misconfigured, TryLater, SignedOut.
    """
    account = before = _signed_in(bot)
    if account is None or not keys.holds(account.user_id, account.device_id):
        # A device whose keys are lost is never used again: a new one, signed by the same identity, takes its place.
        account = await _sign_in(database, bot, settings, clock)
        if before is not None:
            await sign_out(before, clock=clock)
    identity = StoredIdentity(database, bot)
    return await NioHomeserver.start(account, keys, identity, only_signed=settings.only_signed_devices, clock=clock)


def _signed_in(bot: Bot) -> BotAccount | None:
    if bot.access_token is None or bot.device_id is None:
        return None
    return BotAccount(
        homeserver=bot.homeserver, user_id=bot.user_id, device_id=bot.device_id, access_token=bot.access_token
    )


async def _sign_in(database: Database, bot: Bot, settings: Settings, clock: Clock) -> BotAccount:
    account = await login_once(
        bot.homeserver,
        user_id=bot.user_id,
        password=_password(settings),
        device_name=settings.display_name,
        clock=clock,
    )
    async with database.transaction() as db:
        await bots.signed_in(db, bot.id, device_id=account.device_id, access_token=account.access_token)
    await take_name(account, settings.display_name, clock=clock)
    return account


def _password(settings: Settings) -> str:
    file = settings.password_file
    if file is None:
        raise Misconfigured("The bot is not signed in yet: name its password's file as password_file in [bridge].")
    try:
        if file.stat().st_mode & 0o077:
            raise Misconfigured(f"{file} can be read by others: run `chmod 600 {file}`.")
        return file.read_text().strip()
    except OSError as error:
        raise Misconfigured(f"The bot's password file {file} cannot be read: {error.strerror}.") from None
