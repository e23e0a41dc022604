"""Twenty groups of eight on a Synapse with stock limits, or some times faster ones, and one bridge that is exempt from
none: what is set up, and what either side can tell of how it went."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp

from deploy import homeserver, matrix_accounts
from deploy.homeserver import LocalHomeserver
from facilitator import accounts, members, schedule
from facilitator.clock import Clock
from facilitator.database import Database, KeyRing, connect
from facilitator.database.keys import write_privately
from facilitator.ids import GroupId, UserId
from tests import cast
from tests.live.world import PASSWORD, Person

GROUPS, PEOPLE, IN_MANY = 20, 8, 7
LOOKS = timedelta(milliseconds=200)
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
health_port = {port}
"""


def limits(times: float) -> dict[str, Any]:
    """Synapse's own, so many times faster (its documentation, `rc_…`; read in synapse.config.ratelimiting 1.163)."""

    def rate(per_second: float, burst: int) -> dict[str, float]:
        return {"per_second": per_second * times, "burst_count": burst}

    return {
        "rc_message": rate(0.2, 10),
        "rc_room_creation": rate(0.016, 10),
        "rc_joins": {"local": rate(0.1, 10), "remote": rate(0.01, 10)},
        "rc_invites": {"per_room": rate(0.3, 10), "per_user": rate(0.003, 5), "per_issuer": rate(0.3, 10)},
    }


class Crowded:
    """The bridge's process, the panel's hands on its database, and Ben, who is in the first group."""

    def __init__(self, server: LocalHomeserver, folder: Path, bot: UserId) -> None:
        folder.mkdir(mode=0o700)
        self.port = homeserver.free_port()
        filled = SETTINGS.format(url=server.url, user_id=bot, port=self.port)
        write_privately(folder / "hearth.toml", filled, over=False)
        write_privately(folder / "password", PASSWORD, over=False)
        people, bridge = KeyRing.create(folder / "people.key"), KeyRing.create(folder / "bridge.key")
        self.database: Database = connect(f"sqlite:///{folder / 'hearth.db'}", people=people, bridge=bridge)
        self.server, self.folder, self.bot, self.clock = server, folder, bot, Clock()
        self.groups: list[GroupId] = []
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "deploy.cli", "bridge", "--settings", str(self.folder / "hearth.toml")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    async def stop(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(30)
        await self.database.close()

    async def open_groups(self, ben: UserId) -> None:
        """Each with a facilitator of its own, somebody who is in many, and a session in three hours: its reminder is
        due. All but Ben are told nothing: the homeserver does not ask whether they are there."""
        now = self.clock.now()
        at = now + timedelta(hours=3)
        async with self.database.transaction() as db:
            for number in range(GROUPS):
                by = await accounts.add_coordinator(
                    db, name=f"Ada {number}", matrix_id=f"@ada{number}:localhost", now=now
                )
                group = await cast.opened(db, by, name=f"Tuesdays {number}", zone="UTC", now=now)
                asked = [f"@m{number}-{n}:localhost" for n in range(PEOPLE)]
                asked[0] = ben if number == 0 else "@often:localhost" if number <= IN_MANY else asked[0]
                for person in asked:
                    await members.invite(db, by=by, group_id=group, matrix_id=person, now=now)
                await schedule.schedule(
                    db, by=by, group_id=group, weekday=at.weekday(), at=f"{at:%H:%M}", time_zone="UTC", minutes=60,
                    now=now,
                )  # fmt: skip
                self.groups.append(group)

    async def until(self, true: Callable[[], Awaitable[object]], within: timedelta) -> timedelta:
        """How long it took."""
        begun = self.clock.now()
        while not await true():
            assert self._process is not None and self._process.poll() is None, self.log
            assert self.clock.now() - begun < within, await self.told()
            await self.clock.sleep(LOOKS)
        return self.clock.now() - begun

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def count(self, sql: str, *values: object, server: bool = False) -> int:
        """One number out of our database, or out of the homeserver's."""
        file = self.server.options.data / "homeserver.db" if server else self.folder / "hearth.db"
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as db:
            return int(db.execute(sql, values).fetchone()[0] or 0)

    async def told(self) -> Mapping[str, float]:
        """What it tells of itself: how its requests went, by the metric's name and label."""
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{self.port}/metrics") as response:
            text = await response.text()
        found = re.findall(r"^hearth_((?:requests|rate_limited)_total\{[^}]*\}) ([0-9.e+]+)$", text, re.MULTILINE)
        return {name: float(value) for name, value in found}


async def somebody(server: LocalHomeserver, name: str) -> UserId:
    return await matrix_accounts.register(server.url, server.registration_secret, name=name, password=PASSWORD)


async def signed_in(server: LocalHomeserver, name: str) -> Person:
    return Person(server.url, await matrix_accounts.sign_in(server.url, name=name, password=PASSWORD), name)
