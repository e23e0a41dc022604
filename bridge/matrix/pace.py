"""How fast this homeserver lets us go: its limits as learned from its refusals, and who goes next.

Homeservers limit an account by several buckets at once, and a refusal does not say by which. Sending, state, making
rooms and inviting draw on one together (measured with Synapse 1.163); the narrower ones are told from it by what the
refusals have in common. Without a refusal nothing is ever held back, and what was learned fades.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from bridge.matrix.bucket import Bucket
from bridge.matrix.homeserver import NotYet, Urgency
from bridge.matrix.line import Line, Request
from facilitator.clock import Clock

UNSAID = timedelta(seconds=5)
"""The wait where a server limits us without saying for how long."""
LONGEST = timedelta(days=1)
ASKS_AGAIN = 120.0
"""Seconds after which whoever waits asks again, however long the line: the limit may have been lifted."""
HELD_AT_MOST = 1_000

MESSAGE, CREATE, INVITE, JOIN = "message", "create", "invite", "join"
LEARNED = (CREATE, INVITE, JOIN, MESSAGE)
DRAWS_ON: Mapping[str, tuple[str, ...]] = {
    "create": (CREATE, MESSAGE),
    "invite": (INVITE, MESSAGE),
    "join": (JOIN, MESSAGE),
    **dict.fromkeys(("kick", "leave", "profile", "redact", "send", "state"), (MESSAGE,)),
}
"""By kind of request the buckets it takes a token of, the narrowest first. All other kinds are by themselves."""

USUAL_URGENCY: Mapping[str, Urgency] = {
    "create": Urgency.PROVISIONING,
    "invite": Urgency.PROVISIONING,
    "join": Urgency.REPLY,
    "kick": Urgency.SAFETY,
    "redact": Urgency.SAFETY,
    "send": Urgency.REPLY,
}


@dataclass(frozen=True)
class Learned:
    """What is known of one bucket, to be kept over a restart. `free_in` may be past; `refused`: how long ago."""

    kind: str
    every: timedelta
    burst: int
    free_in: timedelta
    refused: timedelta


@dataclass(frozen=True)
class Pass:
    """A request that may go out now. `taken`: the known limits it took a token of. `ahead`: the one that had none for
    it, tried all the same."""

    request: Request
    begun: float
    taken: tuple[str, ...] = ()
    ahead: str | None = None


@dataclass(frozen=True)
class Refusal:
    """The last one: which buckets may have been empty, and from when the server would allow another."""

    request: Request
    suspects: frozenset[str]
    allowed: float


class Pace:
    """The limits of one account."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets = {kind: Bucket() for kind in LEARNED}
        self._held: dict[str, float] = {}
        """Until when a person must not be invited, or a kind of request with a limit of its own be made."""
        self._line = Line()
        self._last: Refusal | None = None

    def admit(self, request: Request) -> Pass:
        """Raises NotYet while it has to wait, with the moment to come back."""
        now, names = self._clock.monotonic(), DRAWS_ON.get(request.kind, ())
        held = max((self._held.get(key, 0.0) for key in _holds(request)), default=0.0)
        if held > now:
            raise NotYet("rate limit", timedelta(seconds=held - now))
        ahead = None
        for name in names:
            if not self._has_token(request, name, now):
                ahead = name
        self._line.goes(request, names)
        for name in names:
            self._buckets[name].take(now)
        return Pass(request, now, tuple(name for name in names if self._buckets[name].every), ahead)

    def went(self, granted: Pass) -> None:
        """The server took it. Where one limit was lifted, the others very likely were with it."""
        for name in DRAWS_ON.get(granted.request.kind, ()):
            self._buckets[name].went(granted.begun, self._clock.monotonic())
        if granted.ahead is not None and self._buckets[granted.ahead].went_ahead(self._clock.monotonic()):
            self._buckets = {kind: Bucket() for kind in LEARNED}

    def refused(self, granted: Pass, retry_after: timedelta | None) -> timedelta:
        """The server did not; learn from it. Returns how long to wait. `retry_after`: as it said, if it did."""
        wait, now = (
            retry_after if retry_after and timedelta() < retry_after < LONGEST else UNSAID,
            self._clock.monotonic(),
        )
        allowed = (granted.begun + now) / 2 + wait.total_seconds()
        blamed = self._blame(granted, allowed, wait.total_seconds())
        for name in granted.taken:
            if name != blamed:
                self._buckets[name].give_back()
        if blamed in self._buckets:
            ahead = granted.ahead == blamed
            self._buckets[blamed].refused(granted.begun, now, wait.total_seconds(), ahead=ahead)
        else:
            self._hold(blamed, allowed)
        return wait

    def learned(self) -> list[Learned]:
        now = self._clock.monotonic()
        return [
            Learned(
                kind,
                every=timedelta(seconds=bucket.every),
                burst=bucket.burst,
                free_in=timedelta(seconds=max(bucket.free_at - now, -bucket.every * bucket.burst)),
                refused=timedelta(seconds=now - bucket.refused_at),
            )
            for kind, bucket in self._buckets.items()
            if bucket.known(now)
        ]

    def recall(self, learned: Iterable[Learned]) -> None:
        """What was learned before a restart."""
        now = self._clock.monotonic()
        for each in learned:
            if each.kind in self._buckets and each.every > timedelta():
                free_at = now + min(each.free_in, LONGEST).total_seconds()
                refused_at = now - max(each.refused.total_seconds(), 0)
                bucket = Bucket(each.every.total_seconds(), max(each.burst, 1), free_at, refused_at)
                self._buckets[each.kind] = bucket

    def _has_token(self, request: Request, name: str, now: float) -> bool:
        """False: it goes out without, to see whether the limit still stands. Raises NotYet."""
        bucket = self._buckets[name]
        if not bucket.known(now):
            return True
        before = self._line.ahead_of(request, name, now)
        free = self._line.is_its_turn(request, name) or bucket.may_try_ahead()
        kept = 0 if free else _kept(request.urgency, bucket.burst)
        needed = 1 + before + kept
        if bucket.tokens(now) >= min(needed, bucket.burst):
            return True
        if bucket.tokens(now) < 1 and bucket.may_try_ahead():
            return False
        told = min(max(bucket.when(needed), now + 0.01), now + ASKS_AGAIN)
        self._line.wait(request, name, told)
        raise NotYet("rate limit", timedelta(seconds=told - now))

    def _blame(self, granted: Pass, allowed: float, wait: float) -> str:
        """Which bucket was empty: one that all have in common who are to wait for the same moment; a limit we know of
        rather than a new one, if it can be that; else the narrowest, which holds up the fewest."""
        request = granted.request
        holds, names = _holds(request), DRAWS_ON.get(request.kind, ())
        suspects = [*holds, *names]
        last, self._last = self._last, Refusal(request, frozenset(suspects), allowed)
        if last is not None and last.request.key != request.key and _same(last.allowed - allowed, wait):
            suspects = [name for name in suspects if name in last.suspects] or suspects
        narrowest, *wider = suspects
        possible = [narrowest, *(n for n in wider if not self._known(n) or wait <= self._buckets[n].every * 1.2 + 0.2)]
        known = [name for name in possible if name in names and self._known(name)]
        return min(known, key=lambda n: self._buckets[n].tokens(granted.begun)) if known else narrowest

    def _known(self, name: str) -> bool:
        return self._buckets[name].known(self._clock.monotonic())

    def _hold(self, key: str, until: float) -> None:
        now = self._clock.monotonic()
        self._held = {k: u for k, u in self._held.items() if u > now}
        while len(self._held) >= HELD_AT_MOST:
            del self._held[min(self._held, key=lambda k: self._held[k])]
        self._held[key] = until


def _holds(request: Request) -> tuple[str, ...]:
    """What may be held by itself: the person who is invited, or a kind that shares no bucket."""
    if request.person is not None:
        return (f"person {request.person}",)
    return () if request.kind in DRAWS_ON else (f"kind {request.kind}",)


def _kept(urgency: Urgency, burst: int) -> int:
    """Tokens left in a bucket for what is more urgent, where it holds enough."""
    if urgency <= Urgency.REPLY:
        return 0
    return min(burst // 8, 1) if urgency == Urgency.REMINDER else min(burst // 4, 3)


def _same(apart: float, wait: float) -> bool:
    return abs(apart) < max(0.4, wait * 0.05)
