"""Many requests at once on a homeserver with limits, played through without a network: a second takes no time."""

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from bridge.matrix.homeserver import NotYet, Urgency
from bridge.matrix.line import Request
from bridge.matrix.pace import USUAL_URGENCY, Pace, Pass
from facilitator.ids import UserId
from tests.clock import TurnedClock
from tests.fake_limits import Limits

BOT = UserId("@hearth:test")
LATE = 2.0
"""Loops look every two seconds: whoever is told to come back comes up to that much later."""
AT_ONCE = 8
SERVERS_NAMES = {"kick": "remove", "state": "set_state", "join": "accept"}


def asking(kind: str, key: str, *, person: str | None = None, urgency: Urgency | None = None) -> Request:
    return Request(kind, f"{kind} {key}", urgency if urgency is not None else USUAL_URGENCY[kind], person)


@dataclass
class Rush:
    """`went`: what passed, and when. `after`: what becomes possible once a request has passed. `under_way`: seconds a
    request takes to reach the server at most; as Synapse does, a refusal is given half a second later."""

    clock: TurnedClock
    limits: Limits
    pace: Pace = field(init=False)
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    under_way: float = 0.4
    after: dict[str, list[Request]] = field(default_factory=dict)
    went: dict[str, float] = field(default_factory=dict)
    asked: int = 0
    _out: int = 0
    not_yet: Counter[str] = field(default_factory=Counter)
    _coming: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.pace = Pace(self.clock)

    def add(self, *requests: Request, at: float | None = None) -> None:
        for request in requests:
            self._at(self.clock.monotonic() if at is None else at, partial(self._ask, request))

    def run(self, *, until: float = float("inf")) -> None:
        """Until nobody waits, or so late."""
        while self._coming and self._coming[0][0] <= until:
            at, _, happens = heapq.heappop(self._coming)
            self.clock.turn(timedelta(seconds=max(at - self.clock.monotonic(), 0)))
            happens()

    def _at(self, when: float, happens: Callable[[], None]) -> None:
        heapq.heappush(self._coming, (when, next(self._numbers), happens))

    def _soon(self, happens: Callable[[], None], *, later: float = 0.0) -> None:
        self._at(self.clock.monotonic() + self.chance.random() * self.under_way + later, happens)

    def _ask(self, request: Request) -> None:
        if self._out >= AT_ONCE:
            self._at(self.clock.monotonic() + 0.05, partial(self._ask, request))
            return
        try:
            granted = self.pace.admit(request)
        except NotYet as later:
            self.not_yet[request.key] += 1
            self._again(request, later.after)
            return
        self.asked, self._out = self.asked + 1, self._out + 1
        self._soon(partial(self._arrives, granted))

    def _arrives(self, granted: Pass) -> None:
        request = granted.request
        wait = self.limits.wait(SERVERS_NAMES.get(request.kind, request.kind), BOT, request.person)
        if wait is None:
            self.went[request.key] = self.clock.monotonic()
            self._soon(partial(self._went, granted))
        else:
            self._soon(partial(self._refused, granted, wait), later=0.5)

    def _went(self, granted: Pass) -> None:
        self._out -= 1
        self.pace.went(granted)
        self.add(*self.after.get(granted.request.key, ()))

    def _refused(self, granted: Pass, wait: timedelta) -> None:
        self._out -= 1
        self._again(granted.request, self.pace.refused(granted, wait))

    def _again(self, request: Request, after: timedelta) -> None:
        late = self.chance.random() * LATE
        self.add(request, at=self.clock.monotonic() + after.total_seconds() + late)
