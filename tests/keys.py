"""The key rings of a run, and a database opened with them."""

import asyncio
from dataclasses import dataclass, field

from facilitator.database import Database, KeyRing, connect


@dataclass(frozen=True)
class Keys:
    """Both rings: what the bridge holds. The panel holds `people` alone."""

    people: KeyRing = field(default_factory=KeyRing.new)
    bridge: KeyRing = field(default_factory=KeyRing.new)

    def connect(self, url: str) -> Database:
        return connect(url, people=self.people, bridge=self.bridge)


def migrate(url: str, keys: Keys) -> None:
    """Bring a database to the latest schema, outside any event loop."""

    async def upgrade() -> None:
        database = keys.connect(url)
        await database.upgrade()
        await database.close()

    asyncio.run(upgrade())
