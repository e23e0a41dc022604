"""The panel's log: route templates, statuses and kinds of error, never what somebody typed or who they are.

How lines are written, and that nothing unknown gets into one, is `deploy/logs.py`'s to say, for all services alike.
"""

import traceback

import structlog
from structlog.typing import FilteringBoundLogger

FRAMES = 12

log: FilteringBoundLogger = structlog.get_logger("hearth.web")


def where(error: BaseException) -> list[str]:
    """The trace without a word of what was being handled: an exception's text may quote what somebody typed."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-FRAMES:]]
