"""Waiting a moment and no longer, for the few pages that must be there whatever the database does."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from aiohttp.web import Application, Request

from facilitator.database import Unavailable
from web import keys

A_MOMENT = 1.0
"""Seconds."""

T = TypeVar("T")


async def a_moment(request: Request, work: Coroutine[Any, Any, T]) -> T | None:
    """What the work gives, or None when the database is away or slow. Work that is slow goes on behind our back:
    a database asked to stop half-way answers no sooner."""
    task = asyncio.create_task(work)
    going_on = request.config_dict[keys.GOING_ON]
    going_on.add(task)
    task.add_done_callback(going_on.discard)
    done, _ = await asyncio.wait({task}, timeout=A_MOMENT)
    if not done:
        task.add_done_callback(let_be)
        return None
    try:
        return task.result()
    except Unavailable:
        return None


def let_be(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()


async def finish(app: Application) -> None:
    """At the end, wait for what still goes on; the database closes after this."""
    going_on = app[keys.GOING_ON]
    if going_on:
        await asyncio.wait(going_on)
