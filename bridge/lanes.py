"""Rooms worked on side by side, each by a task of its own: a room that is slow to answer holds up no other.

Within a room there is one task at a time, so that order holds; some places are kept for what is urgent, so that help
never waits behind reminders.
"""

import asyncio
from collections.abc import Collection, Coroutine
from datetime import timedelta
from typing import Any, Generic, TypeVar

from facilitator.ids import RoomId

Outcome = TypeVar("Outcome")
LAST_MOMENTS = timedelta(seconds=3)
"""What is under way at a stop usually ends within this; what does not is cut off, as a crash would."""


class Lanes(Generic[Outcome]):
    """At most `places` tasks. Who begins one says how many places it has to leave to what is more urgent."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._tasks: dict[RoomId, asyncio.Task[Outcome]] = {}
        self.wake = asyncio.Event()
        """Set when a task has ended: there is a place again, and something to write down."""

    def __len__(self) -> int:
        return len(self._tasks)

    def __contains__(self, room: RoomId) -> bool:
        return room in self._tasks

    def has_place(self, *, leaving: int = 0, beside: int = 0) -> bool:
        """Whether one more may begin, `beside` so many that are about to, and leave so many places free."""
        return len(self._tasks) + beside < self._places - leaving

    def begin(self, room: RoomId, work: Coroutine[Any, Any, Outcome]) -> None:
        assert room not in self._tasks, "one task at a time in a room"
        task = self._tasks[room] = asyncio.ensure_future(work)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Outcome]) -> None:
        self.wake.set()
        if not task.cancelled():
            task.exception()  # asked for later; who dies before that has nobody to tell

    def take_ended(self) -> tuple[list[Outcome], list[BaseException]]:
        """What has come of the tasks that ended since this was last asked. Who was cut off came to nothing."""
        ended = {room: task for room, task in self._tasks.items() if task.done()}
        for room in ended:
            del self._tasks[room]
        told = [task for task in ended.values() if not task.cancelled()]
        errors = [error for task in told if (error := task.exception()) is not None]
        return [task.result() for task in told if task.exception() is None], errors

    async def all_ended(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks.values())

    async def stop(self, *, within: timedelta | None = None) -> None:
        """Wait a moment for what is under way, and cut off the rest."""
        await cut_off(self._tasks.values(), within=within)


async def cut_off(tasks: Collection[asyncio.Task[Any]], *, within: timedelta | None = None) -> None:
    """What has not ended by itself within a moment; returns when all have."""
    if not tasks:
        return
    await asyncio.wait(tasks, timeout=(LAST_MOMENTS if within is None else within).total_seconds())
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
