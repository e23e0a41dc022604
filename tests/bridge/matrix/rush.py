"""Many requests at once on a homeserver with limits, played through without a network: a second takes no time."""

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from bridge.matrix.homeserver import NotYet, Urgency
from bridge.matrix.line import Request
from bridge.matrix.pace import USUAL_URGENCY, Pace
from facilitator.ids import UserId
from tests.clock import TurnedClock
from tests.fake_limits import Limits

BOT = UserId("@hearth:test")
LATE = 2.0
"""Loops look every two seconds: whoever is told to come back comes up to that much later."""
SERVERS_NAMES = {"kick": "remove", "state": "set_state", "join": "accept"}


def asking(kind: str, key: str, *, person: str | None = None, urgency: Urgency | None = None) -> Request:
    return Request(kind, f"{kind} {key}", urgency if urgency is not None else USUAL_URGENCY[kind], person)


@dataclass
class Rush:
    """`went`: what passed, and when. `after`: what becomes possible once a request has passed."""

    clock: TurnedClock
    limits: Limits
    pace: Pace = field(init=False)
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    after: dict[str, list[Request]] = field(default_factory=dict)
    went: dict[str, float] = field(default_factory=dict)
    asked: int = 0
    not_yet: Counter[str] = field(default_factory=Counter)
    _waiting: list[tuple[float, int, Request]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.pace = Pace(self.clock)

    def add(self, *requests: Request, at: float | None = None) -> None:
        for request in requests:
            when = self.clock.monotonic() if at is None else at
            heapq.heappush(self._waiting, (when, next(self._numbers), request))

    def run(self, *, until: float = float("inf")) -> None:
        """Until nobody waits, or so late."""
        while self._waiting and self._waiting[0][0] <= until:
            at, _, request = heapq.heappop(self._waiting)
            self.clock.turn(timedelta(seconds=max(at - self.clock.monotonic(), 0)))
            self._ask(request)

    def _ask(self, request: Request) -> None:
        now = self.clock.monotonic()
        try:
            granted = self.pace.admit(request)
        except NotYet as later:
            self.not_yet[request.key] += 1
            self.add(request, at=now + later.after.total_seconds() + self.chance.random() * LATE)
            return
        self.asked += 1
        wait = self.limits.wait(SERVERS_NAMES.get(request.kind, request.kind), BOT, request.person)
        if wait is not None:
            after = self.pace.refused(granted, wait)
            self.add(request, at=now + after.total_seconds() + self.chance.random() * LATE)
            return
        self.pace.went(granted)
        self.went[request.key] = now
        self.add(*self.after.get(request.key, ()))
