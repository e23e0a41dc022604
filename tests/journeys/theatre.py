"""Where the stories with crashes are played: many runs from one copy of the database, shared out over the machine's
processors, since a thousand deaths take a while."""

import asyncio
import gc
import os
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from structlog.testing import capture_logs

from facilitator.database import parse
from facilitator.endings import READ_WITHIN
from facilitator.ids import RoomId, UserId
from facilitator.rules.life import KeptBy
from tests import cast
from tests.cast import ADA, BEN, CLEO, Cast
from tests.clock import MONDAY_NOON, TurnedClock
from tests.fake_homeserver import FakeHomeserver
from tests.fake_weather import fault, rate_limited
from tests.journeys.crashes import MortalDatabase, Promise, Reaper, firsts, live_through, wrongs
from tests.journeys.parting import close
from tests.journeys.running import Running
from tests.keys import Keys, migrate

MEMORY = Path("/dev/shm")
STORMS = ("create", "invite", "send", "look", "listen", "find", "set_state")
DAY_BEFORE, SHORTLY_BEFORE = datetime(2026, 11, 3, 18, tzinfo=UTC), datetime(2026, 11, 4, 17, 40, tzinfo=UTC)
WELCOMED = ("Hello", "Hello")
MOST_LIVES = 200
DORA = UserId("@dora:away.example")


# --------------------------------------------------------------------------------------------------- the stories


async def coming_to_life(house: Running) -> AsyncIterator[None]:
    """A group is opened, somebody on another server is invited, joins, is welcomed and asks for help."""
    group, dora = await house.open_group(), house.person(DORA)
    yield
    await house.invite(group, DORA)
    yield
    await dora.say(await house.matrix_room(group), "!help")
    yield


async def reminding(house: Running) -> AsyncIterator[None]:
    """The same at one stroke and with two people; then a session with its two reminders."""
    group = await house.open_group()
    await house.invite(group, BEN)
    await house.invite(group, CLEO)
    await house.schedule(group, weekday=2, at="19:00", zone="Europe/Berlin")
    yield
    for moment in (DAY_BEFORE, SHORTLY_BEFORE):
        house.clock.turn_to(moment)
        yield


async def talking(house: Running) -> AsyncIterator[None]:
    """People talk, of which our place is not written down; in between somebody calls whose key comes late."""
    group = await house.open_group()
    await house.invite(group, BEN)
    await house.invite(group, CLEO)
    yield
    room, ben, cleo = await house.matrix_room(group), house.person(BEN), house.person(CLEO)
    await cleo.say(room, "good evening")
    yield
    await ben.say(room, "!help", key_later=True)
    await cleo.say(room, "is Ben here?")
    yield
    await cleo.say(room, "he will come")
    yield
    await ben.send_keys()
    yield
    await cleo.say(room, "!sessions")
    yield


async def two_at_once(house: Running) -> AsyncIterator[None]:
    """Two groups side by side, both with sessions at the same time."""
    for name in ("Maple room", "Harbour room"):
        group = await house.open_group(name)
        await house.invite(group, BEN)
        await house.invite(group, CLEO)
        await house.schedule(group, weekday=2, at="19:00", zone="Europe/Berlin")
    yield
    for moment in (DAY_BEFORE, SHORTLY_BEFORE):
        house.clock.turn_to(moment)
        yield


async def parting(house: Running, *, kept_by: KeptBy) -> AsyncIterator[None]:
    """A group with two people comes to its last day."""
    group = await house.open_group()
    await house.invite(group, BEN)
    await house.invite(group, CLEO)
    yield
    moment = await close(house, group, kept_by)
    yield
    house.clock.turn_to(moment)
    yield
    house.clock.turn(READ_WITHIN)
    yield


STORIES = {
    "coming_to_life": (coming_to_life, Promise(frozenset({ADA, DORA}), ("Hello", "Thank"))),
    "talking": (talking, Promise(frozenset({ADA, BEN, CLEO}), (*WELCOMED, "Thank", "No"))),
    "reminding": (reminding, Promise(frozenset({ADA, BEN, CLEO}), (*WELCOMED, "See", "We"))),
    "left_to_nobody": (
        partial(parting, kept_by=KeptBy.NOBODY),
        Promise(frozenset(), (*WELCOMED, "Something", "A"), left=True),
    ),
    "left_to_members": (
        partial(parting, kept_by=KeptBy.MEMBERS),
        Promise(frozenset({ADA, BEN, CLEO}), (*WELCOMED, "Something", "A"), left=True),
    ),
    "two_at_once": (two_at_once, Promise(frozenset({ADA, BEN, CLEO}), (*WELCOMED, "See", "We"))),
}


async def people_join(house: Running) -> None:
    """Everybody accepts every invitation at once."""
    for user in (ADA, BEN, CLEO, DORA):
        somebody = house.person(user)
        for room in await somebody.invitations():
            await somebody.join(room)


