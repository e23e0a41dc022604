"""Questions that people's own homeservers have to answer: each server is asked by itself, and waited for only so long.

Ours asks them for us and answers when the slowest of them has. One that takes every call and answers none would hold
up each message to people whose servers are well.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from bridge.matrix.homeserver import HomeserverError

Question = Callable[[], Awaitable[bool]]
"""Asks once, and says whether the server answered."""


class OtherServers:
    """`home` is our own server: it is waited for, and what goes wrong there is the caller's to know."""

    def __init__(self, home: str) -> None:
        self._home = home
        self._slow: set[str] = set()
        self._turns: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._under_way: dict[asyncio.Task[None], str] = {}

    async def ask(
        self, kind: str, questions: Mapping[str, Question], *, patience: timedelta, slow_too: bool = False
    ) -> None:
        """Put to each server its question, side by side; one of a kind at a time to each. Whoever is late finishes
        in the background, and is not waited for at all until it has answered again; unless `slow_too`."""
        others = {server: question for server, question in questions.items() if server != self._home}
        begun = {server: self._begin(kind, server, each, slow_too) for server, each in others.items()}
        if self._home in questions:
            async with self._turns[kind, self._home]:
                await questions[self._home]()
        waited_for = [task for server, task in begun.items() if task and (slow_too or server not in self._slow)]
        if waited_for:
            _, late = await asyncio.wait(waited_for, timeout=patience.total_seconds())
            self._slow |= {self._under_way[task] for task in late}

    def well(self, server: str) -> None:
        """Something came from there just now: it is worth waiting for."""
        self._slow.discard(server)

    def _begin(self, kind: str, server: str, question: Question, slow_too: bool) -> asyncio.Task[None] | None:
        if not slow_too and server in self._slow and server in self._under_way.values():
            return None
        task = asyncio.ensure_future(self._put(kind, server, question))
        self._under_way[task] = server
        task.add_done_callback(lambda done: self._under_way.pop(done, None))
        return task

    async def _put(self, kind: str, server: str, question: Question) -> None:
        async with self._turns[kind, server]:
            try:
                if await question():
                    self.well(server)
            except HomeserverError:
                return  # whatever it is, the message at hand meets it as well, if it concerns more than that server

    async def close(self) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
