"""The bot account at the start: signed in once, and never again unless its device's keys are lost.

What is lost or old is told apart here: a new device takes the place of one whose keys are gone, by itself only where
that is safe; everything else is a sentence that names the command which mends it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from bridge import ways_in
from bridge.account import StoredIdentity
from bridge.matrix import generation
from bridge.matrix.client import NioHomeserver
from bridge.matrix.connection import Connection
from bridge.matrix.identity import identity_of
from bridge.matrix.keystore import KeyStore
from bridge.matrix.login import APPLICATION_SERVICE, SESSION, BotAccount, sign_out, take_name
from bridge.settings import Settings
from facilitator import bots
from facilitator.bots import Bot
from facilitator.clock import Clock
from facilitator.database import Database
from facilitator.errors import Misconfigured
from facilitator.ids import BotId

log = structlog.get_logger(__name__)
KEYS_LOST = (
    "The key store of Hearth's device was lost. Run `hearth renew`: it gives the bot a new device and keeps its "
    "identity."
)
NOT_THE_LATEST = (
    "A later Hearth than this one has used the account: this database is an old copy, or another Hearth runs with a "
    "copy of it. Make sure that no other runs; then `hearth renew` gives the bot a new device and keeps its identity."
)


async def start(database: Database, bot: Bot, settings: Settings, keys: KeyStore, *, clock: Clock) -> NioHomeserver:
    """Sign in if this account never was, and bring its device and identity up.

    Raises Misconfigured, TryLater, SignedOut.
    """
    account = signed_in(bot)
    if account is None:
        account = await sign_in(database, bot, settings, clock)
    elif not keys.holds(account.user_id, account.device_id) and await _was_shown(account, clock):
        account = await _in_the_place_of(account, database, bot, settings, clock=clock)
    identity = StoredIdentity(database, bot)
    return await NioHomeserver.start(account, keys, identity, only_signed=settings.only_signed_devices, clock=clock)


async def _in_the_place_of(
    lost: BotAccount, database: Database, bot: Bot, settings: Settings, *, clock: Clock
) -> BotAccount:
    """A device whose keys are lost is never used again: a new one, signed by the same identity, takes its place. By
    itself only where this database is the latest: one brought back from a copy may have a bridge beside it."""
    async with speaking_for(lost, clock) as connection:
        mark = await generation.shown_mark(connection, lost.user_id)
    if mark is not None and mark not in bot.marks:
        raise Misconfigured(NOT_THE_LATEST)
    if bot.login == SESSION and settings.password_file is None:
        raise Misconfigured(KEYS_LOST)
    account = await sign_in(database, bot, settings, clock)
    await sign_out(lost, clock=clock)
    log.warning("the key store was lost: the bot has a new device, and its identity as before")
    return account


async def _was_shown(account: BotAccount, clock: Clock) -> bool:
    """Whether keys of this device were ever on the server. Without, a start was interrupted before they were."""
    async with speaking_for(account, clock) as connection:
        shown = await identity_of(connection, account.user_id)
    return account.device_id in shown.devices


@asynccontextmanager
async def speaking_for(account: BotAccount, clock: Clock) -> AsyncIterator[Connection]:
    connection = account.connection(clock)
    try:
        yield connection
    finally:
        await connection.close()


def signed_in(bot: Bot) -> BotAccount | None:
    if bot.access_token is None or bot.device_id is None:
        return None
    return BotAccount(
        homeserver=bot.homeserver,
        user_id=bot.user_id,
        device_id=bot.device_id,
        access_token=bot.access_token,
        login=bot.login,
    )


async def sign_in(database: Database, bot: Bot, settings: Settings, clock: Clock) -> BotAccount:
    """A new device, in the way this account signs in, from what we have at hand."""
    service = bot.login == APPLICATION_SERVICE and bot.access_token is not None
    way = ways_in.as_before(bot.login, bot.access_token, None if service else _password(settings))
    name = settings.display_name
    account = await ways_in.sign_in(bot.homeserver, bot.user_id, way, device_name=name, clock=clock)
    await keep(database, bot.id, account)
    await take_name(account, name, clock=clock)
    return account


async def keep(database: Database, bot: BotId, account: BotAccount) -> None:
    async with database.transaction() as db:
        await bots.signed_in(
            db, bot, device_id=account.device_id, access_token=account.access_token, login=account.login
        )


def _password(settings: Settings) -> str:
    if settings.password_file is None:
        raise Misconfigured("The bot is not signed in yet: run `hearth setup`.")
    return secret_in(settings.password_file)


def secret_in(file: Path) -> str:
    """The one line of a file that nobody else may read. Raises Misconfigured, never with what it holds."""
    try:
        if file.stat().st_mode & 0o077:
            raise Misconfigured(f"{file} can be read by others: run `chmod 600 {file}`.")
        secret = file.read_text().strip()
    except OSError as error:
        raise Misconfigured(f"The secret file {file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise Misconfigured(f"{file} is no text: it should hold the secret and nothing else.") from None
    if not secret or len(secret.splitlines()) > 1:
        raise Misconfigured(f"{file} should hold the secret, in one line, and nothing else.")
    return secret
