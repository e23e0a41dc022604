"""What is going on, said while it goes on: a step that takes over a second shows that it does.

Several steps run at once, so they share one line of the terminal; without a terminal each is a line of its own.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import TextIO

from facilitator.clock import Clock

TICK = timedelta(seconds=1)
AGAIN = 10
"""Without a terminal, a long step is named again every so many ticks."""


class Progress:
    """Which steps are going on. Speaks on standard error: standard output holds the answer alone."""

    def __init__(self, clock: Clock, out: TextIO | None = None) -> None:
        self._clock, self._out = clock, out or sys.stderr
        self._live = self._out.isatty()
        self._began: dict[str, float] = {}

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        """`what`: "starting the homeserver", say."""
        self._began[what] = self._clock.monotonic()
        try:
            yield
        finally:
            del self._began[what]

    @contextlib.asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Show the steps while the block runs."""
        showing = asyncio.create_task(self._show())
        try:
            yield
        finally:
            showing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await showing
            self._clear()

    def say(self, line: str) -> None:
        self._clear()
        print(line, file=self._out, flush=True)

    async def _show(self) -> None:
        ticks = 0
        while True:
            await self._clock.sleep(TICK)
            now = self._clock.monotonic()
            lasting = [f"{what} ({now - began:.0f} s)" for what, began in self._began.items() if now - began >= 1]
            if lasting and (self._live or ticks % AGAIN == 0):
                self._clear()
                print("Still " + ", ".join(lasting) + " …", end="" if self._live else "\n", file=self._out, flush=True)
            ticks += 1

    def _clear(self) -> None:
        if self._live:
            print("\r\x1b[K", end="", file=self._out, flush=True)
