"""What goes on beside a loop's passes and is waited for by none of them: each known by a key until it has ended.

Unlike a lane it holds no place and no room: whoever is slow to answer here keeps nobody waiting.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from functools import partial
from typing import Any, Generic, TypeVar

from bridge.lanes import cut_off

Key = TypeVar("Key")


class Errands(Generic[Key]):
    """`wake` is set when one has ended."""

    def __init__(self, wake: asyncio.Event) -> None:
        self._wake = wake
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._errors: list[BaseException] = []

    def __iter__(self) -> Iterator[Key]:
        """Those under way."""
        return iter([key for key, task in self._tasks.items() if not task.done()])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def begin(self, key: Key, work: Coroutine[Any, Any, None]) -> None:
        assert key not in list(self), "nothing is done twice side by side"
        task = self._tasks[key] = asyncio.ensure_future(work)
        task.add_done_callback(partial(self._ended, key))

    def drop(self, key: Key) -> None:
        self._tasks[key].cancel()

    def _ended(self, key: Key, task: asyncio.Task[None]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._errors.append(error)
        self._wake.set()

    def take_errors(self) -> list[BaseException]:
        """What those that ended since this was last asked have failed with."""
        errors, self._errors = self._errors, []
        return errors

    async def all_ended(self) -> None:
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    async def stop(self, *, within: timedelta | None = None) -> None:
        """Wait a moment for what is under way, and cut off the rest."""
        await cut_off(list(self._tasks.values()), within=within)
