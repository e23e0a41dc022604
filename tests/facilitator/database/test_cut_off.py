"""Whoever is cut off in the middle of a change, wherever it waited, leaves nothing behind that others wait for."""

import asyncio
from collections.abc import Coroutine, Generator
from functools import partial
from itertools import count
from typing import Any

from facilitator import sightings
from facilitator.database import Database
from tests.clock import MONDAY_NOON
from tests.keys import Keys

AT_ONCE = 3
"""Seconds: less than anybody waits for a lock."""


class CutOff:
    """This work, whose task is cancelled where it waits for the nth time."""

    def __init__(self, work: Coroutine[Any, Any, None], *, at: int) -> None:
        self._work, self._at = work, at

    def __await__(self) -> Generator[Any, Any, None]:
        inner, task = self._work.__await__(), asyncio.current_task()
        assert task is not None
        go_on = partial(inner.send, None)
        for waits in count():
            try:
                waiting_for = go_on()
            except StopIteration:
                return
            if waits == self._at:
                task.cancel()
            try:
                yield waiting_for
                go_on = partial(inner.send, None)
            except BaseException as error:
                go_on = partial(inner.throw, error)


async def beat(database: Database) -> None:
    async with database.transaction() as db:
        await asyncio.sleep(0)
        await sightings.beat(db, "listener", now=MONDAY_NOON)
        await asyncio.sleep(0)


async def test_cut_off_at_any_point_a_change_leaves_no_lock_behind(
    any_database: Database, any_url: str, keys: Keys
) -> None:
    async def work(at: int) -> None:
        await CutOff(beat(any_database), at=at)

    other, points = keys.connect(any_url), 0
    for points in count():
        task = asyncio.ensure_future(work(points))
        await asyncio.wait([task])
        async with asyncio.timeout(AT_ONCE):
            await beat(other)
        if not task.cancelled():
            break
    await other.close()
    assert points > 2, "at its beginning, in its middle and at its end"
    async with asyncio.timeout(AT_ONCE):
        await beat(any_database)
