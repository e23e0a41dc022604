"""A house that a host sets up by command on the real homeserver, and what anybody sees of its bot."""

import asyncio
import contextlib
import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from bridge import signing_in
from bridge.matrix.client import NioHomeserver
from bridge.matrix.screening import cross_signing_key, signed_devices, usable_devices
from deploy import cli
from deploy.setup import house
from facilitator.clock import Clock
from facilitator.ids import UserId
from tests.live.world import PASSWORD, Person

PHRASE = "four plain words together"


class SetUp:
    """One installation in a folder of its own."""

    def __init__(self, folder: Path, url: str, user_id: UserId) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder, self.url, self.user_id = folder, url, user_id
        self.settings, self.data = folder / "hearth.toml", folder / "data"
        for name, secret in (("password", PASSWORD), ("phrase", PHRASE)):
            self.secret(name, secret)

    def secret(self, name: str, text: str) -> str:
        file = self.folder / name
        file.touch(mode=0o600)
        file.write_text(text)
        return str(file)

    async def hearth(self, *words: str, typed: str | None = None) -> Result:
        whole = [*words, "--settings", str(self.settings)]
        return await asyncio.to_thread(lambda: CliRunner().invoke(cli.main, whole, input=typed))

    async def set_up(self, *more: str, way: tuple[str, ...] = ()) -> Result:
        return await self.hearth(
            "setup", "--homeserver", self.url, "--user-id", self.user_id, "--organisation", "Riverside",
            "--emergency-number", "112", "--data-dir", str(self.data), "--accept-server-name",
            *(way or ("--password-file", str(self.folder / "password"))), *more,
        )  # fmt: skip

    async def done(self, *words: str) -> str:
        result = await self.hearth(*words)
        assert result.exit_code == 0, result.output
        return result.output

    async def refused(self, *words: str) -> str:
        """The one sentence it says when it cannot."""
        result = await self.hearth(*words)
        assert result.exit_code == cli.CANNOT, result.output
        return result.stderr

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[NioHomeserver]:
        """The bot's client, started as the bridge starts it."""
        async with house.held(self.settings, Clock()) as held:
            client = await signing_in.start(held.database, held.bot, held.settings, held.keys, clock=Clock())
            try:
                yield client
            finally:
                await client.close()

    def copied_to(self, folder: Path) -> "SetUp":
        """The whole folder, as a backup or a second machine has it. Nobody holds the copy's account."""
        shutil.copytree(self.folder, folder)
        copy = SetUp(folder, self.url, self.user_id)
        copy.settings.write_text(copy.settings.read_text().replace(str(self.folder), str(folder)))
        copy.change("UPDATE leases SET expires = '2000-01-01T00:00:00.000Z'")
        return copy

    def put_back(self, name: str, copy: "SetUp") -> None:
        """The file, and its logs, as the copy has them."""
        for file in self.data.glob(f"{name}*"):
            file.unlink()
        for file in copy.data.glob(f"{name}*"):
            shutil.copy2(file, self.data / file.name)

    def lose(self, name: str) -> None:
        for file in self.data.glob(f"{name}*"):
            file.unlink()

    def without_password(self) -> None:
        kept = [line for line in self.settings.read_text().splitlines(True) if not line.startswith("password_file")]
        self.settings.write_text("".join(kept))

    def change(self, statement: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(self.data / "hearth.db")) as file, file:
            return file.execute(statement).fetchall()

    @property
    def device(self) -> str:
        return str(self.change("SELECT device_id FROM bot_accounts")[0][0])


class Seen:
    """What somebody else's app is shown of an account."""

    def __init__(self, answer: Any, user: UserId) -> None:
        self.master_key = cross_signing_key(answer, user, "master")
        self.devices = set(answer["device_keys"].get(user) or {})
        self.signed = signed_devices(answer, user, usable_devices(answer).get(user, {}))


async def seen_by(person: Person, user: UserId) -> Seen:
    return Seen(await person.do("POST", "keys/query", {"device_keys": {user: []}}), user)
