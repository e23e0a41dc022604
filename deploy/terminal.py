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
"""Without a terminal, a long step is named again every so many seconds."""


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
        named: set[str] = set()
        while True:
            await self._clock.sleep(TICK)
            now = self._clock.monotonic()
            lasting = {what: now - began for what, began in self._began.items() if now - began >= 1}
            if lasting and (self._live or lasting.keys() - named or int(max(lasting.values())) % AGAIN == 0):
                named |= lasting.keys()
                told = ", ".join(f"{what} ({seconds:.0f} s)" for what, seconds in lasting.items())
                self._clear()
                print(f"Still {told} …", end="" if self._live else "\n", file=self._out, flush=True)

    def _clear(self) -> None:
        if self._live:
            print("\r\x1b[K", end="", file=self._out, flush=True)
