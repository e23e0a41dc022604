"""The doctor on a real homeserver: a sound house is well, and each thing that is broken is found and named."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bridge import account, signing_in
from bridge.matrix.keystore import KeyStore
from bridge.settings import Settings as BridgeSettings
from deploy import commands, doctor
from deploy.doctor.finding import Finding, Level
from facilitator import bots, sightings
from facilitator.bots import Bot
from facilitator.clock import Clock
from facilitator.database import Database, KeyRing, connect
from facilitator.database.keys import write_privately
from tests.live.world import PASSWORD, Person, World

pytestmark = pytest.mark.live

SETTINGS = """
[house]
organisation = "Lantern"
emergency_number = "112"
data_dir = "."

[bridge]
homeserver = "{url}"
user_id = "{user_id}"
password_file = "password"
"""


class Ahead(Clock):
    """A machine whose clock is wrong."""

    def now(self) -> datetime:
        return super().now() + timedelta(hours=1)


@dataclass
class House:
    """A folder as a host has it, and a bridge that has just heard from its homeserver."""

    folder: Path
    database: Database
    bot: Bot
    world: World

    async def look(self, clock: Clock | None = None) -> dict[str, Finding]:
        findings = await doctor.look(self.folder / "hearth.toml", clock or Clock())
        assert len({finding.check for finding in findings}) == len(findings)
        assert not [f for f in findings if (f.level in (Level.WRONG, Level.NOTE)) != (f.mend is not None)]
        return {finding.check: finding for finding in findings}

    async def pulse(self) -> None:
        async with self.database.transaction() as db:
            for name in ("bridge", "homeserver"):
                await sightings.beat(db, name, now=Clock().now())

    def as_the_bot(self) -> Person:
        assert self.bot.access_token is not None
        return Person.bearing(self.world.url, self.bot.user_id, self.bot.access_token)


@pytest.fixture
async def house(world: World, tmp_path: Path) -> AsyncIterator[House]:
    folder = tmp_path / "house"
    folder.mkdir(mode=0o700)
    user_id, _ = await world.account("hearth")
    write_privately(folder / "hearth.toml", SETTINGS.format(url=world.url, user_id=user_id), over=False)
    write_privately(folder / "password", PASSWORD, over=False)
    await commands.migrate(folder / "hearth.toml")
    people, bridge = KeyRing.load(folder / "people.key"), KeyRing.load(folder / "bridge.key")
    database = connect(f"sqlite:///{folder / 'hearth.db'}", people=people, bridge=bridge)
    made = House(folder, database, await started(database, folder, bridge), world)
    await made.pulse()
    yield made
    await database.close()


async def started(database: Database, folder: Path, ring: KeyRing) -> Bot:
    """Signed in, with its keys published, once; then stopped."""
    settings: BridgeSettings = commands.bridge_of(folder / "hearth.toml")
    bot, _ = await account.claim(database, settings, machine="here", clock=Clock())
    keys = KeyStore(folder / "keystore.db", ring.derived("keystore"))
    client = await signing_in.start(database, bot, settings, keys, clock=Clock())
    await client.listen(None, wait=timedelta())
    await client.close()
    async with database.reading() as db:
        kept = await bots.known(db, bot.user_id)
    assert kept is not None
    return kept


async def test_a_sound_house_is_well_and_the_command_says_so(house: House) -> None:
    found = await house.look()
    assert [f for f in found.values() if f.level is Level.WRONG] == []
    unseen = {f.check for f in found.values() if f.level is Level.UNSEEN}
    assert unseen == {"retention"}
    sound = ("account", "identity", "device", "key_store", "one_time_keys", "fallback_key", "permissions", "presence")
    assert {found[check].level for check in sound} == {Level.FINE}
    told = await asyncio.to_thread(hearth_doctor, house.folder)
    assert told.returncode == 0 and json.loads(told.stdout)["well"] is True
    assert not [word for word in ("@hearth", house.bot.access_token or "") if word in told.stdout + told.stderr]


def hearth_doctor(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "deploy.cli", "doctor", "--json", "--settings", str(folder / "hearth.toml")]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)


async def test_what_is_wrong_on_this_machine_is_named(house: House) -> None:
    (house.folder / "bridge.key").chmod(0o600)
    (house.folder / "keystore.db").chmod(0o644)
    found = await house.look(Ahead())
    assert found["permissions"].level is Level.WRONG and "chmod 600" in found["permissions"].says
    assert found["clock"].level is Level.WRONG and "differ by 36" in found["clock"].says
    assert found["bridge"].level is Level.WRONG


async def test_a_device_that_was_deleted_and_a_lost_store_are_named_with_their_mend(house: House) -> None:
    (house.folder / "keystore.db").unlink()
    bot = house.as_the_bot()
    await bot.do("PUT", f"user/{house.bot.user_id}/account_data/io.hearth.bridge", {"mark": "another's"})
    found = await house.look()
    assert found["key_store"].level is Level.WRONG and "hearth renew" in (found["key_store"].mend or "")
    await bot.do("POST", "logout")
    await bot.close()
    found = await house.look()
    assert found["account"].level is Level.WRONG and "hearth renew" in (found["account"].mend or "")
    assert found["homeserver"].level is found["versions"].level is Level.FINE


async def test_an_old_copy_of_the_keys_is_known_by_its_mark(house: House) -> None:
    bot = house.as_the_bot()
    await bot.do("PUT", f"user/{house.bot.user_id}/account_data/io.hearth.bridge", {"mark": "another's"})
    await bot.close()
    found = await house.look()
    assert found["key_store"].level is Level.WRONG and "not the latest" in found["key_store"].says


async def test_another_identity_and_an_unsigned_device_are_not_papered_over(house: House) -> None:
    async with house.database.transaction() as db:
        await bots.has_identity(db, house.bot.id, seeds=None, master_key="A" * 43)
    found = await house.look()
    assert found["identity"].level is Level.WRONG
    stranger = await house.world.person_of(house.bot.user_id[1:].partition(":")[0])
    async with house.database.transaction() as db:
        await bots.signed_in(db, house.bot.id, device_id=stranger.device_id, access_token=stranger.token)
    found = await house.look()
    assert found["device"].level is Level.WRONG and found["account"].level is Level.FINE


async def test_one_time_keys_that_are_used_up_are_missed(house: House) -> None:
    greedy = await house.world.person("dan")
    assert house.bot.device_id is not None
    wanted = {"one_time_keys": {house.bot.user_id: {house.bot.device_id: "signed_curve25519"}}}
    for _ in range(51):
        await greedy.do("POST", "keys/claim", wanted)
    found = await house.look()
    assert found["one_time_keys"].level is Level.WRONG
    assert found["fallback_key"].level is Level.NOTE


async def test_without_a_homeserver_the_rest_is_looked_at_all_the_same(house: House) -> None:
    settings = (house.folder / "hearth.toml").read_text().replace(house.world.url, "http://127.0.0.1:9")
    write_privately(house.folder / "hearth.toml", settings, over=True)
    found = await house.look()
    assert found["homeserver"].level is Level.WRONG
    assert found["account"].level is Level.UNSEEN and found["database"].level is Level.FINE
