"""The limits of a stock Synapse, counted as it counts: buckets that leak evenly, by account, and by who is invited."""

from dataclasses import dataclass, field
from datetime import timedelta

from facilitator.clock import Clock
from facilitator.ids import UserId

STOCK = {
    "message": (0.2, 10),
    "create": (0.016, 10),
    "invite": (0.3, 10),
    "person": (0.003, 5),
    "join": (0.1, 10),
}
"""By bucket: tokens a second, and how many it holds."""
DRAWS_ON = {
    "create": ("create", "message"),
    "invite": ("person", "invite", "message"),
    "set_state": ("message",),
    "remove": ("message",),
    "send": ("message",),
    "redact": ("message",),
    "accept": ("join", "message"),
    "decline": ("message",),
}
"""In the order Synapse asks them: what was taken of one is gone, also when the next refuses (not so for `create`)."""


@dataclass
class Limits:
    """`times`: so much faster than stock. None of it for who is exempt."""

    clock: Clock
    times: float = 1.0
    exempt: bool = False
    refusals: int = 0
    passed: int = 0
    _taken: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def wait(self, what: str, who: UserId, person: str | None) -> timedelta | None:
        """None: it may pass, and has taken its tokens. Otherwise how long until it may."""
        names = DRAWS_ON.get(what, ())
        if self.exempt or not names:
            return None
        self.passed += 1
        if what == "create" and (refused := self._refused("create", who)):
            return self._no(refused)
        for name in names:
            key = (person or "") if name == "person" else who
            if refused := self._refused(name, key):
                return self._no(refused)
            self._take(name, key)
        return None

    def _no(self, wait: float) -> timedelta:
        self.refusals += 1
        self.passed -= 1
        return timedelta(milliseconds=int(1000 * wait) + 1)

    def _refused(self, name: str, key: str) -> float:
        """Seconds until there is a token; 0: there is one."""
        rate, burst = STOCK[name]
        taken, since = self._count(name, key)
        now = self.clock.monotonic()
        if taken - (now - since) * rate * self.times <= burst - 1:
            return 0.0
        return since + (taken - burst + 1) / (rate * self.times) - now

    def _take(self, name: str, key: str) -> None:
        taken, since = self._count(name, key)
        self._taken[name, key] = (taken + 1, since)

    def _count(self, name: str, key: str) -> tuple[float, float]:
        now, rate = self.clock.monotonic(), STOCK[name][0] * self.times
        taken, since = self._taken.get((name, key), (0.0, now))
        return (0.0, now) if taken < (now - since) * rate else (taken, since)
