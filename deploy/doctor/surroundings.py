"""What the checks look at, opened once: settings, keys, database, the bot's account, the homeserver.

Whatever does not open is a finding of its own, and None here: the checks that need it are then said to be unseen.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bridge.account import OTHER_KEY
from bridge.matrix.keystore import KeyStore
from bridge.settings import Settings as BridgeSettings
from deploy import commands
from deploy.doctor.asking import Homeserver
from deploy.doctor.finding import Finding, fine, unseen, wrong
from facilitator import bots
from facilitator.bots import Bot
from facilitator.clock import Clock
from facilitator.database import CannotOpen, Database, KeyRing, Unavailable, connect
from facilitator.errors import Refused
from facilitator.ids import UserId
from facilitator.settings import Settings as HouseSettings

UNAVAILABLE = {
    "busy": "Something holds it for too long: look for a program that has the file open, then try again.",
    "full": "The disk is full: make room.",
    "unreachable": "Start it, or correct database_url in [house].",
}


@dataclass
class Surroundings:
    """`findings` holds what came of opening them."""

    clock: Clock
    settings_file: Path
    house: HouseSettings
    bridge: BridgeSettings
    database: Database | None = None
    bot: Bot | None = None
    keys: KeyStore | None = None
    homeserver: Homeserver | None = field(default=None, repr=False)
    findings: list[Finding] = field(default_factory=list)

    @property
    def bridge_key(self) -> Path:
        return self.bridge.bridge_key or self.house.data_dir / "bridge.key"

    @property
    def server_name(self) -> str:
        return self.bridge.user_id.partition(":")[2]


@asynccontextmanager
async def opened(settings_file: Path, clock: Clock) -> AsyncIterator[Surroundings]:
    """Raises Misconfigured when the settings cannot be read: without them there is nothing to look at."""
    house, bridge = commands.house_of(settings_file), commands.bridge_of(settings_file)
    found = Surroundings(clock, settings_file, house, bridge)
    async with AsyncExitStack() as stack:
        await _open_database(found, stack)
        token = found.bot.access_token if found.bot else None
        homeserver = Homeserver(bridge.homeserver, token, clock, acting_as(found.bot))
        stack.push_async_callback(homeserver.close)
        found.homeserver = homeserver
        yield found


def acting_as(bot: Bot | None) -> dict[str, str]:
    """What an application service's requests carry; nothing for an account that signed in by itself."""
    if bot is None or bot.device_id is None or bot.login != "application_service":
        return {}
    return {"user_id": bot.user_id, "device_id": bot.device_id}


async def _open_database(found: Surroundings, stack: AsyncExitStack) -> None:
    rings = {"people": found.house.people_key, "bridge": found.bridge_key}
    try:
        opened = {name: KeyRing.load(path) for name, path in rings.items()}
    except Refused as refused:
        found.findings += [wrong("keys", refused.sentence, "See “Keys” in the handbook for hosts.")]
        found.findings += [unseen("database", "Not looked at: its keys do not open.")]
        return
    found.findings.append(fine("keys", "Both key files open, and only their owner can read them."))
    found.keys = KeyStore(found.house.data_dir / "keystore.db", opened["bridge"].derived("keystore"))
    try:
        database = connect(found.house.database_url, **opened)
        stack.push_async_callback(database.close)
        await database.check_schema()
        async with database.reading() as db:
            found.bot = await bots.known(db, UserId(found.bridge.user_id))
    except Unavailable as error:
        found.findings.append(wrong("database", "The database does not answer.", UNAVAILABLE[error.why]))
    except CannotOpen:
        found.findings.append(wrong("database", OTHER_KEY, "See “Keys” in the handbook for hosts."))
    except Refused as refused:
        found.findings.append(wrong("database", refused.sentence, "Do what it says, then look again."))
    else:
        found.database = database
        found.findings.append(fine("database", "The database answers and is at this version."))
