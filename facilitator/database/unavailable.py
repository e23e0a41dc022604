"""When the database cannot serve just now: told apart from bugs, so that pages answer 503 and loops try again.

Only what passes by itself or with the host's help belongs here; a damaged file or a wrong statement does not.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine

SQLITE = {5: "busy", 6: "busy", 10: "unreachable", 13: "full", 14: "unreachable"}  # BUSY LOCKED IOERR FULL CANTOPEN
LOST_SAVEPOINT = "no such savepoint"  # SQLite gave up the whole transaction, as it does on a full disk
POSTGRESQL = {
    "08": "unreachable",  # connection
    "25P03": "busy",  # idle in transaction too long
    "40001": "busy",  # serialization failure
    "40P01": "busy",  # deadlock
    "53": "busy",  # too many connections, out of memory
    "53100": "full",
    "55P03": "busy",  # lock timeout
    "57014": "busy",  # statement timeout
    "57P": "unreachable",  # shutting down, starting up
    "58": "unreachable",  # the server's own disk or system
}


class Unavailable(Exception):
    """The database cannot serve just now, and nothing was changed. `why` is a code: busy, full or unreachable.

    No fault of ours or of what was asked: pages say "try again in a moment", loops do.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def tell_apart(engine: AsyncEngine) -> None:
    """Let bad weather come out of every statement as Unavailable, so that nobody takes it for the fault of what they
    were just doing; everything else as it came."""

    @event.listens_for(engine.sync_engine, "handle_error")
    def on_error(context: ExceptionContext) -> Unavailable | None:
        error = context.sqlalchemy_exception
        why = why_unavailable(error) if isinstance(error, DBAPIError) and not context.is_pre_ping else None
        return Unavailable(why) if why else None


@contextmanager
def no_connection_is_unavailable() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable("busy") from error


def why_unavailable(error: DBAPIError) -> str | None:
    if error.connection_invalidated:
        return "unreachable"
    cause: BaseException | None = error.orig
    while cause is not None:
        if isinstance(code := getattr(cause, "sqlite_errorcode", None), int):
            return "full" if LOST_SAVEPOINT in str(cause) else SQLITE.get(code & 0xFF)
        if isinstance(state := getattr(cause, "sqlstate", None), str):
            return next((POSTGRESQL[start] for start in (state, state[:3], state[:2]) if start in POSTGRESQL), None)
        if type(cause).__module__.startswith("psycopg") and type(cause).__name__ in (
            "OperationalError",
            "ConnectionTimeout",
        ):
            return "unreachable"  # no server answered: there is no state to read
        cause = cause.__cause__
    return None
