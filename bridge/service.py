"""The only wiring: start in order, run the loops together, stop in order."""

import asyncio
import signal
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import datetime, timedelta
from typing import Any

import structlog

from bridge import account, commands, health, pacing, recovery, signing_in
from bridge.backstage import EVERY as TELLS_EVERY
from bridge.backstage import Backstage
from bridge.house import House, LeaseLost, one_line
from bridge.key_watch import KeyWatch
from bridge.listener import Listener
from bridge.loops import Loop, keep_going
from bridge.matrix.client import NioHomeserver
from bridge.matrix.homeserver import KnownRoom, Overtaken, Rejected, SignedOut, TryLater
from bridge.matrix.keystore import KeyStore
from bridge.matrix.pace import Pace
from bridge.pruner import Pruner
from bridge.reconciler import Reconciler
from bridge.sender import Sender
from bridge.settings import LOOK_AGAIN, SYNC_WAIT, Settings
from bridge.timer import Timer
from bridge.vitals import Vitals
from bridge.wording import Words
from facilitator import sightings
from facilitator.bots import Bot
from facilitator.clock import Clock
from facilitator.database import Database, KeyRing, Unavailable, connect
from facilitator.database.wakeup import Bell, open_bell
from facilitator.errors import ForNow, Misconfigured
from facilitator.settings import Settings as HouseSettings

log = structlog.get_logger(__name__)
PULSE = timedelta(seconds=20)
TIMER_LOOKS = timedelta(seconds=10)
"""The timer sleeps until the next thing is due, but never longer: the wall clock may be set."""
STOPS_WITHIN = timedelta(seconds=10)

SIGNED_OUT = (
    "The homeserver has signed Hearth's account out: its access token or its device is gone. Nothing was lost. See "
    "that nobody did this by mistake; `hearth renew` gives the bot a new device and keeps its identity."
)
OVERTAKEN = (
    "Hearth's keys are not the latest any more: an old copy of its data was put back, or another Hearth runs with a "
    "copy of it. Make sure that no other runs; then `hearth renew` gives the bot a new device and keeps its identity."
)
LEASE_LOST = "Another bridge has taken this account over, or the database could not be reached to keep it. Stopping."


async def run(house: HouseSettings, settings: Settings, *, clock: Clock | None = None) -> None:
    """Run the bridge until SIGTERM or SIGINT. Raises Misconfigured with one sentence when it cannot go on, ForNow where
    being started again helps."""
    clock = clock or Clock()
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with AsyncExitStack() as stack:
        people = KeyRing.load(house.people_key)
        key_file = settings.key_in(house.data_dir)
        ring = account.key_ring(key_file)
        machine = stack.enter_context(account.only_one(house.data_dir))
        database = connect(house.database_url, people=people, bridge=ring)
        stack.push_async_callback(database.close)
        await database.check_schema()
        bot, held = await account.claim(database, settings, machine=machine, clock=clock)
        stack.push_async_callback(account.let_go, database, held.bot, held.holder)
        vitals = Vitals(clock, key_file=key_file)
        await stack.enter_async_context(health.served(settings.health_port, vitals, database, held))
        keys = KeyStore(house.data_dir / "keystore.db", ring.derived("keystore"))

        async def work() -> None:
            homeserver = await _started(database, bot, settings, keys, vitals)
            stack.push_async_callback(homeserver.close)
            vitals.client = homeserver
            await pacing.recall(database, bot.id, homeserver.pace, now=clock.now())
            keeper = await recovery.account(settings.recovery_account, homeserver)
            surroundings = House(
                held, database, homeserver, clock, _words(house, settings), tuple(house.reminder_offsets), keeper,
                house.allowed_servers,
            )  # fmt: skip
            await _go(surroundings, vitals, house, homeserver.pace)

        await _until(stop, vitals, work(), account.keep_holding(database, held, clock))
        log.info("bridge stops")


