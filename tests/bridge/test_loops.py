"""Keeping a loop going: no fault in a pass ends it but what a person has to mend, and no wait is a real one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from structlog.testing import capture_logs
from structlog.types import EventDict

from bridge.house import LeaseLost
from bridge.loops import LONGEST_WAIT, Loop, keep_going
from bridge.matrix.homeserver import HomeserverError, Rejected, SignedOut, SlowDown, TheirFault, TryLater
from bridge.vitals import Vitals
from facilitator.database import Unavailable
from tests.clock import TurnedClock

NAME = "a secret name"
LIMIT = 20
"""Seconds after which a test that waits has failed."""
Happening = bool | BaseException


@dataclass
class Worker:
    """A loop whose passes do what they were told to, then nothing; what it was seen to do."""

    script: list[Happening]
    rest: timedelta = timedelta(hours=1)
    passes: int = 0
    worked: int = 0
    loop: Loop = field(init=False)

    def __post_init__(self) -> None:
        self.loop = Loop("worker", self.pass_once, lambda: self.rest)

    async def pass_once(self) -> bool:
        self.passes += 1
        happens = self.script.pop(0) if self.script else False
        if isinstance(happens, BaseException):
            raise happens
        return happens

    def note(self, loop: Loop) -> None:
        assert loop is self.loop
        self.worked += 1


async def until_idle() -> None:
    """Everything that can run has run: nothing here waits for the outside world."""
    for _ in range(20):
        await asyncio.sleep(0)


@asynccontextmanager
async def going(worker: Worker, vitals: Vitals) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.ensure_future(keep_going(worker.loop, vitals=vitals, worked=worker.note))
    await until_idle()
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def vitals(clock: TurnedClock) -> Vitals:
    return Vitals(clock)


@pytest.fixture(autouse=True)
def log() -> Iterator[list[EventDict]]:
    with capture_logs() as entries:
        yield entries


@pytest.mark.parametrize(
    "fault",
    [
        ValueError(NAME), KeyError(NAME), AssertionError(NAME), RecursionError(NAME), Rejected("M_FORBIDDEN", NAME),
        HomeserverError(NAME), OSError(NAME), TimeoutError(NAME), ExceptionGroup(NAME, [ValueError(NAME)]),
        Unavailable("busy"), TryLater("no connection", timedelta()), SlowDown("429", timedelta()),
        TheirFault("502", timedelta()),
    ],
    ids=lambda fault: type(fault).__name__,
)  # fmt: skip
async def test_whatever_a_pass_raises_the_loop_goes_on(
    fault: Exception, vitals: Vitals, clock: TurnedClock, log: list[EventDict]
) -> None:
    worker = Worker([fault])
    async with going(worker, vitals) as task:
        assert (worker.passes, clock.sleepers) == (1, 1)
        assert "worker" not in vitals.passed
        clock.turn(timedelta(seconds=1))
        await until_idle()
        assert (worker.passes, task.done()) == (2, False)
        assert vitals.silent_for("worker") == timedelta()
    assert NAME not in str([{key: value for key, value in entry.items() if key != "exc_info"} for entry in log])


@pytest.mark.parametrize("fault", [SignedOut("M_UNKNOWN_TOKEN"), LeaseLost()], ids=lambda fault: type(fault).__name__)
async def test_what_a_person_has_to_mend_ends_it(fault: Exception, vitals: Vitals, clock: TurnedClock) -> None:
    worker = Worker([True, fault])
    async with going(worker, vitals) as task:
        assert worker.passes == 2
        with pytest.raises(type(fault)):
            async with asyncio.timeout(LIMIT):
                await task
        assert clock.sleepers == 0


async def test_a_homeserver_that_asks_for_a_pause_gets_it(vitals: Vitals, clock: TurnedClock) -> None:
    worker = Worker([SlowDown("M_LIMIT_EXCEEDED", timedelta(seconds=300))])
    async with going(worker, vitals):
        worker.loop.wake.set()
        clock.turn(timedelta(seconds=299))
        await until_idle()
        assert worker.passes == 1
        clock.turn(timedelta(seconds=1))
        await until_idle()
        assert worker.passes == 2


async def test_waits_double_from_a_second_to_twenty_and_begin_anew_after_a_good_pass(
    vitals: Vitals, clock: TurnedClock
) -> None:
    faults: list[Happening] = [ValueError() for _ in range(7)]
    worker = Worker([*faults, True, ValueError()])
    async with going(worker, vitals):
        for seconds in (1, 2, 4, 8, 16, 20, 20, 1):
            before = worker.passes
            clock.turn(timedelta(seconds=seconds - 1))
            await until_idle()
            assert worker.passes == before
            clock.turn(timedelta(seconds=1))
            await until_idle()
            assert worker.passes > before


async def test_however_often_it_failed_it_never_waits_longer_than_that(vitals: Vitals, clock: TurnedClock) -> None:
    worker = Worker([ValueError() for _ in range(2_000)])
    worker.loop.failures = 1_999
    async with going(worker, vitals):
        clock.turn(LONGEST_WAIT)
        await until_idle()
        assert worker.passes == 2


async def test_pass_follows_pass_while_there_is_work_and_the_others_are_told_each_time(
    vitals: Vitals, clock: TurnedClock
) -> None:
    worker = Worker([True] * 3)
    async with going(worker, vitals):
        assert (worker.passes, worker.worked, clock.sleepers) == (4, 3, 0)


async def test_a_wake_up_ends_a_rest(vitals: Vitals) -> None:
    worker = Worker([False, True])
    async with going(worker, vitals):
        assert worker.passes == 1
        worker.loop.wake.set()
        await until_idle()
        assert (worker.passes, worker.worked) == (3, 1)


async def test_a_wake_up_during_a_pass_is_not_lost(vitals: Vitals) -> None:
    worker = Worker([])
    began, may_end = asyncio.Event(), asyncio.Event()
    first = worker.pass_once

    async def slow_pass() -> bool:
        began.set()
        await may_end.wait()
        return await first()

    worker.loop.pass_once = slow_pass
    async with going(worker, vitals):
        assert began.is_set()
        worker.loop.wake.set()
        may_end.set()
        await until_idle()
        assert worker.passes == 2


async def test_a_rest_of_no_length_is_no_rest(vitals: Vitals) -> None:
    worker = Worker([False] * 5 + [SignedOut("over")], rest=timedelta())
    async with going(worker, vitals) as task:
        with pytest.raises(SignedOut):
            async with asyncio.timeout(LIMIT):
                await task
    assert worker.passes == 6


async def test_a_loop_that_comes_after_something_waits_for_it(vitals: Vitals) -> None:
    worker = Worker([True])
    worker.loop.after = asyncio.Event()
    async with going(worker, vitals):
        assert worker.passes == 0
        worker.loop.after.set()
        await until_idle()
        assert worker.passes == 2


async def test_a_bug_is_told_with_its_kind_and_its_trace_and_the_weather_without(
    vitals: Vitals, clock: TurnedClock, log: list[EventDict]
) -> None:
    worker = Worker([ValueError(NAME), TryLater("no connection", timedelta()), Unavailable("busy")])
    async with going(worker, vitals):
        for _ in range(3):
            clock.turn(LONGEST_WAIT)
            await until_idle()
    assert [(entry["log_level"], entry.get("error"), "exc_info" in entry) for entry in log] == [
        ("error", "ValueError", True), ("info", None, False), ("warning", None, False),
    ]  # fmt: skip


@pytest.mark.parametrize("fault", [None, ValueError(NAME)], ids=["ends well", "does not"])
async def test_however_it_ends_what_its_passes_began_is_ended_first(
    fault: Exception | None, vitals: Vitals, log: list[EventDict]
) -> None:
    stopped: list[str] = []

    async def stop() -> None:
        stopped.append("stopped")
        if fault is not None:
            raise fault

    for end in (SignedOut("M_UNKNOWN_TOKEN"), None):
        worker = Worker([end] if end else [])
        worker.loop.stop = stop
        async with going(worker, vitals) as task:
            task.cancel()
            await asyncio.wait([task], timeout=LIMIT)
        assert task.cancelled() if end is None else isinstance(task.exception(), SignedOut)
    assert stopped == ["stopped"] * 2
    assert NAME not in str(log)
