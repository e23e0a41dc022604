"""SQLite for asyncio without a thread to each connection: what only takes microseconds is asked where it is needed.

Handing every statement to another thread and back costs several times what SQLite takes for it. What can wait for long
gets one: the disk at the end of a change, a lock that another process holds, and many rows put at once.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

from sqlalchemy import URL, AsyncAdaptedQueuePool, Pool
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import await_only

DRIVER = "sqlite+inloop"
BUSY_SECONDS = 5
WAITING = 4
"""As many may wait for a lock at once; the next waits for one of them."""


class Cursor(sqlite3.Cursor):
    async def _async_soft_close(self) -> None:
        """What SQLAlchemy asks of a cursor whose rows are kept for later: there is nothing to wait for."""


class Connection(sqlite3.Connection):
    """`changing`: its next transaction may write. It then begins by taking the lock, and its end waits for the disk;
    any other can only read."""

    changing = True
    can_write = True

    def cursor(self, factory: Any = Cursor) -> Any:
        return super().cursor(factory)


class InLoop(SQLiteDialect_pysqlite):
    """SQLAlchemy's own dialect, with a statement run in the event loop's thread as long as nobody keeps it waiting."""

    driver = "inloop"
    is_async = True
    has_terminate = True
    supports_statement_cache = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._waiting = ThreadPoolExecutor(WAITING, "sqlite-waits")
        self._committing = ThreadPoolExecutor(1, "sqlite-commits")
        """Its own: whoever waits, waits for this, and must not keep it from a thread."""

    @classmethod
    def get_pool_class(cls, url: URL) -> type[Pool]:
        return AsyncAdaptedQueuePool

    def create_connect_args(self, url: URL) -> Any:
        arguments, options = super().create_connect_args(url)
        return arguments, {**options, "factory": Connection, "timeout": 0, "check_same_thread": False}

    def get_driver_connection(self, connection: Any) -> Any:
        return connection

    def do_begin(self, dbapi_connection: Any) -> None:
        connection: Connection = dbapi_connection.dbapi_connection
        if connection.can_write != connection.changing:
            connection.execute(f"PRAGMA query_only = {'OFF' if connection.changing else 'ON'}")
            connection.can_write = connection.changing
        begin = "BEGIN IMMEDIATE" if connection.changing else "BEGIN"
        self.at_once_or_patiently(connection, lambda: connection.execute(begin))

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        self.at_once_or_patiently(cursor.connection, lambda: cursor.execute(statement, parameters))

    def do_executemany(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        # Half of it may be done when a lock stops it: it cannot be begun again, so it waits from the start.
        _patiently(cursor.connection, lambda: cursor.executemany(statement, parameters), self._committing)

    def do_commit(self, dbapi_connection: Any) -> None:
        if dbapi_connection.changing:
            _patiently(dbapi_connection, dbapi_connection.commit, self._committing)
        else:
            dbapi_connection.commit()

    def at_once_or_patiently(self, connection: sqlite3.Connection, work: Callable[[], object]) -> None:
        """What may find the file locked. It is begun again from the start then."""
        try:
            work()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            _patiently(connection, work, self._waiting)

    def do_terminate(self, dbapi_connection: Any) -> None:
        dbapi_connection.close()


def _patiently(connection: sqlite3.Connection, work: Callable[[], object], threads: Executor) -> None:
    """In a thread, where others' locks are waited for."""

    def wait() -> None:
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
        try:
            work()
        finally:
            connection.execute("PRAGMA busy_timeout = 0")

    await_only(_to_its_end(wait, threads))


async def _to_its_end(work: Callable[[], None], threads: Executor | None = None) -> None:
    """Also when its task is cancelled meanwhile: nobody else may touch a connection that a thread is at work with."""
    doing = asyncio.get_running_loop().run_in_executor(threads, work)
    cancelled: asyncio.CancelledError | None = None
    while not doing.done():
        try:
            await asyncio.wait([doing])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        doing.exception()  # it has nobody to go to
        raise cancelled
    doing.result()


registry.register("sqlite.inloop", __name__, "InLoop")
