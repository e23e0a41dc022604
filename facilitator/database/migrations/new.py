"""Write the next migration from what tables.py says: `python -m facilitator.database.migrations.new "what and why"`.

It is compared with a fresh database at the latest revision. Read and mend what it wrote before you keep it.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from facilitator.database import Database, KeyRing, connect, schema


async def write(title: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = connect(f"sqlite:///{Path(folder, 'fresh.db')}", people=KeyRing.new())
        number = len(list(ScriptDirectory.from_config(schema.config()).walk_revisions())) + 1
        if number > 1:
            await database.upgrade()
        await compare(database, title, f"{number:04}")
        await database.close()


async def compare(database: Database, title: str, number: str) -> None:
    def revise(connection: Connection) -> None:
        settings = schema.config()
        settings.attributes["connection"] = connection
        command.revision(settings, title, autogenerate=True, rev_id=number)

    async with database.transaction() as db:
        await db.run_sync(lambda session: revise(session.connection()))


if __name__ == "__main__":
    asyncio.run(write(" ".join(sys.argv[1:])))