async def _until(stop: asyncio.Event, vitals: Vitals, *work: Coroutine[Any, Any, None]) -> None:
    """Run all of it until `stop`, or until one ends with an error a person has to mend. From then on it is not ready;
    what was being said is given a moment to end, and the account is let go of after that."""
    tasks = [asyncio.ensure_future(each) for each in work]
    stopping = asyncio.ensure_future(stop.wait())
    try:
        done, _ = await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        vitals.starting = "stopping"
        for task in (stopping, *tasks):
            task.cancel()
        await asyncio.wait([stopping, *tasks], timeout=STOPS_WITHIN.total_seconds())
    for task in done - {stopping}:
        error = task.exception()
        if error is not None and (told := for_people(error)) is not error:
            raise told from error
        if error is not None:
            raise error


def for_people(error: BaseException) -> BaseException:
    """What a person has to mend, as a sentence, alone or out of a task group; anything else as it came."""
    for kind, told in (
        (Overtaken, Misconfigured(OVERTAKEN)),
        (SignedOut, Misconfigured(SIGNED_OUT)),
        (LeaseLost, ForNow(LEASE_LOST)),
    ):
        if isinstance(error, kind) or (isinstance(error, BaseExceptionGroup) and error.subgroup(kind)):
            return told
    return error


async def _started(database: Database, bot: Bot, settings: Settings, keys: KeyStore, vitals: Vitals) -> NioHomeserver:
    """Start against a homeserver that may be down just now."""
    while True:
        try:
            return await signing_in.start(database, bot, settings, keys, clock=vitals.clock)
        except TryLater as error:
            vitals.starting = "homeserver_unreachable"
            log.warning("homeserver not reachable yet", why=error.why)
            await _beat(database, "bridge", now=vitals.clock.now())
            await vitals.clock.sleep(error.after)


async def _go(house: House, vitals: Vitals, settings: HouseSettings, pace: Pace) -> None:
    """Know every room, then run the loops, the bell and the pulse together until cancelled."""
    await know_rooms(house)
    await ask_if_signed(house, vitals)
    vitals.starting = None
    log.info("bridge runs")
    loops = loops_of(house)
    bell = open_bell(settings.database_url, settings.data_dir)
    try:
        async with asyncio.TaskGroup() as group:
            for loop in loops:
                group.create_task(keep_going(loop, vitals=vitals, worked=waker(loops)))
            group.create_task(_ring(bell, loops, house.clock))
            group.create_task(pacing.keep(house.database, house.bot, pace, house.clock))
            group.create_task(_pulse(house, vitals))
    finally:
        await bell.close()


async def ask_if_signed(house: House, vitals: Vitals) -> None:
    """What /readyz tells. A homeserver that does not answer leaves it as it was. An identity in the place of ours is
    told, and left as it is: only a person knows whose it is."""
    with suppress(TryLater, Rejected):
        vitals.signed = await house.homeserver.is_signed()
        replaced = not vitals.signed and not await house.homeserver.has_our_identity()
        if replaced and not vitals.identity_replaced:
            log.error("the homeserver shows another identity for the bot's account")
        vitals.identity_replaced = replaced


async def know_rooms(house: House) -> None:
    """Make the rooms of the database known to the client, and have every one looked at once."""
    async with house.database.transaction() as db:
        known = await sightings.remembered(db, house.bot)
        await sightings.look_at_all(db, house.bot, now=house.clock.now())
    house.homeserver.remember(KnownRoom(r.matrix_room, r.encryption, r.direct, r.history_visibility) for r in known)


