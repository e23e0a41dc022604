"""`hearth setup`, step by step: each looks first, does what is left to do, and says which it was.

So it can be interrupted anywhere and run again, and running it twice changes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bridge import signing_in, ways_in
from bridge.account import StoredIdentity
from bridge.matrix import identity, limits
from bridge.matrix.client import NioHomeserver
from bridge.matrix.connection import Connection
from bridge.matrix.limits import Exemption
from bridge.matrix.login import APPLICATION_SERVICE, BotAccount, sign_out, take_name
from bridge.signing_in import speaking_for
from bridge.ways_in import WayIn
from deploy import commands
from deploy.setup import house
from deploy.setup.house import Held
from facilitator import bots
from facilitator.bots import Bot
from facilitator.clock import Clock
from facilitator.errors import Misconfigured
from facilitator.ids import UserId

HAS_IDENTITY = (
    "This account has an identity already: another app made it, or an earlier Hearth. Make a fresh account for Hearth "
    "that nobody else uses. If it was Hearth's, go on with `hearth renew --identity FILE` from your sealed copy; "
    "without a copy, `hearth renew --new-identity` puts another in its place."
)
DEVICE_IN_USE = (
    "The device of this token has another app's keys already. Sign the account in anew, use that token and device id "
    "for nothing else, and run this again."
)
NOT_SIGNED = "The homeserver does not show the bot's device as signed. Run this again; if it stays, ask its host."


@dataclass
class Told:
    """What was done, said at once; what remains, said at the end."""

    say: Callable[[str], None]
    remains: list[str] = field(default_factory=list)
    changed: bool = False

    def did(self, line: str) -> None:
        """Something that was not so before."""
        self.changed = True
        self.say(line)


async def database(path: Path, told: Told) -> None:
    """Keys and database: made where there are none, brought to this version where they are older."""
    done = await commands.migrate(path)
    files = commands.house_of(path)
    bridge_key = commands.bridge_of(path).key_in(files.data_dir)
    if done.before is None:
        told.did(f"Made the database, and its keys in {files.data_dir}.")
        told.remains.append(
            f"Keep copies of {files.people_key} and {bridge_key} apart from copies of the database: a lost key cannot "
            "be made anew."
        )
    elif done.changed:
        told.did(f"Brought the database from {done.before} to {done.after}.")
    else:
        told.say("The database and its keys were there already.")


async def account(path: Path, way: Callable[[], WayIn], told: Told, *, clock: Clock) -> None:
    """Sign the bot in, once for good."""
    bot = await house.known_bot(path)
    if bot is not None and signing_in.signed_in(bot) is not None:
        told.say("The bot's account was signed in already: its device was left as it is.")
        return
    settings = commands.bridge_of(path)
    name, user_id, given = settings.display_name, UserId(settings.user_id), way()
    made = await ways_in.sign_in(settings.homeserver, user_id, given, device_name=name, clock=clock)
    try:
        await _refuse_others(made, bot, clock=clock)
        async with house.held(path, clock) as held:
            await signing_in.keep(held.database, held.bot.id, made)
    except Exception:
        if given.token is None:  # the device of a token is not ours to delete
            await sign_out(made, clock=clock)
        raise
    await take_name(made, name, clock=clock)
    told.did("Signed the bot's account in. Its token is kept sealed in the database.")


async def _refuse_others(made: BotAccount, bot: Bot | None, *, clock: Clock) -> None:
    async with speaking_for(made, clock) as connection:
        shown = await identity.identity_of(connection, made.user_id)
    if shown.master_key is not None and (bot is None or bot.master_key != shown.master_key):
        raise Misconfigured(HAS_IDENTITY)
    if made.device_id in shown.devices:
        raise Misconfigured(DEVICE_IN_USE)


async def device(path: Path, told: Told, *, clock: Clock, admin_token: str | None) -> None:
    """Keys, identity and signature of the bot's device, checked as the server shows them; and its rate limits."""
    async with house.held(path, clock) as held:
        before = held.bot.master_key
        homeserver = await signing_in.start(held.database, held.bot, held.settings, held.keys, clock=clock)
        try:
            master_key = await _checked(homeserver, held)
        finally:
            await homeserver.close()
        if before is None:
            told.did("Made the bot's identity.")
        else:
            told.say("The bot's identity was there already.")
        told.say("Its device is signed; the chain was checked as the homeserver shows it.")
        told.say(f"The identity, for whoever wants to compare it:\n    {in_fours(master_key)}")
        await _limits(held, told, admin_token=admin_token, clock=clock)
        if before is None:
            told.remains.append("Keep a sealed copy of the identity: hearth identity save FILE")


async def _checked(homeserver: NioHomeserver, held: Held) -> str:
    master_key = await StoredIdentity(held.database, held.bot).master_key()
    if master_key is None or not await homeserver.is_signed():
        raise Misconfigured(NOT_SIGNED)
    return master_key


async def _limits(held: Held, told: Told, *, admin_token: str | None, clock: Clock) -> None:
    async with held.database.reading() as db:
        bot = await bots.known(db, held.bot.user_id)
    made = None if bot is None else signing_in.signed_in(bot)
    assert made is not None
    if admin_token is not None:
        connection = Connection(made.homeserver, admin_token, clock=clock)
    else:
        connection = made.connection(clock)
    try:
        outcome = await limits.exempt(connection, made.user_id)
    finally:
        await connection.close()
    if outcome is Exemption.BAD_TOKEN:
        raise Misconfigured("The homeserver does not accept the administrator's token. Bring a new one.")
    if outcome is Exemption.MADE:
        told.did("Took the bot out of the homeserver's rate limits.")
    elif outcome is Exemption.THERE_ALREADY:
        told.say("The bot was out of the homeserver's rate limits already.")
    else:
        told.say("Whether the homeserver limits the bot's pace, only its administrator can see and change.")
        told.remains.append(_for_an_administrator(made))


def _for_an_administrator(made: BotAccount) -> str:
    service = (
        "Or put `rate_limited: false` into its application service's registration.\n"
        if made.login == APPLICATION_SERVICE
        else ""
    )
    body = '{"messages_per_second": 0, "burst_count": 0}'
    return (
        "Unless it was done before: have the homeserver's rate limits lifted for this one account. With them Hearth\n"
        "keeps to the homeserver's pace, and large groups take their time. On a Synapse, an administrator lifts them:\n"
        "run this again with their token in a file (--admin-token-file), or have them run\n"
        f"    curl -X POST -H 'Authorization: Bearer THEIR-TOKEN' -d '{body}' \\\n"
        f"      {made.homeserver}{limits.address(made.user_id)}\n"
        f"{service}"
    ).rstrip()


def in_fours(key: str) -> str:
    """A key as people compare it: in groups of four."""
    return " ".join(key[start : start + 4] for start in range(0, len(key), 4))
