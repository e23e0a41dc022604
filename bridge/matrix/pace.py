"""How fast this homeserver lets us go: when it says "wait", that kind of request waits.

Asking again before the wait is over lengthens it on some servers and helps on none, so it is refused here.
"""

from datetime import timedelta

from bridge.matrix.homeserver import SlowDown
from facilitator.clock import Clock

UNSAID = timedelta(seconds=5)
"""The wait where a server limits us without saying for how long."""


class Pace:
    """The waits asked of us, by kind of request: Matrix limits sending, inviting, creating, … each by itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._free_at: dict[str, float] = {}

    def check(self, kind: str) -> None:
        """Raises SlowDown while this kind has to wait."""
        left = self._free_at.get(kind, 0.0) - self._clock.monotonic()
        if left > 0:
            raise SlowDown("rate limit", timedelta(seconds=left))

    def limited(self, kind: str, retry_after_ms: object) -> timedelta:
        """The server refused one of this kind; remember and return how long to wait."""
        said = isinstance(retry_after_ms, int | float) and 0 < retry_after_ms < 86_400_000
        wait = timedelta(milliseconds=float(retry_after_ms)) if said else UNSAID  # type: ignore[arg-type]
        self._free_at[kind] = self._clock.monotonic() + wait.total_seconds()
        return wait
