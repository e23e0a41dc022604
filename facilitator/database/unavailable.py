"""When the database cannot serve just now: told apart from bugs, so that pages answer 503 and loops try again.

Only what passes by itself or with the host's help belongs here; a damaged file or a wrong statement does not.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

SQLITE = {5: "busy", 6: "busy", 10: "unreachable", 13: "full", 14: "unreachable"}  # BUSY LOCKED IOERR FULL CANTOPEN
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


@contextmanager
def told_apart() -> Iterator[None]:
    """Raise what is only bad weather as Unavailable, and everything else as it came."""
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable("busy") from error
    except DBAPIError as error:
        why = why_unavailable(error)
        if why is None:
            raise
        raise Unavailable(why) from error


def why_unavailable(error: DBAPIError) -> str | None:
    if error.connection_invalidated:
        return "unreachable"
    cause: BaseException | None = error.orig
    while cause is not None:
        if isinstance(code := getattr(cause, "sqlite_errorcode", None), int):
            return SQLITE.get(code & 0xFF)
        if isinstance(state := getattr(cause, "sqlstate", None), str):
            return next((POSTGRESQL[start] for start in (state, state[:3], state[:2]) if start in POSTGRESQL), None)
        if type(cause).__module__.startswith("psycopg") and type(cause).__name__ in (
            "OperationalError",
            "ConnectionTimeout",
        ):
            return "unreachable"  # no server answered: there is no state to read
        cause = cause.__cause__
    return None
