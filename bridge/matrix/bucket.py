"""One allowance of the homeserver, learned from its refusals: how long a token takes to grow, how many it holds.

A refusal only says how long to wait, which is never longer than a token takes. And between two moments from which a
request would be allowed again lie as many tokens as requests went through: seen over a while, the rhythm follows.
"""

from collections import deque
from dataclasses import dataclass, field

MOST_SEEN = 64
LEAST_PATIENCE, PATIENCE, LONGEST_PATIENCE = 4, 24, 384
"""Requests that go through before one is tried ahead of its time, to see whether the limit still stands: fewer where
each takes long, more after every try in vain."""
MEANWHILE = 120.0
HALVED_AFTER, FORGOTTEN_AFTER = 3, 8
"""Tries ahead of their time, one after another, that went through: the limit was raised, or lifted."""
FADES = 86_400.0
"""Seconds without a refusal after which nothing is believed any more: one refusal teaches it again."""
SHORTEST, A_FEW_MOMENTS = 0.005, 3.0
LONG_ENOUGH, MANY_ENOUGH = 10.0, 5
"""How much has to lie between two refusals before their distance says more than they do themselves: answers take
their time, and when the server looked at its clock is known to within that."""
MISTAKEN, BELIEVABLE = 1.5, 2.0
A_LITTLE = 1.01
"""We count slightly slower than the server does: who runs ahead is refused, who is behind loses nothing."""


@dataclass
class Bucket:
    """All times are seconds of one clock. Until the first refusal there is no limit: `every` is 0."""

    every: float = 0.0
    burst: int = 1
    free_at: float = 0.0
    """From when a token is there; moved on by every one that is taken."""
    refused_at: float = float("-inf")
    """When we heard of the last refusal. What was under way then tells nothing that is new."""
    _in_vain: int = 0
    _since_refused: int = 0
    _ahead: int = 0
    _reference: float | None = None
    """A moment from which the server would have allowed a request, and how many went through since."""
    _since_reference: int = 0
    _overflowed: bool = False
    _longest: float = SHORTEST
    _last_went: float = float("-inf")
    _seen: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_SEEN), repr=False)

    def known(self, now: float) -> bool:
        """Whether there is a limit, as far as we know."""
        if self.every and now - self.refused_at > FADES:
            self._forget()
        return self.every > 0

    def tokens(self, now: float) -> float:
        return 0.0 if now < self.free_at else min((now - self.free_at) / self.every + 1, self.burst)

    def when(self, tokens: int) -> float:
        """From when so many are there, or would have grown, if nobody takes any."""
        return self.free_at + (tokens - 1) * self.every

    def take(self, now: float) -> None:
        """One request goes out."""
        if self.every:
            self._overflowed |= now - self.free_at > max(self.burst - 1, 3) * self.every
            self.free_at = max(self.free_at, now - (self.burst - 1) * self.every) + self.every * A_LITTLE

    def give_back(self) -> None:
        """It did not come to this: another limit refused the request."""
        self.free_at -= self.every * A_LITTLE

    def went(self, begun: float, now: float) -> None:
        """We hear now that the request that was begun then went through."""
        self._since_refused, self._last_went = self._since_refused + 1, now
        if begun > self.refused_at:
            self._since_reference += 1
        if not self.every:
            self._seen.append(begun)

    def may_try_ahead(self) -> bool:
        usual = min(max(int(MEANWHILE / self.every), LEAST_PATIENCE), PATIENCE)
        return self._ahead > 0 or self._since_refused >= min(usual * 2**self._in_vain, LONGEST_PATIENCE)

    def went_ahead(self, now: float) -> bool:
        """A request without a token went through: there is more than we believed. Returns whether the limit is gone,
        as far as we can tell."""
        self._ahead += 1
        if self._ahead >= FORGOTTEN_AFTER:
            self._forget()
            return True
        if self._ahead >= HALVED_AFTER:
            self.every, self._in_vain = self.every / 2, 0
        self.burst += self._ahead > 1
        self.free_at = min(self.free_at, now)
        self._overflowed = True
        return False

    def refused(self, begun: float, now: float, wait: float, *, ahead: bool = False) -> None:
        """We hear now that a request begun then was refused, and how long to wait. `ahead`: it had no token. The
        server looked at its clock somewhere between."""
        allowed = (begun + now) / 2 + wait
        if begun <= self.refused_at:
            self.every = max(self.every, wait)
            self.free_at = max(self.free_at, allowed)
            return
        self._learn(begun, allowed, wait, ahead=ahead)
        self._since_refused, self._ahead, self.refused_at, self.free_at = 0, 0, now, allowed

    def _learn(self, begun: float, allowed: float, wait: float, *, ahead: bool) -> None:
        self._in_vain = min(self._in_vain + ahead, 10)
        if not self.every:
            self._first_refusal(begun, allowed, wait)
            return
        if wait > self.every * MISTAKEN:
            self._refer(allowed)  # what we went by was another limit's
        elif self._reference is None or self._overflowed:
            self.burst = self.burst if ahead else max(1, self.burst - int(self.tokens(begun)))
            self._refer(allowed)
        elif allowed - self._reference > LONG_ENOUGH and self._since_reference >= MANY_ENOUGH:
            self.every = max((allowed - self._reference) / self._since_reference, self._longest)
            if self._since_reference > LONGEST_PATIENCE:
                self._refer(allowed)
        self._longest = max(self._longest, wait)
        growing = begun + wait - self._last_went  # the next token began to grow with the last one taken, or before
        self.every = max(self.every, wait, growing if growing < self.every * BELIEVABLE else 0.0)

    def _first_refusal(self, begun: float, allowed: float, wait: float) -> None:
        """What went through before did so from a bucket that was full."""
        self.every = max(wait, SHORTEST)
        grown = (begun - self._seen[0]) / self.every if self._seen else 0.0
        self.burst = max(1, round(len(self._seen) - grown), int(A_FEW_MOMENTS / self.every))
        self._refer(allowed)

    def _refer(self, allowed: float) -> None:
        self._reference, self._since_reference, self._overflowed, self._longest = allowed, 0, False, SHORTEST

    def _forget(self) -> None:
        self.every, self.burst, self._in_vain, self._ahead = 0.0, 1, 0, 0
        self._since_refused, self._reference = 0, None
        self._seen.clear()
