"""The real bridge on a real homeserver, killed with -9 while groups come to life and while reminders go out.

The thousand deaths of `journeys` fall between our own steps; these few fall anywhere, also inside the libraries.
"""

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest

from facilitator import bots, groups, members, schedule, sightings
from facilitator.clock import Clock
from facilitator.database import Database, KeyRing, connect
from facilitator.database.keys import write_privately
from facilitator.database.wakeup import open_bell
from facilitator.ids import GroupId, UserId
from tests import cast
from tests.cast import Cast
from tests.live.world import PASSWORD, Person, World

pytestmark = pytest.mark.live

KILLS, AT_ONCE = 5, 2
PATIENCE = timedelta(seconds=60)
SETTINGS = """
[house]
organisation = "Lantern"
emergency_number = "112"
data_dir = "."
reminder_offsets = ["24h"]

[bridge]
homeserver = "{url}"
user_id = "{user_id}"
password_file = "password"
"""


class Mortal:
    """A bridge process in a folder of its own, and the panel's hands on the same database."""

    def __init__(self, folder: Path, url: str, user_id: UserId) -> None:
        folder.mkdir(mode=0o700)
        write_privately(folder / "hearth.toml", SETTINGS.format(url=url, user_id=user_id), over=False)
        write_privately(folder / "password", PASSWORD, over=False)
        people, bridge = KeyRing.create(folder / "people.key"), KeyRing.create(folder / "bridge.key")
        address = f"sqlite:///{folder / 'hearth.db'}"
        self.folder, self.user_id, self.homeserver = folder, user_id, url
        self.database: Database = connect(address, people=people, bridge=bridge)
        self.bell = open_bell(address, folder)
        self.clock, self.chance = Clock(), random.Random(2)
        self.groups: list[GroupId] = []
        self.cast: Cast
        self._process: subprocess.Popen[bytes]

    async def prepare(self) -> None:
        await self.database.upgrade()
        self.cast = await cast.enter(self.database, now=self.clock.now())

    async def start(self) -> None:
        """Start it, and wait until it says that it hears."""
        begun = self.clock.now()
        command = [sys.executable, "-m", "deploy.cli", "bridge", "--settings", str(self.folder / "hearth.toml")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

        async def hears() -> bool:
            async with self.database.reading() as db:
                return (await sightings.heartbeats(db)).get("homeserver", begun) > begun

        await self.until(hears)

    async def killed_soon(self) -> None:
        await self.bell.ring()
        await self.clock.sleep(timedelta(seconds=self.chance.random() * 0.6))
        self.kill()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    async def until(self, true: Callable[[], object]) -> None:
        deadline = self.clock.now() + PATIENCE
        while not await true():  # type: ignore[misc]
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert self.clock.now() < deadline, (self.folder / "log").read_text()
            await self.clock.sleep(timedelta(milliseconds=50))

    async def all_done(self) -> bool:
        """Every room as it should be, everybody in it, nothing left to say."""
        now = self.clock.now()
        async with self.database.reading() as db:
            pages = [await groups.page(db, by=self.cast.ada, group_id=group, now=now) for group in self.groups]
        ready = all(page.room.state == "up_to_date" and page.roster[0].standing == "joined" for page in pages)
        return ready and not self.rows("SELECT 1 FROM outbox WHERE outcome IS NULL")

    def rows(self, question: str) -> list[tuple[str, ...]]:
        with contextlib.closing(sqlite3.connect(self.folder / "hearth.db")) as file:
            return file.execute(question).fetchall()

    async def open_groups(self, member: UserId) -> None:
        for _ in range(AT_ONCE):
            group = await cast.open_group(self.database, self.cast.ada, now=self.clock.now(), zone="UTC")
            self.groups.append(group)
            async with self.database.transaction() as db:
                await members.invite(db, by=self.cast.ada, group_id=group, matrix_id=member, now=self.clock.now())

    async def schedule_everywhere(self) -> None:
        """A session in some hours, whose reminder is due at once."""
        starts = self.clock.now() + timedelta(hours=5)
        for group in self.groups:
            async with self.database.transaction() as db:
                await schedule.schedule(
                    db, by=self.cast.ada, group_id=group, weekday=starts.weekday(), at=f"{starts:%H:%M}",
                    time_zone="UTC", minutes=60, now=self.clock.now(),
                )  # fmt: skip

    async def eye(self) -> Person:
        """The bot's own view by plain HTTP."""
        async with self.database.transaction() as db:
            bot = await bots.enrol(db, user_id=self.user_id, homeserver=self.homeserver, now=self.clock.now())
        assert bot.access_token is not None
        return Person.bearing(self.homeserver, self.user_id, bot.access_token)

    async def close(self) -> None:
        self.kill()
        await self.bell.close()
        await self.database.close()


@pytest.fixture
async def bridge(world: World, tmp_path: Path) -> AsyncIterator[Mortal]:
    made = Mortal(tmp_path / "bridge", world.url, (await world.account("hearth"))[0])
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
            await asyncio.sleep(0.1)

    task = asyncio.create_task(join_all())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def encrypted_by(eye: Person, room: str) -> list[str]:
    answer = await eye.do("GET", f"rooms/{quote(room)}/messages?dir=b&limit=500")
    return [e["event_id"] for e in answer["chunk"] if e["type"] == "m.room.encrypted" and e["sender"] == eye.user_id]


async def test_killed_five_times_in_each_every_room_is_there_once_and_everything_was_said_once(
    bridge: Mortal, world: World
) -> None:
    ben = await world.person("ben")
    async with joining(ben):
        for work in (partial(bridge.open_groups, ben.user_id), bridge.schedule_everywhere):
            for _ in range(KILLS):
                await bridge.start()
                await work()
                await bridge.killed_soon()
            await bridge.start()
            await bridge.until(bridge.all_done)
            bridge.kill()

    eye = await bridge.eye()
    joined = (await eye.do("GET", "joined_rooms"))["joined_rooms"]
    markers = Counter([(await eye.state(room, "m.room.create"))["io.hearth.room"] for room in joined])
    assert set(markers) == {room for (room,) in bridge.rows("SELECT id FROM rooms WHERE kind = 'group'")}
    assert set(markers.values()) == {1}, "one room for each group"
    for room in joined:
        said = await encrypted_by(eye, room)
        acts = bridge.rows(
            "SELECT event_id FROM outbox JOIN room_sightings USING (room_id) "
            f"WHERE matrix_room = '{room}' AND outcome = 'sent'"
        )
        assert sorted(said) == sorted(event for (event,) in acts)
        assert len(said) == 1 + KILLS, "a welcome, and the reminder of each series"
    await eye.close()
