"""A Hearth of its own for a measurement: settings, a database on either engine, and the bridge as a process.

What should be is put into the database as the panel puts it; everything else is seen from outside.
"""

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp

from benchmarks.environments import python
from deploy import commands, ports
from facilitator import accounts, groups, lives, members, schedule
from facilitator.clock import Clock
from facilitator.database import Database, KeyRing, connect
from facilitator.database.wakeup import Bell, open_bell
from facilitator.ids import AccountId, GroupId, UserId

ROOT = Path(__file__).parents[1]
READY_WITHIN = 120.0
ZONE = "Europe/Lisbon"
OFFSET = timedelta(hours=24)
SETTINGS = """\
[house]
organisation = "Bench"
emergency_number = "112"
data_dir = {data_dir}
reminder_offsets = ["24h"]
{database}
[bridge]
homeserver = {homeserver}
user_id = {user_id}
password_file = {password_file}
health_port = {health}

[web]
public_url = "http://localhost:1"
"""


@dataclass
class Instance:
    """`started`: seconds the bridge took until it was ready, of its latest start. `rung`: when the groups opened last
    stood in the database."""

    folder: Path
    settings: Path
    database: Database
    bell: Bell
    account: AccountId
    health: int
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    rung: float = 0.0
    clock: Clock = field(default_factory=Clock)

    @classmethod
    @asynccontextmanager
    async def made(
        cls,
        folder: Path,
        *,
        homeserver: str,
        user_id: UserId,
        password: str,
        database_url: str = "",
        coordinator: str = "@ada:elsewhere",
    ) -> AsyncIterator["Instance"]:
        settings, health = _write(folder, homeserver, user_id, password, database_url)
        await commands.migrate(settings)
        house = commands.house_of(settings)
        ring = KeyRing.load(house.data_dir / "bridge.key")
        database = connect(house.database_url, people=KeyRing.load(house.people_key), bridge=ring)
        async with database.transaction() as db:
            account = await accounts.add_coordinator(db, name="Ada", matrix_id=coordinator, now=Clock().now())
        bell = open_bell(house.database_url, house.data_dir)
        instance = cls(folder, settings, database, bell, account, health)
        try:
            yield instance
        finally:
            await instance.stop()
            await bell.close()
            await database.close()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    async def start(self) -> None:
        began = time.perf_counter()
        with (self.folder / "bridge.log").open("ab") as log:
            command = [python("hearth"), "-m", "deploy.cli", "bridge", "--settings", str(self.settings)]
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=as_installed(), stdout=log, stderr=log, start_new_session=True
            )
        async with aiohttp.ClientSession() as http, asyncio.timeout(READY_WITHIN):
            while not await self._ready(http):
                assert self.process.poll() is None, f"the bridge ended: see {self.folder / 'bridge.log'}"
                await asyncio.sleep(0.01)
        self.started = time.perf_counter() - began

    async def _ready(self, http: aiohttp.ClientSession) -> bool:
        try:
            async with http.get(f"http://127.0.0.1:{self.health}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, how)
            await asyncio.to_thread(self.process.wait)
        self.process = None

    def lose_keys(self) -> None:
        """The next start is a new device's: it knows nobody's keys."""
        for file in (self.folder / "data").glob("keystore.db*"):
            file.unlink()

    async def open_groups(self, rosters: Sequence[Sequence[UserId]], *, name: str = "Room") -> list[GroupId]:
        """One group for each roster of members, in one transaction; then ring."""
        now = self.clock.now()
        async with self.database.transaction() as db:
            made = []
            for number, roster in enumerate(rosters):
                group = await groups.start(
                    db, by=self.account, name=f"{name} {number}", purpose="Measuring", language="en",
                    time_zone=ZONE, now=now,
                )  # fmt: skip
                await lives.open_group(db, by=self.account, group_id=group, lines=(), waiver="Measuring", now=now)
                for user in roster:
                    await members.invite(db, by=self.account, group_id=group, matrix_id=user, now=now)
                made.append(group)
        self.rung = time.perf_counter()
        await self.bell.ring()
        return made

    async def remind(self, of: Sequence[GroupId], *, starts_in: timedelta = timedelta(hours=2)) -> float:
        """A session for each group whose reminder is due at once. Returns when it was written down."""
        now = self.clock.now()
        start = (now + starts_in).astimezone(ZoneInfo(ZONE))
        async with self.database.transaction() as db:
            for group in of:
                await schedule.schedule(
                    db, by=self.account, group_id=group, weekday=start.weekday(), at=f"{start:%H:%M}",
                    time_zone=ZONE, minutes=60, now=now,
                )  # fmt: skip
        began = time.perf_counter()
        await self.bell.ring()
        return began

    async def ask(self, statement: str) -> list[tuple[object, ...]]:
        """What stands in the tables, to see when something is done; measured things are seen from outside."""
        from sqlalchemy import text

        async with self.database.reading() as db:
            return [tuple(row) for row in await db.execute(text(statement))]

    async def rooms_of(self, of: Sequence[GroupId]) -> list[str]:
        rows = await self.ask(
            "SELECT r.group_id, s.matrix_room FROM rooms r JOIN room_sightings s ON s.room_id = r.id "
            "WHERE s.matrix_room IS NOT NULL AND r.kind = 'group'"
        )
        found = {str(group): str(room) for group, room in rows}
        return [found[group] for group in of if group in found]

    async def all_ready(self, of: Sequence[GroupId], *, people: int, within: float = 600) -> None:
        """Until each of these rooms is there with so many people invited or inside."""
        wanted = {str(group) for group in of}
        counted = (
            "SELECT r.group_id, count(*) FROM rooms r JOIN room_sightings s ON s.room_id = r.id "
            "JOIN membership_sightings m ON m.room_id = r.id "
            "WHERE r.kind = 'group' AND s.revision = r.revision AND m.membership IN ('join', 'invite') "
            "GROUP BY r.group_id"
        )
        async with asyncio.timeout(within):
            while True:
                ready = {str(group) for group, count in await self.ask(counted) if int(str(count)) >= people}
                if wanted <= ready:
                    return
                await asyncio.sleep(0.1)


def as_installed() -> dict[str, str]:
    """Our modules compiled once and not at every start, as they are where Hearth is installed."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _write(folder: Path, homeserver: str, user_id: UserId, password: str, url: str) -> tuple[Path, int]:
    data = folder / "data"
    data.mkdir(parents=True, mode=0o700)
    secret = folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    health = ports.any_free()
    settings = folder / "hearth.toml"
    settings.write_text(
        SETTINGS.format(
            data_dir=json.dumps(str(data)),
            database=f"database_url = {json.dumps(url)}" if url else "",
            homeserver=json.dumps(homeserver),
            user_id=json.dumps(user_id),
            password_file=json.dumps(str(secret)),
            health=health,
        )
    )
    return settings, health
