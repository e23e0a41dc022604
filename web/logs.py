"""What the panel writes down about itself: JSON lines of a few known keys. Whatever else is handed over is dropped,
so that a name, a Matrix id, a token or an address cannot slip in.
"""

import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.typing import FilteringBoundLogger

KEYS = frozenset({"event", "error", "method", "milliseconds", "port", "request_id", "route", "status", "where", "why"})

log: FilteringBoundLogger = structlog.get_logger("hearth.web")


def only_known(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: value for key, value in entry.items() if key in KEYS}


def configure() -> None:
    """JSON to standard output; times in UTC."""
    structlog.configure(
        processors=[
            only_known,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ]
    )


def where(error: BaseException) -> list[str]:
    """The trace without a word of what was being handled: an exception's text may quote what somebody typed."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]]
