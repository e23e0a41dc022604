"""A bridge process to kill: in a folder of its own, on either engine, with the panel's hands on the same database."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import text

from facilitator import bots, groups, members, schedule, sightings
from facilitator.clock import Clock
from facilitator.database import Database, KeyRing, Unavailable, connect
from facilitator.database.keys import write_privately
from facilitator.database.wakeup import open_bell
from facilitator.ids import GroupId, UserId
from tests import cast
from tests.cast import Cast
from tests.live.world import PASSWORD, Person

PATIENCE = timedelta(seconds=90)
LOOKS = timedelta(milliseconds=50)
SETTINGS = """
[house]
organisation = "Lantern"
emergency_number = "112"
data_dir = "."
database_url = "{database}"
reminder_offsets = ["24h"]

[bridge]
homeserver = "{url}"
user_id = "{user_id}"
password_file = "password"
"""


class Mortal:
    """`database_url`: of an empty database; one in its folder when left out."""

    def __init__(self, folder: Path, url: str, user_id: UserId, *, database_url: str = "", seed: int = 2) -> None:
        folder.mkdir(mode=0o700)
        address = database_url or f"sqlite:///{folder / 'hearth.db'}"
        filled = SETTINGS.format(database=address, url=url, user_id=user_id)
        write_privately(folder / "hearth.toml", filled, over=False)
        write_privately(folder / "password", PASSWORD, over=False)
        people, bridge = KeyRing.create(folder / "people.key"), KeyRing.create(folder / "bridge.key")
        self.folder, self.user_id, self.homeserver = folder, user_id, url
        self.database: Database = connect(address, people=people, bridge=bridge)
        self.bell = open_bell(address, folder)
        self.clock, self.chance = Clock(), random.Random(seed)
        self.groups: list[GroupId] = []
        self.kills = 0
        self.cast: Cast
        self._process: subprocess.Popen[bytes] | None = None

    async def prepare(self) -> None:
        await self.database.upgrade()
        self.cast = await cast.enter(self.database, now=self.clock.now())

    # ------------------------------------------------------------------------------------------- life and death

    def spawn(self) -> None:
        command = [sys.executable, "-m", "deploy.cli", "bridge", "--settings", str(self.folder / "hearth.toml")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    async def start(self) -> None:
        """Start it, and wait until it says that it hears."""
        begun = self.clock.now()
        self.spawn()

        async def hears() -> bool:
            async with self.database.reading() as db:
                return (await sightings.heartbeats(db)).get("homeserver", begun) > begun

        await self.until(hears)

    async def killed_within(self, longest: timedelta) -> None:
        await self.clock.sleep(self.chance.random() * longest)
        self.kill()

    def kill(self) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
            self.kills += 1
        self._process.wait()
        self._process = None

    async def stopped(self, *, within: timedelta) -> int:
        """Ask it to end as a service manager does. Returns its exit status."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGTERM)
        return await asyncio.to_thread(self._process.wait, within.total_seconds())

    async def until(self, true: Callable[[], Awaitable[object]], *, patience: timedelta = PATIENCE) -> None:
        assert self._process is not None
        deadline = self.clock.now() + patience
        while not await self._is(true):
            assert self._process.poll() is None, self.log()
            assert self.clock.now() < deadline, self.log()
            await self.clock.sleep(LOOKS)

    async def _is(self, true: Callable[[], Awaitable[object]]) -> bool:
        """A database that does not serve just now is asked again."""
        with contextlib.suppress(Unavailable):
            return bool(await true())
        return False

    def log(self) -> str:
        return (self.folder / "log").read_text()[-20_000:]

    # ------------------------------------------------------------------------------------------- the panel's hands

    async def rows(self, question: str, **given: Any) -> Sequence[Any]:
        async with self.database.reading() as db:
            return (await db.execute(text(question), given)).all()

    async def number(self, question: str) -> int:
        return int((await self.rows(question))[0][0])

    async def all_said(self) -> bool:
        return not await self.rows("SELECT 1 FROM outbox WHERE outcome IS NULL LIMIT 1")

    async def all_done(self) -> bool:
        """Every room as it should be, everybody in it, nothing left to say."""
        now = self.clock.now()
        async with self.database.reading() as db:
            pages = [await groups.page(db, by=self.cast.ada, group_id=group, now=now) for group in self.groups]
        ready = all(page.room.state == "up_to_date" and page.roster[0].standing == "joined" for page in pages)
        return ready and await self.all_said()

    async def open_groups(self, member: UserId, *, number: int) -> None:
        for _ in range(number):
            group = await cast.open_group(self.database, self.cast.ada, now=self.clock.now(), zone="UTC")
            self.groups.append(group)
            async with self.database.transaction() as db:
                await members.invite(db, by=self.cast.ada, group_id=group, matrix_id=member, now=self.clock.now())
        await self.bell.ring()

    async def schedule_everywhere(self, *, each: int = 1) -> None:
        """Sessions in some hours, whose reminders are due at once."""
        soon = self.clock.now() + timedelta(hours=5)
        async with self.database.transaction() as db:
            for number, group in product(range(each), self.groups):
                starts = soon + timedelta(minutes=number)  # a group meets once at a time
                await schedule.schedule(
                    db, by=self.cast.ada, group_id=group, weekday=starts.weekday(), at=f"{starts:%H:%M}",
                    time_zone="UTC", minutes=60, now=self.clock.now(),
                )  # fmt: skip
        await self.bell.ring()

    # ------------------------------------------------------------------------------------------- what came of it

    async def free(self) -> bool:
        """Whether another machine's bridge would get the account now; it does, then."""
        async with self.database.transaction() as db:
            bot = await bots.enrol(db, user_id=self.user_id, homeserver=self.homeserver, now=self.clock.now())
            return await bots.hold(db, bot.id, holder="there:1:1", lasts=timedelta(seconds=1)) is not None

    async def eye(self) -> Person:
        """The bot's own view by plain HTTP."""
        async with self.database.transaction() as db:
            bot = await bots.enrol(db, user_id=self.user_id, homeserver=self.homeserver, now=self.clock.now())
        assert bot.access_token is not None
        return Person.bearing(self.homeserver, self.user_id, bot.access_token)

    async def wrongs(self) -> list[str]:
        """Everything that was lost or doubled; nothing when each act settled as sent is one event and no other is."""
        eye = await self.eye()
        try:
            joined = (await eye.do("GET", "joined_rooms"))["joined_rooms"]
            markers = Counter([(await eye.state(room, "m.room.create"))["io.hearth.room"] for room in joined])
            ours = {row[0] for row in await self.rows("SELECT id FROM rooms WHERE kind <> 'direct'")}
            found = [f"{times} rooms instead of one" for times in markers.values() if times != 1]
            found += [f"{len(markers.keys() ^ ours)} rooms too few or too many"] if markers.keys() != ours else []
            for room in joined:
                found += await self._wrongs_in(eye, room)
        finally:
            await eye.close()
        lost = await self.rows("SELECT outcome, why, count(*) FROM outbox WHERE outcome != 'sent' OR outcome IS NULL "
                               "GROUP BY outcome, why")  # fmt: skip
        return [*found, *(str(tuple(row)) for row in lost)]

    async def _wrongs_in(self, eye: Person, room: str) -> list[str]:
        said = Counter(await encrypted_by(eye, room))
        acts = Counter(
            row[0]
            for row in await self.rows(
                "SELECT event_id FROM outbox JOIN room_sightings USING (room_id) "
                "WHERE matrix_room = :room AND outcome = 'sent'", room=room,
            )
        )  # fmt: skip
        doubled, lost = sum((said - acts).values()), sum((acts - said).values())
        return ([f"{doubled} doubled"] if doubled else []) + ([f"{lost} not in the room"] if lost else [])

    async def close(self) -> None:
        self.kill()
        await self.bell.close()
        await self.database.close()


async def encrypted_by(eye: Person, room: str) -> list[str]:
    """The encrypted events of somebody in a room, all of its history."""
    found: list[str] = []
    query = ""
    while True:
        answer = await eye.do("GET", f"rooms/{quote(room)}/messages?dir=b&limit=500{query}")
        chunk = answer["chunk"]
        found += [e["event_id"] for e in chunk if e["type"] == "m.room.encrypted" and e["sender"] == eye.user_id]
        if not answer.get("end"):
            return found
        query = f"&from={answer['end']}"
