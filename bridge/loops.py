"""Keeps a loop going: pass after pass while there is work, a rest when there is none, a longer one after a fault.

Nothing a pass raises ends the loop but what a person has to mend: signed out, or the account held elsewhere.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from bridge.house import LeaseLost, one_line
from bridge.matrix.homeserver import SignedOut, TryLater
from bridge.vitals import Vitals
from facilitator.database import Unavailable

log = structlog.get_logger(__name__)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=1), timedelta(seconds=20)


@dataclass
class Loop:
    """`rest`: how long to wait for a wake-up when a pass found nothing to do; asked anew each time. `after`: what has
    to have happened before its first pass. `stop`: ends what its passes have begun and not waited for. `for_whom`: the
    loops its last pass can have made work for; None: it does not say. `at_once`: whether a pass that found work is
    followed by another; False where each takes on all there is, and whatever it has begun wakes it. `called`: whether
    somebody woke it for the pass it is in."""

    name: str
    pass_once: Callable[[], Awaitable[bool]]
    rest: Callable[[], timedelta]
    after: asyncio.Event | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    stop: Callable[[], Awaitable[None]] | None = None
    for_whom: Callable[[], Collection[str]] | None = None
    at_once: bool = True
    called: bool = False
    failures: int = 0


async def keep_going(loop: Loop, *, vitals: Vitals, worked: Callable[[Loop], None]) -> None:
    """Run a loop until it is cancelled. `worked` is told when a pass did something. Raises SignedOut, LeaseLost."""
    if loop.after is not None:
        await loop.after.wait()
    try:
        while True:
            loop.called = loop.wake.is_set()
            loop.wake.clear()
            wait = await _one_pass(loop, vitals, worked)
            if wait > timedelta():
                await _rest(loop, wait)
    finally:
        await _stop(loop)


async def _stop(loop: Loop) -> None:
    """A fault in ending hides nothing of why it ends: what was begun is done again after the next start."""
    if loop.stop is None:
        return
    try:
        await loop.stop()
    except Exception as error:
        log.warning("loop did not end well", loop=loop.name, error=one_line(error))


async def _one_pass(loop: Loop, vitals: Vitals, worked: Callable[[Loop], None]) -> timedelta:
    """One pass, and how long to rest before the next. After a fault nothing wakes it early: a homeserver that asked
    for a pause gets it."""
    try:
        found_work = await loop.pass_once()
    except (SignedOut, LeaseLost):
        raise
    except TryLater as error:
        log.info("loop waits", loop=loop.name, why=error.why)
        await vitals.clock.sleep(max(error.after, _after_failure(loop)))
        return timedelta()
    except Unavailable:
        log.warning("database unavailable", loop=loop.name)
        await vitals.clock.sleep(_after_failure(loop))
        return timedelta()
    except Exception as error:  # a bug in one pass must not end the loop; what was due is still due
        log.error("pass failed", loop=loop.name, error=one_line(error), exc_info=error)
        await vitals.clock.sleep(_after_failure(loop))
        return timedelta()
    loop.failures = 0
    vitals.passed_now(loop.name)
    if found_work:
        worked(loop)
    return timedelta() if found_work and loop.at_once else loop.rest()


def _after_failure(loop: Loop) -> timedelta:
    loop.failures += 1
    wait: timedelta = FIRST_WAIT * 2 ** min(loop.failures - 1, 10)
    return min(wait, LONGEST_WAIT)


async def _rest(loop: Loop, wait: timedelta) -> None:
    try:
        async with asyncio.timeout(wait.total_seconds()):
            await loop.wake.wait()
    except TimeoutError:
        return
