"""A new device for the bot, under the identity it has: the one mend for every kind of lost or old keys.

Members' apps trust the identity, not the device; so whatever happened to the device, they go on without a word. What
must never be done by itself is to make another identity: that takes a person who has read what members will see.
"""

from dataclasses import dataclass, field

from bridge import ways_in
from bridge.account import StoredIdentity
from bridge.identity_copy import Copy
from bridge.matrix import identity
from bridge.matrix.client import NioHomeserver
from bridge.matrix.keystore import KeyStore
from bridge.matrix.login import BotAccount, delete_devices, sign_out, take_name
from bridge.settings import Settings
from bridge.signing_in import keep, signed_in, speaking_for
from bridge.ways_in import WayIn
from facilitator.bots import Bot
from facilitator.clock import Clock
from facilitator.database import Database
from facilitator.errors import Misconfigured

OTHERS_COPY = "This copy is of another account's identity: it was made for another bot."
COPY_DIFFERS = "This copy is of another identity than the database holds for the bot. Nothing was changed."
SAME_DEVICE = (
    "This token belongs to the device Hearth has already, and a device whose keys are lost is never used again. Sign "
    "the account in anew and bring the token and the device id of that sign-in."
)


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What a person gave. `identity`: their sealed copy, opened. `new_identity`: they have read what that means."""

    way: WayIn = field(default_factory=WayIn)
    identity: Copy | None = None
    new_identity: bool = False


@dataclass(frozen=True)
class Renewed:
    master_key: str
    is_new_identity: bool
    devices_left: int
    """Old devices the homeserver did not let us delete."""


async def renew(
    database: Database, bot: Bot, settings: Settings, keys: KeyStore, *, wishes: Wishes, clock: Clock
) -> Renewed:
    """Give the account, held by this process, a new device. Raises Misconfigured, TryLater. Interrupted anywhere, it is
    begun again."""
    storage = StoredIdentity(database, bot)
    await _have_seeds(storage, bot, wishes)
    before, name = signed_in(bot), settings.display_name
    way = wishes.way if wishes.way.is_given else ways_in.as_before(bot.login, bot.access_token, None)
    account = await ways_in.sign_in(bot.homeserver, bot.user_id, way, device_name=name, clock=clock)
    if before is not None and account.device_id == before.device_id:
        raise Misconfigured(SAME_DEVICE)
    await _see_to_identity(account, storage, wishes, clock=clock)
    await keep(database, bot.id, account)
    await take_name(account, name, clock=clock)
    keys.begin_anew_if_damaged(account.user_id)
    homeserver = await NioHomeserver.start(account, keys, storage, clock=clock)
    await homeserver.close()
    left = await _delete_others(account, before, way.password, clock)
    master_key = await storage.master_key()
    assert master_key is not None
    return Renewed(master_key, wishes.new_identity, left)


async def _have_seeds(storage: StoredIdentity, bot: Bot, wishes: Wishes) -> None:
    held, copy = await storage.load(), wishes.identity
    if copy is not None:
        if copy.user_id != bot.user_id:
            raise Misconfigured(OTHERS_COPY)
        if (await storage.master_key() or copy.master_key) != copy.master_key:
            raise Misconfigured(COPY_DIFFERS)
        await storage.keep(copy.seeds, copy.master_key)
    elif held is None and not wishes.new_identity and await storage.master_key() is not None:
        raise Misconfigured(identity.SEEDS_LOST)


async def _see_to_identity(account: BotAccount, storage: StoredIdentity, wishes: Wishes, *, clock: Clock) -> None:
    """Before this device is kept: an account whose identity is not ours is left alone, unless a person said so."""
    async with speaking_for(account, clock) as connection:
        shown = await identity.identity_of(connection, account.user_id)
        theirs = shown.master_key is not None and shown.master_key != await storage.master_key()
        try:
            if wishes.new_identity:
                await identity.replace(connection, storage, user_id=account.user_id, password=wishes.way.password)
            elif theirs:
                raise Misconfigured(identity.NOT_OURS)
        except Misconfigured:
            if wishes.way.token is None:
                await sign_out(account, clock=clock)
            raise


async def _delete_others(account: BotAccount, before: BotAccount | None, password: str | None, clock: Clock) -> int:
    """Whatever our identity signed beside this device was ours once. It would go on being sent keys nobody opens."""
    if before is not None:
        await sign_out(before, clock=clock)
    async with speaking_for(account, clock) as connection:
        shown = await identity.identity_of(connection, account.user_id)
    old = {before.device_id} & shown.devices if before is not None else set()
    others = (shown.signed | old) - {account.device_id}
    return len(await delete_devices(account, others, password=password, clock=clock))
