"""The wiring: who wakes whom, how long the timer rests, what a person has to mend, and what the pulse tells."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from bridge import service
from bridge.house import LeaseLost
from bridge.listener import EVERYBODY
from bridge.matrix.homeserver import Overtaken, Rejected, SignedOut
from bridge.vitals import Vitals
from facilitator import sightings
from facilitator.database.wakeup import Bell
from facilitator.errors import ForNow, Misconfigured, Refused
from tests.cast import BEN
from tests.clock import TurnedClock
from tests.fake_weather import dead_line, rate_limited
from tests.journeys.running import Running

LIMIT = 20
"""Seconds after which a test that waits has failed."""
NAME = "a secret name"


@pytest.fixture
def vitals(clock: TurnedClock) -> Vitals:
    """Of a bridge that runs and hears; nothing is known of its device yet."""
    found = Vitals(clock)
    found.starting = None
    found.passed_now("listener")
    return found


@pytest.fixture
async def pulse(running: Running, vitals: Vitals) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.ensure_future(service._pulse(running.house, vitals))
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def beat_once(running: Running, vitals: Vitals) -> None:
    """Have the pulse go round, without its twenty seconds; twice, since the first round may have begun before."""
    for _ in range(2):
        before = running.server.weather.calls["is_signed"]
        vitals.heard.set()
        async with asyncio.timeout(20):
            while running.server.weather.calls["is_signed"] == before or vitals.heard.is_set():
                await asyncio.sleep(0)
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.usefixtures("pulse")
async def test_ready_turns_false_when_the_devices_signature_vanishes_and_true_when_it_is_back(
    running: Running, vitals: Vitals
) -> None:
    await beat_once(running, vitals)
    assert vitals.not_ready() == []
    running.client.device.signed = False
    await beat_once(running, vitals)
    assert vitals.not_ready() == ["device_not_signed"]
    running.client.device.signed = True
    await beat_once(running, vitals)
    assert vitals.not_ready() == []


@pytest.mark.usefixtures("pulse")
async def test_another_identity_in_the_place_of_ours_is_not_ready_and_said_once(
    running: Running, vitals: Vitals
) -> None:
    with capture_logs() as log:
        running.client.device.identity_replaced = True
        for _ in range(2):
            await beat_once(running, vitals)
        assert vitals.not_ready() == ["identity_replaced"]
        running.client.device.identity_replaced = False
        await beat_once(running, vitals)
        assert vitals.not_ready() == []
    assert [entry["log_level"] for entry in log if "another identity" in entry["event"]] == ["error"]


async def test_the_pulse_ends_when_another_process_uses_a_copy_of_the_keys(
    running: Running, vitals: Vitals, pulse: "asyncio.Task[None]"
) -> None:
    running.server.bot()
    with pytest.raises(Overtaken):
        async with asyncio.timeout(LIMIT):
            await pulse


@pytest.mark.parametrize("error", [rate_limited(), dead_line(), Rejected("M_UNKNOWN")], ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("known", [True, False])
async def test_a_homeserver_that_does_not_say_leaves_what_was_known(
    running: Running, vitals: Vitals, error: Exception, known: bool
) -> None:
    vitals.signed = known
    running.client.device.signed = not known
    running.server.weather.strike(error, on="is_signed")  # type: ignore[arg-type]
    await service.ask_if_signed(running.house, vitals)
    assert vitals.signed is known
    await service.ask_if_signed(running.house, vitals)
    assert vitals.signed is not known


async def test_the_pulse_of_an_account_that_was_signed_out_ends(
    running: Running, vitals: Vitals, pulse: "asyncio.Task[None]"
) -> None:
    running.client.device.signed_out = True
    with pytest.raises(SignedOut):
        async with asyncio.timeout(LIMIT):
            await pulse


@pytest.mark.parametrize("error", [ValueError(NAME), OSError(NAME)], ids=lambda e: type(e).__name__)
async def test_a_fault_in_the_pulse_ends_nothing_and_is_told_by_its_kind(
    running: Running, vitals: Vitals, error: Exception
) -> None:
    running.server.weather.strike(error, on="is_signed")  # type: ignore[arg-type]
    running.client.device.signed = False
    with capture_logs() as log:
        task = asyncio.ensure_future(service._pulse(running.house, vitals))
        for _ in range(2):
            await beat_once(running, vitals)
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert vitals.signed is False
    assert [(entry["event"], entry["error"]) for entry in log] == [("pulse failed", type(error).__name__)]


class CrackedBell(Bell):
    """Fails, then rings."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error
        self.waits = 0

    async def wait(self, timeout: timedelta) -> bool:
        self.waits += 1
        if self.waits == 1:
            raise self._error
        await asyncio.sleep(0)
        return True


async def test_a_fault_of_the_bell_ends_nothing_and_does_not_repeat_at_once(
    running: Running, clock: TurnedClock
) -> None:
    bell, loops = CrackedBell(ValueError(NAME)), service.loops_of(running.house)
    with capture_logs() as log:
        task = asyncio.ensure_future(service._ring(bell, loops, clock))
        for _ in range(20):
            await asyncio.sleep(0)
        assert (bell.waits, task.done()) == (1, False)
        clock.turn(service.PULSE)
        async with asyncio.timeout(LIMIT):
            await loops[0].wake.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert [(entry["event"], entry["error"]) for entry in log] == [("bell failed", "ValueError")]


