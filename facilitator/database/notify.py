"""The bell on PostgreSQL: LISTEN and NOTIFY. Apart, because a house on SQLite need not load the driver for it."""

import asyncio
from contextlib import suppress

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL

from facilitator.database.postgresql import with_safe_transport
from facilitator.database.wakeup import Bell

CHANNEL = "hearth_bell"
RECONNECT_SECONDS = 2.0
PATIENCE = {"connect_timeout": 3, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


class NotifyBell(Bell):
    """PostgreSQL's LISTEN and NOTIFY, each on a connection of its own that comes back by itself."""

    def __init__(self, conninfo: str) -> None:
        super().__init__()
        self._conninfo = conninfo
        self._mouth: psycopg.AsyncConnection | None = None
        self._turn = asyncio.Lock()
        self._ear: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def ring(self) -> None:
        async with self._turn:
            for _ in range(2):  # the kept connection may have died since; a new one that fails is left alone
                with suppress(psycopg.Error, OSError):
                    self._mouth = self._mouth or await self._connect()
                    await self._mouth.execute(f"NOTIFY {CHANNEL}")
                    return
                await self._drop_mouth()

    def _listen(self) -> None:
        if self._ear is None:
            self._ear = asyncio.create_task(self._hear(), name="bell")

    async def _hear(self) -> None:
        while not self._closing.is_set():
            with suppress(psycopg.Error, OSError):
                async with await self._connect() as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self._rung.set()  # what was rung while nobody listened went by unheard
                    async for _ in connection.notifies():
                        self._rung.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(RECONNECT_SECONDS):
                    await self._closing.wait()

    async def _connect(self) -> psycopg.AsyncConnection:
        return await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)

    async def _drop_mouth(self) -> None:
        if self._mouth is not None:
            await self._mouth.close()
            self._mouth = None

    async def close(self) -> None:
        self._closing.set()
        if self._ear is not None:
            self._ear.cancel()
            await asyncio.wait([self._ear])
            self._ear = None
        await self._drop_mouth()


def conninfo(url: URL) -> str:
    safe = with_safe_transport(url)
    parts = {"host": safe.host, "port": safe.port, "user": safe.username, "password": safe.password}
    given = {name: value for name, value in {**parts, "dbname": safe.database, **safe.query}.items() if value}
    return make_conninfo("", **{**PATIENCE, **given, "application_name": "hearth bell"})  # type: ignore[arg-type]
