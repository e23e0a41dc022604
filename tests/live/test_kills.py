"""The real bridge on a real homeserver, killed with -9 while groups come to life and while reminders go out.

The thousand deaths of `journeys` fall between our own steps; these fall anywhere, also inside the libraries and the
databases. HEARTH_SOAK=1: two hundred of them during a thousand reminders, on each engine.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.live.lossy_line import lossy_line
from tests.live.mortal import Mortal
from tests.live.world import Person, World

pytestmark = pytest.mark.live

SOAK = os.environ.get("HEARTH_SOAK") == "1"
ENGINES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
GROUPS, COMING_TO_LIFE = (10, 5) if SOAK else (3, 3)
EACH, REMINDING = (100, 200) if SOAK else (10, 6)
"""Reminders in each group, and how many deaths they see. Ten deaths on each of two engines in an ordinary run."""
LONGEST_LIFE = timedelta(minutes=20) if SOAK else timedelta(seconds=90)


@pytest.fixture(params=ENGINES)
def address(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("empty_postgres_url")) if request.param == "postgres" else ""


@pytest.fixture
async def bridge(address: str, world: World, tmp_path: Path) -> AsyncIterator[Mortal]:
    made = Mortal(tmp_path / "bridge", world.url, (await world.account("hearth"))[0], database_url=address)
    await made.prepare()
    yield made
    await made.close()


@contextlib.asynccontextmanager
async def joining(person: Person) -> AsyncIterator[None]:
    """Somebody who accepts every invitation, all the while."""

    async def join_all() -> None:
        while True:
            answer = await person.do("GET", "sync?timeout=0")
            for room in answer.get("rooms", {}).get("invite", {}):
                await person.join(room)
            await asyncio.sleep(0.2)

    task = asyncio.create_task(join_all())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def killed_among_reminders(bridge: Mortal, *, times: int, reminders: int) -> list[int]:
    """Each life ends soon after a few more reminders went out, or now and then anywhere, be it before its first word.
    Returns how many each saw settled."""
    settled = "SELECT count(*) FROM outbox WHERE utterance = 'reminder' AND outcome IS NOT NULL"
    seen = [0]
    for life in range(times):
        bridge.spawn()
        goal = reminders * (life + bridge.chance.random()) / (times + 1)

        async def enough(goal: float = goal) -> bool:
            return await bridge.number(settled) >= goal

        if bridge.chance.random() < 0.9:
            await bridge.until(enough)
            await bridge.killed_within(timedelta(milliseconds=150))
        else:
            await bridge.killed_within(timedelta(seconds=4))
        seen.append(await bridge.number(settled))
    return seen


async def test_killed_again_and_again_every_room_is_there_once_and_everything_was_said_once(
    bridge: Mortal, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    ben = await world.person("ben")
    async with joining(ben):
        for life in range(COMING_TO_LIFE):
            await bridge.start()
            await bridge.open_groups(ben.user_id, number=GROUPS // COMING_TO_LIFE + (life < GROUPS % COMING_TO_LIFE))
            await bridge.killed_within(timedelta(milliseconds=600))
        await bridge.start()
        await bridge.until(bridge.all_done)
        await bridge.schedule_everywhere(each=EACH)
        bridge.kill()
        seen = await killed_among_reminders(bridge, times=REMINDING, reminders=GROUPS * EACH)
        await bridge.start()
        await bridge.until(bridge.all_done, patience=LONGEST_LIFE)
        bridge.kill()
    assert await bridge.wrongs() == []
    assert await bridge.number("SELECT count(*) FROM outbox WHERE outcome = 'sent'") == GROUPS * (1 + EACH)
    with capsys.disabled():
        among = sum(0 < each < GROUPS * EACH for each in seen)
        print(f"\n{bridge.kills} kills, {among} of them among {GROUPS * EACH} reminders: 0 lost, 0 doubled")
    assert among >= REMINDING * 0.8


async def test_it_ends_in_order_and_lets_the_account_go_though_what_it_says_hangs(world: World, tmp_path: Path) -> None:
    ben = await world.person("ben")
    async with lossy_line(world.url) as line:
        bridge = Mortal(tmp_path / "bridge", line.url, (await world.account("hearth"))[0])
        await bridge.prepare()
        try:
            async with joining(ben):
                await bridge.start()
                line.hanging = True
                await bridge.open_groups(ben.user_id, number=1)
                async with asyncio.timeout(LONGEST_LIFE.total_seconds()):
                    await line.hung.wait()
                assert not await bridge.free()
                assert await bridge.stopped(within=timedelta(seconds=20)) == 0, bridge.log()
            assert await bridge.free(), bridge.log()
        finally:
            await bridge.close()
