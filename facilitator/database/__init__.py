"""The one door to SQL: connect once, then read or change things in transactions that hold together.

Two ways in, since a reader that took the write lock would shut the other process out: `reading()`, `transaction()`.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import URL, NullPool, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from facilitator.database import in_loop, postgresql, schema, sqlite
from facilitator.database.keys import CannotOpen, KeyRing
from facilitator.database.schema import Upgrade
from facilitator.database.types import give_rings
from facilitator.database.unavailable import Unavailable, no_connection_is_unavailable, tell_apart
from facilitator.errors import Misconfigured

__all__ = ["CannotOpen", "Database", "Db", "KeyRing", "Unavailable", "Upgrade", "connect"]

Db = AsyncSession
"""An open transaction: what every use case receives first. Callers name it from here, never from SQLAlchemy."""

KINDS: Mapping[str, ModuleType] = {"sqlite": sqlite, "postgresql": postgresql}
NOT_COUNTED = ("BEGIN", "PRAGMA")  # ours, not the use cases'


def connect(url: str, *, people: KeyRing, bridge: KeyRing | None = None) -> "Database":
    """Open a database by its URL (sqlite:///file or postgresql://…). Without `bridge`, what only the bridge may open
    stays shut. Raises Misconfigured; nothing is asked of a server yet.
    """
    parsed = parse(url)
    rings = {"people": people} if bridge is None else {"people": people, "bridge": bridge}
    return Database(parsed, rings)


def parse(url: str) -> URL:
    """Misconfigured, without showing the URL: there may be a password in it."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() in KINDS:
            return parsed
    except (ArgumentError, ValueError):
        pass
    raise Misconfigured("The database_url is neither sqlite:///… nor postgresql://…: write one of them.")


class Database:
    """One database and the two ways into it. `statements` counts what was asked of it so far."""

    def __init__(self, url: URL, rings: Mapping[str, KeyRing]) -> None:
        self.kind = KINDS[url.get_backend_name()]
        self.file: Path | None = sqlite.prepare(url) if self.kind is sqlite else None
        self.url, self._rings = url, rings
        self.statements = 0
        self._engine = self._make_engine()
        self._readers = async_sessionmaker(self._engine.execution_options(**self.kind.READING), expire_on_commit=False)
        self._changers = async_sessionmaker(
            self._engine.execution_options(**self.kind.CHANGING), expire_on_commit=False
        )
        # Writers of this process queue here, in order, instead of polling the file's lock.
        self._turn = asyncio.Lock() if self.file else None

    def __repr__(self) -> str:
        return f"Database({self.url.get_backend_name()})"

    def _make_engine(self, **options: Any) -> AsyncEngine:
        engine: AsyncEngine = self.kind.engine_for(self.url, hide_parameters=True, **options)
        give_rings(engine.dialect, self._rings)
        tell_apart(engine)
        event.listen(engine.sync_engine, "before_cursor_execute", self._count)
        return engine

    def _count(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        self.statements += not statement.startswith(NOT_COUNTED)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Read only. What is read in one go is of one moment. Raises Unavailable."""
        with no_connection_is_unavailable():
            async with self._readers.begin() as db:
                yield db

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Change things: all of it is kept at the end, or none. Raises Unavailable, when nothing was kept."""
        with no_connection_is_unavailable():
            async with self._my_turn(), self._changers.begin() as db:
                await db.connection()  # take the write lock now, before anything is decided on what is read
                yield db

    @asynccontextmanager
    async def _my_turn(self) -> AsyncIterator[None]:
        if self._turn is None:
            yield
            return
        try:
            async with asyncio.timeout(in_loop.BUSY_SECONDS):
                await self._turn.acquire()
        except TimeoutError:
            raise Unavailable("busy") from None
        try:
            yield
        finally:
            self._turn.release()

    async def check_schema(self) -> None:
        """Misconfigured, with the mend, unless the schema is the one this code was written for."""
        async with self.reading() as db:
            await db.run_sync(lambda session: schema.check(session.connection()))

    async def revision(self) -> str | None:
        """The schema there is; None when nothing was ever kept here."""
        async with self.reading() as db:
            return await db.run_sync(lambda session: schema.current(session.connection()))

    async def upgrade(self) -> Upgrade:
        """Bring the schema to this code's, all or nothing. An SQLite file is copied first."""
        engine = self._make_engine(upgrading=True, poolclass=NullPool)
        try:
            with no_connection_is_unavailable():
                async with self._my_turn(), engine.execution_options(**self.kind.CHANGING).begin() as connection:
                    return await connection.run_sync(schema.upgrade, self.file)
        finally:
            await engine.dispose()

    async def close(self) -> None:
        await self._engine.dispose()
