"""The bridge's house, held by a command: nothing else may use the bot's account while its device is made."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bridge import account
from bridge.matrix.keystore import KeyStore
from bridge.settings import Settings as BridgeSettings
from deploy import commands
from facilitator import bots
from facilitator.bots import Bot
from facilitator.clock import Clock
from facilitator.database import CannotOpen, Database, KeyRing, connect
from facilitator.errors import Misconfigured
from facilitator.ids import UserId


@dataclass(frozen=True)
class Held:
    settings: BridgeSettings
    database: Database
    bot: Bot
    keys: KeyStore = field(repr=False)


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[tuple[BridgeSettings, Database]]:
    """The database with both rings, held by nobody. Raises Misconfigured."""
    house, settings = commands.house_of(path), commands.bridge_of(path)
    people, ring = KeyRing.load(house.people_key), account.key_ring(settings.key_in(house.data_dir))
    database = connect(house.database_url, people=people, bridge=ring)
    try:
        await database.check_schema()
        yield settings, database
    finally:
        await database.close()


async def known_bot(path: Path) -> Bot | None:
    """The account as the database has it; None before it was ever signed in. Raises Misconfigured."""
    async with opened(path) as (settings, database), database.reading() as db:
        try:
            return await bots.known(db, UserId(settings.user_id))
        except CannotOpen:
            raise Misconfigured(account.OTHER_KEY) from None


@asynccontextmanager
async def held(path: Path, clock: Clock) -> AsyncIterator[Held]:
    """Raises Misconfigured while a bridge runs with this data folder, or on another machine with this database."""
    house = commands.house_of(path)
    async with AsyncExitStack() as stack:
        machine = stack.enter_context(account.only_one(house.data_dir))
        settings, database = await stack.enter_async_context(opened(path))
        bot, lease = await account.claim(database, settings, machine=machine, clock=clock)
        stack.push_async_callback(account.let_go, database, lease.bot, lease.holder)
        ring = KeyRing.load(settings.key_in(house.data_dir))
        yield Held(settings, database, bot, KeyStore(house.data_dir / "keystore.db", ring.derived("keystore")))
