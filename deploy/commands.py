"""What the `hearth` command does, apart from reading its words: open the house, change it, say what came of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bridge import settings as bridge_settings
from deploy import languages
from facilitator import accounts
from facilitator import settings as house_settings
from facilitator.clock import Clock
from facilitator.database import Database, KeyRing, Upgrade, connect
from facilitator.settings import load
from web import settings as panel_settings


def house_of(path: Path) -> house_settings.Settings:
    """The table [house]. Raises Misconfigured, as all these do."""
    house = house_settings.read(path)
    languages.check(house.languages)
    return house


def bridge_of(path: Path) -> bridge_settings.Settings:
    """With the panel's address, which the bot says in the links it sends: as a rule it is written down once."""
    settings = load(path, "bridge", bridge_settings.Settings)
    if settings.panel_url is not None:
        return settings
    return settings.model_copy(update={"panel_url": panel_of(path).origin})


def panel_of(path: Path) -> panel_settings.Settings:
    return load(path, "web", panel_settings.Settings)


async def migrate(path: Path) -> Upgrade:
    """Bring the database to this version; a new one gets its key rings. Raises Misconfigured."""
    house = house_of(path)
    bridge_key = bridge_of(path).bridge_key or house.data_dir / "bridge.key"
    if await _is_new(house):
        for key in (house.people_key, bridge_key):
            if not key.exists():
                KeyRing.create(key)
    database = connect(house.database_url, people=KeyRing.load(house.people_key), bridge=KeyRing.load(bridge_key))
    try:
        return await database.upgrade()
    finally:
        await database.close()


async def _is_new(house: house_settings.Settings) -> bool:
    """Whether nothing was ever kept there: only then may keys be made, for a lost key is never replaced."""
    database = connect(house.database_url, people=KeyRing.new())
    try:
        return await database.revision() is None
    finally:
        await database.close()


@asynccontextmanager
async def opened(house: house_settings.Settings) -> AsyncIterator[Database]:
    """The database, for what the panel may do too. Raises Misconfigured when its schema is not this version's."""
    database = connect(house.database_url, people=KeyRing.load(house.people_key))
    try:
        await database.check_schema()
        yield database
    finally:
        await database.close()


async def add_coordinator(path: Path, *, name: str, matrix_id: str, clock: Clock) -> str:
    """A new coordinator's sign-in link. Raises Refused."""
    panel = panel_of(path)
    async with opened(house_of(path)) as database, database.transaction() as db:
        now = clock.now()
        account = await accounts.add_coordinator(db, name=name, matrix_id=matrix_id, now=now)
        return link(panel, await accounts.issue_link(db, account, now=now))


async def new_link(path: Path, *, matrix_id: str, clock: Clock) -> str:
    """A new sign-in link for an account there is. Raises Refused."""
    panel = panel_of(path)
    async with opened(house_of(path)) as database, database.transaction() as db:
        account = await accounts.find(db, matrix_id)
        return link(panel, await accounts.issue_link(db, account, now=clock.now()))


def link(panel: panel_settings.Settings, token: str) -> str:
    return f"{panel.origin}/sign-in/{token}"
