"""What can go wrong between us and a homeserver, on demand: refusals, faults before and after the deed, dead lines."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from bridge.matrix.homeserver import HomeserverError, SlowDown, TheirFault, TryLater

ANYTHING = "anything"


class Killed(BaseException):
    """The process dies here. No handler of `Exception` may survive it."""


def no_crash(point: str) -> None:
    """Go on."""


def rate_limited(after: timedelta = timedelta(seconds=5)) -> HomeserverError:
    return SlowDown("M_LIMIT_EXCEEDED", after)


def fault() -> HomeserverError:
    return TheirFault("502", timedelta(seconds=1))


def dead_line() -> HomeserverError:
    return TryLater("no connection", timedelta(seconds=1))


@dataclass
class Storm:
    """`done`: the homeserver did it all the same and only its answer is lost. `half`: it did the beginning of it
    (createRoom is many events to a homeserver, and may stop after any of them)."""

    error: HomeserverError
    on: str
    times: int
    done: bool
    half: bool


@dataclass
class Weather:
    """Storms strike in the order they were called, each the next calls of its kind. `down`: no connection at all."""

    down: bool = False
    storms: list[Storm] = field(default_factory=list)
    waits: dict[str, timedelta] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    crash_point: Callable[[str], None] = no_crash
    """Called before and after the effect of every call, with its name: "before send", "after send"."""

    def strike(
        self, error: HomeserverError, *, on: str = ANYTHING, times: int = 1, done: bool = False, half: bool = False
    ) -> None:
        """The next `times` calls of this kind fail with this error."""
        self.storms.append(Storm(error, on, times, done, half))

    def slow(self, duration: timedelta, *, on: str = ANYTHING) -> None:
        """From now on calls of this kind take so long by the homeserver's clock; zero ends it."""
        self.waits[on] = duration

    def wait(self, what: str) -> timedelta:
        return self.waits.get(what) or self.waits.get(ANYTHING) or timedelta(0)

    def next(self, what: str) -> Storm | None:
        """The storm that strikes this call, if any; counts the call."""
        self.calls[what] += 1
        if self.down:
            return Storm(dead_line(), what, 1, done=False, half=False)
        for storm in self.storms:
            if storm.on in (what, ANYTHING):
                storm.times -= 1
                if storm.times <= 0:
                    self.storms.remove(storm)
                return storm
        return None
