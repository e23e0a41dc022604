"""The bot stops, things happen, it starts again: the same device, the same identity, nothing lost or heard twice."""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from bridge.matrix.client import NioHomeserver
from bridge.matrix.homeserver import Invite, KnownRoom, Rejected
from bridge.matrix.keystore import KeyStore
from bridge.matrix.listening import TIMELINE
from bridge.matrix.login import login_once, sign_out
from bridge.matrix.signing import SigningKey
from facilitator.errors import Misconfigured
from facilitator.ids import MatrixRoomId, RoomId, because
from tests.live.hearing import Ear
from tests.live.world import ENCRYPTION, PASSWORD, Bot, Seeds, World, room_step

pytestmark = pytest.mark.live


def words(body: str) -> dict[str, Any]:
    return {"msgtype": "m.text", "body": body}


async def settled(world: World) -> tuple[Bot, NioHomeserver, Ear, MatrixRoomId, NioHomeserver, Ear]:
    """A bot in its room with one member who hears."""
    account = await world.bot()
    bot = await account.start()
    ear = await Ear(bot).begin()
    room = await bot.create(room_step("marker-of-" + account.account.device_id))
    member = await world.client()
    member_ear = await Ear(member).begin()
    await bot.take(Invite(room, member.user_id))
    await member.accept(room)
    await ear.joined(room, member.user_id)
    return account, bot, ear, room, member, member_ear


async def test_it_starts_again_as_the_same_device_with_the_same_identity(world: World) -> None:
    account = await world.bot()
    await account.start()
    seeds = dict(account.seeds.kept or {})
    await account.close()

    bot = await account.start()

    assert await bot.is_signed()
    assert account.seeds.kept == seeds
    assert bot.counts.one_time_keys is None
    await bot.listen(None, wait=timedelta())
    assert bot.counts.one_time_keys == 50
    devices = await bot._connection.get("/_matrix/client/v3/devices")
    assert [device["device_id"] for device in devices["devices"]] == [account.account.device_id]


async def test_it_speaks_in_its_rooms_at_once_and_the_same_act_is_said_once(world: World) -> None:
    account, bot, _, room, _, member = await settled(world)
    before = await bot.send(room, because("reminder"), words("at seven"))
    await account.close()

    bot = await account.start()
    with pytest.raises(Rejected):
        await bot.send(room, because("reminder"), words("at seven"))
    bot.remember([KnownRoom(room, ENCRYPTION)])
    again = await bot.send(room, because("reminder"), words("at seven"))
    await bot.send(room, because("next"), words("at eight"))

    assert again.event_id == before.event_id
    await member.message("at eight")
    assert member.messages == ["at seven", "at eight"]
    assert await bot.find_sent(room, because("reminder")) == before.event_id
    assert await bot.find_sent(room, because("never said")) is None
    assert await bot.find(RoomId("marker-of-" + account.account.device_id)) == room


@pytest.mark.parametrize("many", [3, TIMELINE + 12])
async def test_what_was_said_while_it_was_down_is_heard_once_and_in_order(world: World, many: int) -> None:
    account, bot, ear, room, member, _ = await settled(world)
    await account.close()
    said = [f"word {number}" for number in range(many)]
    for number, body in enumerate(said):
        await member.send(room, because("word", number), words(body))

    bot = await account.start()
    again = Ear(bot, ear.cursor)
    await again.message(said[-1])
    await again.once(wait=timedelta(0))

    assert again.messages == said
    assert {event.bound for event in again.heard if hasattr(event, "bound")} == {True}


async def test_asking_again_with_the_same_cursor_gives_the_same_events(world: World) -> None:
    _, bot, ear, room, member, _ = await settled(world)
    await member.send(room, because("one"), words("one"))
    await member.send(room, because("two"), words("two"))

    first = await bot.listen(ear.cursor, wait=timedelta(seconds=3))
    second = await bot.listen(ear.cursor, wait=timedelta(seconds=3))

    assert first.events == second.events[: len(first.events)]
    assert first.events


