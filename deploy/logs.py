"""What the services write down about themselves: lines of JSON with keys that are known to be harmless.

Whatever else is handed over is dropped, and of other people's libraries only that they spoke, not what they said: a
name, a Matrix id, a token or what somebody wrote cannot slip in (OWASP ASVS 5.0.0 16.2.5).
"""

import logging
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from typing import Any

import structlog

KEYS = frozenset(
    {
        "act_id", "code", "error", "event", "library", "loop", "member_id", "method", "milliseconds",
        "port", "request_id", "room_id", "route", "status", "trace", "where", "why",
    }
)  # fmt: skip
OURS = ("facilitator", "bridge", "web", "deploy")
FRAMES = 12


def configure() -> None:
    """JSON to standard output, times in UTC; libraries are heard from WARNING on."""
    structlog.configure(
        processors=[
            only_known,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
    )
    root = logging.getLogger()
    root.handlers = [LibrarySpoke()]
    root.setLevel(logging.WARNING)


def only_known(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    error = entry.get("exc_info")
    known = {key: value for key, value in entry.items() if key in KEYS}
    return {**known, "trace": list(trace(error))} if isinstance(error, BaseException) else known


class LibrarySpoke(logging.Handler):
    """Notes that a library warned, and where an error was, without a word of it."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        log = structlog.get_logger("hearth.libraries")
        log.warning("a library warns", library=record.name, trace=list(trace(error)) if error else None)


def trace(error: BaseException) -> Iterator[str]:
    """An error and its causes: kinds and places. The text only of our own kinds: another's may quote what it held."""
    seen: BaseException | None = error
    before = set[int]()
    while seen is not None and id(seen) not in before:  # an error may be its own cause, by way of others too
        before.add(id(seen))
        told = f": {seen}" if type(seen).__module__.split(".")[0] in OURS else ""
        yield f"{type(seen).__module__}.{type(seen).__qualname__}{told}"
        for frame in traceback.extract_tb(seen.__traceback__)[-FRAMES:]:
            yield f"  {frame.filename}:{frame.lineno} {frame.name}"
        if isinstance(seen, BaseExceptionGroup):
            for each in seen.exceptions:
                yield from trace(each)
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