# ---------------------------------------------------------------------------------------------------- the runs


@dataclass(frozen=True)
class Trial:
    """One run of a story. It dies at the point `at`; and again after `then` more, and after one more than that, and so
    on (were lives all alike, none would come further than the one before). Or by chance, about every `mean_life`
    points, loops in any order and storms breaking loose, all of it from `seed`."""

    story: str
    at: int = 0
    then: int = 0
    seed: int | None = None
    mean_life: int = 0

    def deaths(self) -> frozenset[int]:
        lives = range(MOST_LIVES if self.then else 1) if self.at else ()
        return frozenset(self.at + sum(range(self.then, self.then + life)) for life in lives)


@dataclass(frozen=True)
class Outcome:
    trial: Trial
    points: int
    deaths: Counter[str]
    wrongs: tuple[str, ...]


class Theatre:
    """One database file, used again and again: each run begins from the same copy, with a homeserver of its own."""

    def __init__(self, folder: Path, keys: Keys) -> None:
        self._template, self._file = folder / "template.db", folder / "hearth.db"
        shutil.copy(self._template, self._file)
        rings = {"people": keys.people, "bridge": keys.bridge}
        self.database = MortalDatabase(parse(f"sqlite:///{self._file}"), rings)
        self._cast: Cast | None = None

    async def play(self, trial: Trial) -> Outcome:
        if self._cast is None:
            self._cast = await cast.enter(self.database, now=MONDAY_NOON)
            copy(self._file, self._template)
        copy(self._template, self._file)
        story, promise = STORIES[trial.story]
        house, reaper = self._prepare(trial, self._cast)
        with capture_logs() as log:
            try:
                await live_through(house, reaper, story)
                found = tuple([wrong async for wrong in judged(house, promise)])
            except Exception as error:
                found = (repr(error),)
        bugs = tuple(str(entry) for entry in log if entry["log_level"] == "error")
        return Outcome(trial, reaper.passed, reaper.deaths, found + bugs)

    def _prepare(self, trial: Trial, who: Cast) -> tuple[Running, Reaper]:
        clock, chance = TurnedClock(), random.Random(trial.seed)
        house = Running(self.database, FakeHomeserver(clock), clock, who)
        house.idle = partial(people_join, house)
        reaper = Reaper(trial.deaths().__contains__)
        if trial.seed is not None:
            house.shuffled = chance
            reaper.takes = lambda _: chance.random() < 1 / trial.mean_life
            storms(house, chance)
        self.database.reaper, house.server.weather.crash_point = reaper, reaper.point
        return house, reaper


def backstage(promise: Promise) -> Promise:
    """Ada alone runs the groups of every story, and nothing in them needs her."""
    return Promise(frozenset() if promise.left else frozenset({ADA}), ("Hello",), left=promise.left)


async def judged(house: Running, promise: Promise) -> AsyncIterator[str]:
    rooms = house.server.rooms.values()
    markers = {room.value("m.room.create", "io.hearth.room") for room in rooms}
    apart = {room.room for room in house.backstage_rooms()}
    for marker in markers:
        found = house.all_marked(RoomId(marker))
        due = backstage(promise) if {room.room for room in found} & apart else promise
        for wrong in wrongs(house, found, due):
            yield wrong
        for room in found:
            for person in due.inside - {ADA}:
                if not {*due.said} <= {*firsts(await house.person(person).read(room.room))}:
                    yield "somebody cannot read what was said"


def storms(house: Running, chance: random.Random) -> None:
    """A few faults, some of them after the deed, strewn over what comes."""
    for _ in range(chance.randrange(4)):
        error = chance.choice((fault, rate_limited))()
        house.server.weather.strike(
            error, on=chance.choice(STORMS), done=chance.random() < 0.6, half=chance.random() < 0.3
        )


def copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


# ------------------------------------------------------------------------------------------------ side by side


def play_all(trials: Sequence[Trial]) -> list[Outcome]:
    """Every trial, over all processors."""
    workers = min(os.cpu_count() or 1, len(trials))
    shares = [trials[n::workers] for n in range(workers)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return [outcome for outcomes in pool.map(play_share, shares) for outcome in outcomes]


def play_share(trials: Sequence[Trial]) -> list[Outcome]:
    """In a process of its own."""
    gc.disable()  # a fifth of the time, for memory that a short life has
    keys = Keys()
    with tempfile.TemporaryDirectory(prefix="hearth-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as folder:
        migrate(f"sqlite:///{folder}/template.db", keys)

        async def play() -> list[Outcome]:
            theatre = Theatre(Path(folder), keys)
            outcomes = [await theatre.play(trial) for trial in trials]
            await theatre.database.close()
            return outcomes

        return asyncio.run(play())