async def test_another_identity_on_the_server_stops_the_start_with_a_sentence(world: World) -> None:
    account = await world.bot()
    await account.start()
    await account.close()
    await replace_identity(world, account.account.user_id)

    with pytest.raises(Misconfigured, match="another identity"):
        await account.start()


async def test_an_identity_hearth_did_not_make_is_not_taken_over(world: World) -> None:
    account = await world.bot()
    await replace_identity(world, account.account.user_id)

    with pytest.raises(Misconfigured, match="another identity"):
        await account.start()


async def test_lost_keys_stop_the_old_device_and_a_new_one_keeps_the_identity(world: World) -> None:
    account, _, _, room, _, member = await settled(world)
    await account.close()
    lost = KeyStore(account.keys._path.with_name("empty.db"), secrets.token_bytes(32))
    assert account.keys.holds(account.account.user_id, account.account.device_id)
    assert not lost.holds(account.account.user_id, account.account.device_id)

    with pytest.raises(Misconfigured, match="other keys"):
        await Bot(account.account, lost, account.seeds).start()

    anew = await login_once(world.url, user_id=account.account.user_id, password=PASSWORD)
    bot = await Bot(anew, lost, account.seeds).start()
    assert await bot.is_signed()
    bot.remember([KnownRoom(room, ENCRYPTION)])
    await bot.send(room, because("anew"), words("here again"))
    heard = await member.message("here again")
    assert (heard.bound, heard.signed) == (True, True)
    await sign_out(account.account)
    await sign_out(account.account)
    devices = await bot._connection.get("/_matrix/client/v3/devices")
    assert [device["device_id"] for device in devices["devices"]] == [anew.device_id]
    await bot.close()


async def replace_identity(world: World, user: str) -> None:
    """What a person does who resets the account's identity in another client."""
    master, self_signing, user_signing = (SigningKey(secrets.token_bytes(32)) for _ in range(3))

    def key(usage: str, of: SigningKey) -> dict[str, Any]:
        plain = {"user_id": user, "usage": [usage], "keys": {of.id: of.public}}
        return plain | ({} if of is master else {"signatures": {user: {master.id: master.sign(plain)}}})

    body = {
        "master_key": key("master", master),
        "self_signing_key": key("self_signing", self_signing),
        "user_signing_key": key("user_signing", user_signing),
    }
    local = user[1:].partition(":")[0]
    person = await world.person_of(local)
    status, answer = await person.ask("POST", "keys/device_signing/upload", body)
    if status == 401:
        identifier = {"type": "m.id.user", "user": user}
        auth = {
            "type": "m.login.password",
            "identifier": identifier,
            "password": PASSWORD,
            "session": answer["session"],
        }
        await person.do("POST", "keys/device_signing/upload", body | {"auth": auth})


class FailingSeeds(Seeds):
    """A database that is full at the worst moment: before (`keeps` False) or after the seeds were stored."""

    def __init__(self, *, keeps: bool) -> None:
        super().__init__()
        self.keeps = keeps

    async def keep(self, seeds: Mapping[str, str] | None, master_key: str | None) -> None:
        if self.keeps:
            await super().keep(seeds, master_key)
        raise OSError


@pytest.mark.parametrize("keeps", [False, True])
async def test_no_identity_is_shown_before_its_seeds_are_safe(world: World, keeps: bool) -> None:
    account = await world.bot()
    account.seeds = FailingSeeds(keeps=keeps)
    with pytest.raises(OSError):
        await account.start()
    person = await world.person()
    shown = await person.do("POST", "keys/query", {"device_keys": {account.account.user_id: []}})
    assert account.account.user_id not in shown["master_keys"]

    kept, account.seeds = account.seeds.kept, Seeds()
    account.seeds.kept = kept
    bot = await account.start()
    assert await bot.is_signed()
    assert kept is None or account.seeds.kept == kept