def loops_of(house: House) -> list[Loop]:
    """All of them. The others wait until the listener has heard what was missed: whoever left meanwhile is not asked
    again, and nobody joins before there is a place to hear from."""
    timer, listener = Timer(house), Listener(house, wait=SYNC_WAIT)
    sender = Sender(house)
    reconciler = Reconciler(house, hurry=sender.hurry)
    heard = listener.caught_up

    def until_due() -> timedelta:
        if timer.next_due is None:
            return TIMER_LOOKS
        return min(max(timer.next_due - house.clock.now(), timedelta(milliseconds=1)), TIMER_LOOKS)

    return [
        Loop("listener", listener.pass_once, timedelta, for_whom=lambda: listener.made_work_for),
        _flowing("reconciler", reconciler, after=heard),
        _sending(sender, after=heard),
        Loop("timer", timer.pass_once, until_due, after=heard),
        Loop("doorkeeper", listener.door.pass_once, lambda: LOOK_AGAIN, after=heard),
        Loop("keys", KeyWatch(house).pass_once, lambda: LOOK_AGAIN, after=heard),
        Loop("backstage", Backstage(house).pass_once, lambda: TELLS_EVERY, after=heard),
    ]


def _flowing(name: str, worker: Reconciler | Sender, *, after: asyncio.Event) -> Loop:
    """A loop whose passes begin things and do not wait for them: whatever ends wakes it."""
    return Loop(name, worker.pass_once, lambda: LOOK_AGAIN, after=after, wake=worker.lanes.wake, stop=worker.stop)


def _sending(sender: Sender, *, after: asyncio.Event) -> Loop:
    """Whoever wakes it has put something, as a rule: it is told, and need not look before it begins."""
    loop = _flowing("sender", sender, after=after)
    loop.pass_once, loop.at_once = lambda: sender.pass_once(called=loop.called), False
    return loop


WAKES: Mapping[str, Collection[str]] = {
    "listener": ("reconciler", "sender", "doorkeeper", "keys"),
    "reconciler": ("sender", "keys"),
    "sender": (),
    "timer": ("sender",),
    "doorkeeper": ("reconciler", "sender", "keys"),
    "keys": ("reconciler", "sender"),
    "backstage": ("reconciler", "sender"),
}
"""Whose work what one loop did may be. Each looks by itself as well, so what is not here waits a moment at most; a
wake-up in vain costs more than the work it was for."""


def waker(loops: Sequence[Loop]) -> Callable[[Loop], None]:
    by_name = {loop.name: loop for loop in loops}

    def wake(worked: Loop) -> None:
        for name in WAKES[worked.name]:
            if worked.for_whom is None or name in worked.for_whom():
                by_name[name].wake.set()

    return wake


async def _ring(bell: Bell, loops: Sequence[Loop], clock: Clock) -> None:
    """Without the bell the loops still wake of themselves, only later: its faults end nothing."""
    while True:
        try:
            rung = await bell.wait(timeout=PULSE)
        except Exception as error:
            log.error("bell failed", error=one_line(error))
            await clock.sleep(PULSE)
            continue
        if rung:
            for loop in loops:
                loop.wake.set()


async def _pulse(house: House, vitals: Vitals) -> None:
    """Tell the panel that the bridge lives and whether it hears its homeserver. Raises SignedOut, LeaseLost."""
    pruner = Pruner(house)
    while True:
        vitals.heard.clear()
        try:
            names = ("bridge", "homeserver") if vitals.hears() else ("bridge",)
            await _beat(house.database, *names, now=house.clock.now())
            await ask_if_signed(house, vitals)
            with suppress(TryLater, Rejected):
                await house.homeserver.keep_up()
            await pruner.look()
        except (SignedOut, LeaseLost):
            raise
        except Exception as error:  # what tells how the bridge is must not be what ends it
            log.error("pulse failed", error=one_line(error))
        with suppress(TimeoutError):
            async with asyncio.timeout(PULSE.total_seconds()):
                await vitals.heard.wait()


async def _beat(database: Database, *names: str, now: datetime) -> None:
    """A database that cannot serve just now is no reason to stop."""
    try:
        async with database.transaction() as db:
            for name in names:
                await sightings.beat(db, name, now=now)
    except Unavailable:
        log.warning("database unavailable", loop="pulse")


def _words(house: HouseSettings, settings: Settings) -> Words:
    return Words(
        house.emergency_number,
        house.crisis_lines,
        commands.listed(),
        house.languages[0],
        for_facilitators=commands.listed(for_facilitators=True),
        panel_url=(settings.panel_url or "").rstrip("/"),
    )
