"""Kill anywhere: a process that dies before or after any effect on the homeserver and any commit, as often as wanted.

Each death leaves what a real one leaves: the database as last committed, the homeserver as it is, the device's keys.
Nothing of the dead process acts again; the next one starts from there.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from bridge.matrix.homeserver import ACT_KEY
from facilitator import outbox, rooms
from facilitator.database import Database, Db
from facilitator.ids import UserId
from tests.cast import BOT
from tests.fake_rooms import FakeRoom
from tests.fake_weather import Killed
from tests.journeys.running import Running

TOO_MANY = 1_000
PATIENCE = 30
"""How often ten seconds may go by until everything is done, where storms make things wait."""


def never(_: int) -> bool:
    return False


@dataclass
class Reaper:
    """Counts the points where a process may die and takes it at those it is told to. `asleep`: while others act."""

    takes: Callable[[int], bool] = never
    passed: int = 0
    deaths: Counter[str] = field(default_factory=Counter)
    asleep: bool = True
    _dead: bool = False

    def point(self, name: str) -> None:
        if self.asleep:
            return
        if not self._dead:
            self.passed += 1
            self._dead = self.takes(self.passed)
            self.deaths.update([name] if self._dead else [])
        if self._dead:
            raise Killed(name)  # and again for whatever of the dead process runs on beside it

    def new_life(self) -> None:
        self._dead = False


class MortalDatabase(Database):
    """A database whose user may die before it begins to change something, before the commit, and after it."""

    reaper: Reaper = Reaper()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Db]:
        self.reaper.point("before a transaction")
        async with super().transaction() as db:
            yield db
            self.reaper.point("before a commit")
        self.reaper.point("after a commit")


Story = Callable[[Running], AsyncIterator[None]]
"""What the panel, the people and the clock do; at each `yield` the bridge works until nothing is left."""


async def live_through(house: Running, reaper: Reaper, story: Story) -> None:
    """Run a story with a bridge that dies as the reaper wills, and starts again each time."""
    await _live(house, reaper, house.start)
    async for _ in story(house):
        await _until_done(house, reaper)


async def _until_done(house: Running, reaper: Reaper) -> None:
    for _ in range(PATIENCE):
        await _live(house, reaper, house.settle)
        if await _done(house):
            return
        house.clock.turn(timedelta(seconds=10))
    raise AssertionError("something waits for ever")


async def _live(house: Running, reaper: Reaper, work: Callable[[], Awaitable[None]]) -> None:
    """Do the work, however many lives it takes: each new one begins with a start."""
    reaper.asleep = False
    started = True
    while True:
        try:
            if not started:
                await house.start()
                started = True
            await work()
            break
        except Killed:
            assert reaper.deaths.total() < TOO_MANY, "every life ends where the one before ended"
            await house.die_out()
            reaper.new_life()
            started = False
    reaper.asleep = True


async def _done(house: Running) -> bool:
    """Nothing left to say, and every room as it should be."""
    async with house.database.reading() as db:
        behind = await rooms.due(db, house.house.bot, now=house.clock.now() + timedelta(days=1))
        waiting = await outbox.next_try(db, house.house.bot)
    return not behind and waiting is None


@dataclass(frozen=True)
class Promise:
    """What a room of ours must come to: who is in it, the bot among them unless it has left, and what was said there,
    by each utterance's first word."""

    inside: frozenset[UserId]
    said: tuple[str, ...]
    left: bool = False


def wrongs(house: Running, found: list[FakeRoom], promise: Promise) -> Iterator[str]:
    """Everything that was lost, doubled or out of order, in words; nothing when the promise was kept."""
    if len(found) != 1:
        yield f"{len(found)} rooms instead of one"
    for room in found:
        acts = Counter(event.content[ACT_KEY] for event in house.messages(room.room))
        yield from (f"said {times} times: {act}" for act, times in acts.items() if times != 1)
        said = firsts(house.said(room.room))
        if said != promise.said:
            yield f"said: {said}"
        inside = promise.inside if promise.left else promise.inside | {BOT}
        if room.joined() != inside:
            yield f"in the room: {len(room.joined())} instead of {len(inside)}"
        asked = Counter(e.state_key for e in room.events if e.content.get("membership") == "invite")
        yield from (f"asked {times} times" for times in asked.values() if times != 1)


def firsts(texts: Iterable[str]) -> tuple[str, ...]:
    """Each by its first word: enough to tell a welcome from a reminder."""
    return tuple(text.split()[0].strip(",") for text in texts)
