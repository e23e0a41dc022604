"""How the running bridge is, by its own account: what /livez and /readyz ask, and what the panel is told."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from bridge.counts import Counts
from facilitator.clock import Clock

SYNC_AT_MOST = timedelta(seconds=90)
LOOPS = ("listener", "reconciler", "sender", "timer", "doorkeeper", "keys", "backstage")


class Counting(Protocol):
    """The part of a homeserver's client that metrics look at."""

    @property
    def counts(self) -> Counts: ...


@dataclass
class Vitals:
    """Written by the service and its loops, read by `health`. Ages are of the monotonic clock."""

    clock: Clock
    starting: str | None = "starting"
    """Why it does not run yet or any more, as a code; None while it runs."""
    signed: bool = False
    identity_replaced: bool = False
    key_file: Path | None = None
    """Whose loss is noticed while it may still be put back."""
    passed: dict[str, float] = field(default_factory=dict)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a sync has come after a silence."""
    client: Counting | None = None
    """The homeserver's, once it has started."""
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.clock.monotonic()

    def passed_now(self, loop: str) -> None:
        if loop == "listener" and not self.hears():
            self.heard.set()
        self.passed[loop] = self.clock.monotonic()

    def silent_for(self, loop: str) -> timedelta:
        """Since the loop last finished a pass; a very long time when it never did."""
        at = self.passed.get(loop)
        return timedelta.max if at is None else timedelta(seconds=self.clock.monotonic() - at)

    def age_of(self, loop: str) -> timedelta:
        """For a watcher: one that has never finished a pass grows old from our start on."""
        return timedelta(seconds=self.clock.monotonic() - self.passed.get(loop, self.began))

    def hears(self) -> bool:
        return self.silent_for("listener") < SYNC_AT_MOST

    def not_ready(self) -> list[str]:
        """Codes of what keeps the bridge from being ready; empty when it is."""
        if self.starting is not None:
            return [self.starting]
        found = [] if self.signed else ["identity_replaced" if self.identity_replaced else "device_not_signed"]
        if self.key_file is not None and not self.key_file.exists():
            found.append("bridge_key_missing")
        return found if self.hears() else [*found, "no_sync"]
