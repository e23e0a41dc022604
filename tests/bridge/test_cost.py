"""What a message costs the database while all loops run: counted, on no clock, so that it cannot grow unnoticed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from bridge import service
from bridge.loops import Loop, keep_going
from bridge.vitals import Vitals
from facilitator.database import Database
from tests.cast import BEN
from tests.fake_people import FakePerson
from tests.journeys.running import Running

LIMIT = 60
"""Seconds after which a test that waits has failed."""
NEVER = timedelta(hours=1)
TIMES = 5


class AtWork:
    """All loops of a bridge, as the service runs them; none looks by itself before it is woken."""

    def __init__(self, house: Running) -> None:
        self._house = house
        self._resting: set[str] = set()
        self._loops = service.loops_of(house.house)
        for loop in self._loops:
            loop.pass_once, loop.rest = self._watched(loop, loop.pass_once), self._rest_of(loop, loop.rest)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["AtWork"]:
        vitals, worked = Vitals(self._house.clock), service.waker(self._loops)
        tasks = [asyncio.ensure_future(keep_going(loop, vitals=vitals, worked=worked)) for loop in self._loops]
        try:
            await self.quiet()
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def quiet(self) -> None:
        """Until nobody has anything to do: all rest unwoken, and the homeserver is asked for news there are none of."""
        async with asyncio.timeout(LIMIT):
            while not self._listens() or not all(map(self._rests, self._loops[1:])):
                await asyncio.sleep(0)

    def _listens(self) -> bool:
        polling = self._house.server.polling
        return bool(polling) and not any(news.is_set() for news in polling)

    def _rests(self, loop: Loop) -> bool:
        worker = loop.stop.__self__ if loop.stop is not None else None  # type: ignore[attr-defined]
        begun = worker is not None and (len(worker.lanes) or len(getattr(worker, "errands", ())))
        return loop.name in self._resting and not loop.wake.is_set() and not begun

    def _watched(self, loop: Loop, pass_once: Callable[[], Awaitable[bool]]) -> Callable[[], Awaitable[bool]]:
        async def watched() -> bool:
            self._resting.discard(loop.name)
            return await pass_once()

        return watched

    def _rest_of(self, loop: Loop, rest: Callable[[], timedelta]) -> Callable[[], timedelta]:
        def rest_of() -> timedelta:
            self._resting.add(loop.name)
            return NEVER if rest() else timedelta()

        return rest_of


class Counted:
    """Transactions, by what they are for, and the statements in them."""

    def __init__(self, database: Database) -> None:
        self._database, self._before, self.begun = database, database.statements, Counter[str]()
        event.listen(database._engine.sync_engine, "begin", self._begin)

    def _begin(self, connection: Any) -> None:
        self.begun[connection.get_execution_options()["hearth_begin"]] += 1

    @property
    def statements(self) -> int:
        return self._database.statements - self._before


@pytest.fixture
async def ben(running: Running) -> FakePerson:
    return await running.member(await running.open_group(), BEN)


async def said(running: Running, ben: FakePerson, body: str) -> Counted:
    """What it costs to hear this so many times, one after another, in one room, where its writer was heard before."""
    (room,) = running.group_rooms()
    async with AtWork(running).running() as work:
        await ben.say(room, body)  # its key comes with it
        await work.quiet()
        counted = Counted(running.database)
        for _ in range(TIMES):
            await ben.say(room, body)
            await work.quiet()
    return counted


async def test_a_command_is_heard_and_answered_in_three_transactions_and_nine_statements(
    running: Running, ben: FakePerson
) -> None:
    counted = await said(running, ben, "!commands")
    (room,) = running.group_rooms()
    assert len(running.said(room)) == 2 + TIMES
    assert (counted.begun, counted.statements) == ({"changing": 3 * TIMES}, 9 * TIMES)


async def test_talk_costs_the_database_nothing(running: Running, ben: FakePerson) -> None:
    counted = await said(running, ben, "good evening, everybody")
    assert (counted.begun, counted.statements) == ({}, 0)
