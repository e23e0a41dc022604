"""Whatever is lost, old, copied or taken away: it is found out, never papered over, and mended by one command that
keeps the identity people may have verified."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge import account, service, signing_in
from bridge.matrix import identity
from bridge.matrix.homeserver import Overtaken, SignedOut
from bridge.matrix.keystore import DAMAGED
from facilitator.errors import Misconfigured
from tests.live.set_up import Seen, SetUp, seen_by
from tests.live.test_restarts import replace_identity
from tests.live.world import Person, World

pytestmark = pytest.mark.live


class Scene:
    def __init__(self, house: SetUp, person: Person, before: Seen, folder: Path) -> None:
        self.house, self.person, self.before, self._folder = house, person, before, folder

    async def now(self) -> Seen:
        return await seen_by(self.person, self.house.user_id)

    def copy(self) -> SetUp:
        return self.house.copied_to(self._folder / secrets.token_hex(4))

    async def mended(self, *words: str) -> None:
        """`hearth renew` makes one new, signed device under the same master key, and the house runs on it."""
        assert "same as before" in await self.house.done("renew", *words)
        await self.well()

    async def well(self) -> None:
        async with self.house.running() as client:
            await client.keep_up()
            assert await client.is_signed()
        now = await self.now()
        assert now.master_key == self.before.master_key
        assert now.devices == now.signed == {self.house.device}
        assert now.devices != self.before.devices


@pytest.fixture
async def scene(world: World, tmp_path: Path) -> AsyncIterator[Scene]:
    user_id, _ = await world.account("hearth")
    house = SetUp(tmp_path / "house", world.url, user_id)
    result = await house.set_up()
    assert result.exit_code == 0, result.output
    person = await world.person()
    yield Scene(house, person, await seen_by(person, user_id), tmp_path)


async def start_fails(house: SetUp, error: type[Exception]) -> str:
    """What a host reads when the bridge does not start."""
    with pytest.raises(error) as refused:
        async with house.running():
            pass
    told = service.for_people(refused.value)
    assert isinstance(told, Misconfigured)
    return told.sentence


async def test_a_lost_key_store_is_replaced_by_itself_and_said_in_the_log(scene: Scene) -> None:
    scene.house.lose("keystore.db")
    with capture_logs() as log:
        await scene.well()
    assert [entry["log_level"] for entry in log if "key store was lost" in entry["event"]] == ["warning"]


async def test_a_damaged_key_store_is_told_and_replaced_by_the_command(scene: Scene) -> None:
    scene.house.lose("keystore.db")
    (scene.house.data / "keystore.db").write_bytes(b"no database" * 1000)
    assert await start_fails(scene.house, Misconfigured) == DAMAGED
    assert (await scene.now()).devices == scene.before.devices
    await scene.mended()


async def test_a_lost_key_store_without_a_password_at_hand_waits_for_the_command(scene: Scene) -> None:
    scene.house.lose("keystore.db")
    scene.house.without_password()
    assert await start_fails(scene.house, Misconfigured) == signing_in.KEYS_LOST
    assert (await scene.now()).devices == scene.before.devices
    assert "--password-file" in await scene.house.refused("renew")
    await scene.mended("--password-file", str(scene.house.folder / "password"))


@pytest.mark.parametrize("whole_folder", [False, True])
async def test_an_old_copy_is_not_started_from(scene: Scene, whole_folder: bool) -> None:
    old = scene.copy()
    async with scene.house.running():
        pass
    for name in ("keystore.db", "hearth.db") if whole_folder else ("keystore.db",):
        scene.house.put_back(name, old)
    assert await start_fails(scene.house, Overtaken) == service.OVERTAKEN
    assert await start_fails(scene.house, Overtaken) == service.OVERTAKEN
    await scene.mended()


async def test_an_old_copy_of_the_database_alone_makes_no_device_by_itself(scene: Scene) -> None:
    old = scene.copy()
    async with scene.house.running():
        pass
    old.lose("keystore.db")
    assert await start_fails(old, Misconfigured) == signing_in.NOT_THE_LATEST
    assert (await scene.now()).devices == scene.before.devices


async def test_a_second_machine_with_a_copy_stops_the_first_and_neither_goes_on(scene: Scene) -> None:
    async with scene.house.running() as first:
        clone = scene.copy()
        await first.keep_up()
        async with clone.running() as second:
            with pytest.raises(Overtaken):
                await first.keep_up()
            await second.keep_up()
            assert await start_fails(scene.copy(), Overtaken) == service.OVERTAKEN
    assert await start_fails(scene.house, Overtaken) == service.OVERTAKEN
    await scene.mended()
    assert await start_fails(clone, SignedOut) == service.SIGNED_OUT


async def test_two_that_have_both_moved_on_are_both_stopped(scene: Scene) -> None:
    async with scene.house.running() as first:
        clone = scene.copy()
        async with clone.running() as second:
            await first._generation.begin()
            with pytest.raises(Overtaken):
                await second.keep_up()
    async with scene.house.running() as first:
        await first.keep_up()
    assert await start_fails(clone, Overtaken) == service.OVERTAKEN


async def test_a_device_that_was_deleted_stops_the_bridge_and_is_replaced_by_the_command(scene: Scene) -> None:
    async with scene.house.running() as client:
        await client._connection.post("/_matrix/client/v3/logout", {}, kind="logout")
        for asked in (client.keep_up(), client.is_signed()):
            with pytest.raises(SignedOut) as refused:
                await asked
            assert service.for_people(refused.value).args == (service.SIGNED_OUT,)
    assert await start_fails(scene.house, SignedOut) == service.SIGNED_OUT
    await scene.mended()


async def test_lost_seeds_are_brought_back_from_the_sealed_copy(scene: Scene) -> None:
    copy, phrase = str(scene.house.folder / "copy"), str(scene.house.folder / "phrase")
    await scene.house.done("identity", "save", copy, "--passphrase-file", phrase)
    scene.house.change("UPDATE bot_accounts SET seeds = NULL")
    assert await start_fails(scene.house, Misconfigured) == identity.SEEDS_LOST
    assert identity.SEEDS_LOST in await scene.house.refused("renew")
    assert (await scene.now()).devices == scene.before.devices
    await scene.mended("--identity", copy, "--passphrase-file", phrase)


async def test_a_lost_bridge_key_costs_nothing_but_the_device(scene: Scene) -> None:
    copy, phrase = str(scene.house.folder / "copy"), str(scene.house.folder / "phrase")
    await scene.house.done("identity", "save", copy, "--passphrase-file", phrase)
    (scene.house.data / "bridge.key").unlink()
    assert "hearth renew --identity" in await start_fails(scene.house, Misconfigured)
    await scene.mended("--identity", copy, "--passphrase-file", phrase)


async def test_another_bridge_key_is_told_from_the_right_one(scene: Scene, tmp_path: Path) -> None:
    key = scene.house.data / "bridge.key"
    key.rename(tmp_path / "right")
    copy = SetUp(tmp_path / "other", scene.house.url, scene.house.user_id)
    copy.settings.write_text(scene.house.settings.read_text().replace(str(scene.house.folder), str(copy.folder)))
    await copy.done("migrate")
    (copy.data / "bridge.key").rename(key)
    assert await start_fails(scene.house, Misconfigured) == account.OTHER_KEY
    assert "does not open" in await scene.house.refused("renew")


async def test_without_a_copy_a_new_identity_takes_a_persons_word(scene: Scene, world: World) -> None:
    person = await world.person_of(scene.house.user_id[1:].partition(":")[0])
    way = ("--token-file", scene.house.secret("token", person.token), "--device-id", person.device_id)
    assert identity.NEEDS_CONFIRMATION in await scene.house.refused("renew", "--new-identity", "--yes", *way)
    async with scene.house.running() as client:  # what the homeserver did not take has cost nothing
        assert await client.is_signed()
    scene.house.change("UPDATE bot_accounts SET seeds = NULL")
    assert "warns" in await scene.house.refused("renew", "--new-identity")
    assert (await scene.now()).master_key == scene.before.master_key
    assert "new identity" in await scene.house.done("renew", "--new-identity", "--yes")
    now = await scene.now()
    assert now.master_key not in (None, scene.before.master_key)
    assert now.devices == now.signed == {scene.house.device}
    async with scene.house.running() as client:
        assert await client.is_signed()


async def test_an_identity_somebody_else_made_is_told_and_never_signed_over(scene: Scene, world: World) -> None:
    async with scene.house.running() as client:
        assert await client.has_our_identity()
        await replace_identity(world, scene.house.user_id)
        theirs = (await scene.now()).master_key
        assert theirs != scene.before.master_key
        assert (await client.is_signed(), await client.has_our_identity()) == (False, False)
    assert await start_fails(scene.house, Misconfigured) == identity.NOT_OURS
    devices = await _devices(world, scene.house)
    assert identity.NOT_OURS in await scene.house.refused("renew")
    assert await _devices(world, scene.house) == devices
    assert (await scene.now()).master_key == theirs


async def _devices(world: World, house: SetUp) -> set[str]:
    person = await world.person_of(house.user_id[1:].partition(":")[0])
    shown = {device["device_id"] for device in (await person.do("GET", "devices"))["devices"]}
    await person.do("POST", "logout", {})
    return shown - {person.device_id}