@pytest.mark.usefixtures("pulse")
async def test_the_panel_is_told_that_the_bridge_lives_and_whether_it_hears(
    running: Running, vitals: Vitals, clock: TurnedClock
) -> None:
    await beat_once(running, vitals)
    heard_at = clock.now()
    clock.turn(timedelta(minutes=5))
    await beat_once(running, vitals)
    async with running.database.reading() as db:
        assert await sightings.heartbeats(db) == {"bridge": clock.now(), "homeserver": heard_at}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SignedOut("x"), Misconfigured(service.SIGNED_OUT)),
        (Overtaken(), Misconfigured(service.OVERTAKEN)),
        (LeaseLost(), ForNow(service.LEASE_LOST)),
    ],
    ids=["signed_out", "overtaken", "lease_lost"],
)
def test_what_a_person_has_to_mend_is_a_sentence_alone_and_out_of_a_group(error: Exception, expected: Refused) -> None:
    for each in (
        error,
        ExceptionGroup("x", [error]),
        ExceptionGroup("x", [ExceptionGroup("y", [ValueError(), error])]),
    ):
        told = service.for_people(each)
        assert isinstance(told, Refused)
        assert (type(told), told.sentence) == (type(expected), expected.sentence)


def test_a_bug_stays_what_it_is() -> None:
    for bug in (ValueError(), ExceptionGroup("x", [ValueError()]), Misconfigured("Mend it.")):
        assert service.for_people(bug) is bug


async def test_what_one_loop_did_wakes_those_whose_work_it_may_be(running: Running) -> None:
    loops = service.loops_of(running.house)
    assert [loop.name for loop in loops] == list(service.WAKES)
    for worked in loops:
        for loop in loops:
            loop.wake.clear()
        service.waker(loops)(worked)
        assert {loop.name for loop in loops if loop.wake.is_set()} == set(service.WAKES[worked.name])
        assert worked.name not in service.WAKES[worked.name]


async def test_words_wake_the_sender_alone_and_whoever_comes_everybody(running: Running) -> None:
    group = await running.open_group()
    await running.invite(group, BEN)
    await running.settle()
    room, listener = await running.matrix_room(group), running._listener
    await running.person(BEN).join(room)
    await listener.pass_once()
    assert listener.made_work_for == EVERYBODY
    await running.settle()
    await running.person(BEN).say(room, "!commands")
    await listener.pass_once()
    assert list(listener.made_work_for) == ["sender"]


async def test_all_others_wait_until_the_listener_has_heard_what_was_missed(running: Running) -> None:
    listener, *others = service.loops_of(running.house)
    assert listener.after is None
    assert all(loop.after is not None and not loop.after.is_set() for loop in others)
    await listener.pass_once()
    assert all(loop.after is not None and loop.after.is_set() for loop in others)


async def test_the_timer_rests_until_something_is_due_and_never_long(running: Running, clock: TurnedClock) -> None:
    group = await running.open_group()
    await running.settle()
    timer = next(loop for loop in service.loops_of(running.house) if loop.name == "timer")
    await timer.pass_once()
    assert timer.rest() == service.TIMER_LOOKS
    await running.schedule(group, weekday=2, at="19:00", zone="Europe/Berlin")
    clock.turn(timedelta(days=1, hours=6) - timedelta(seconds=30))  # half a minute before the first reminder
    await timer.pass_once()
    assert timer.rest() == service.TIMER_LOOKS
    clock.turn(timedelta(seconds=26))
    assert timer.rest() == timedelta(seconds=4)
    clock.turn(timedelta(seconds=10))
    assert timedelta() < timer.rest() < timedelta(seconds=1)


async def test_a_bug_ends_it_as_it_came_and_is_not_made_its_own_cause(vitals: Vitals) -> None:
    async def work() -> None:
        raise ValueError from KeyError()

    with pytest.raises(ValueError) as bug:
        await asyncio.wait_for(service._until(asyncio.Event(), vitals, work()), LIMIT)
    assert isinstance(bug.value.__cause__, KeyError)


async def test_asked_to_stop_it_is_no_longer_ready_while_its_work_comes_to_an_end(vitals: Vitals) -> None:
    stop, seen = asyncio.Event(), list[list[str]]()

    async def work() -> None:
        stop.set()
        try:
            await asyncio.Event().wait()
        finally:
            seen.append(vitals.not_ready())

    await asyncio.wait_for(service._until(stop, vitals, work()), LIMIT)
    assert seen == [["stopping"]]


async def test_work_that_will_not_end_is_left_behind_in_time(vitals: Vitals, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "STOPS_WITHIN", timedelta(milliseconds=1))
    stop, free = asyncio.Event(), asyncio.Event()

    async def stubborn() -> None:
        stop.set()
        while not free.is_set():
            with suppress(asyncio.CancelledError):
                await free.wait()

    await asyncio.wait_for(service._until(stop, vitals, stubborn()), LIMIT)
    free.set()
    await asyncio.sleep(0)


async def test_the_rooms_of_the_database_can_be_spoken_in_right_after_a_start(running: Running) -> None:
    group = await running.open_group()
    await running.member(group, BEN)
    room, said = await running.matrix_room(group), len(running.messages(await running.matrix_room(group)))
    await running.start()
    await running.person(BEN).say(room, "!sessions")
    await running.settle()
    assert len(running.messages(room)) == said + 1
