"""Members on another homeserver, live: what they read, what happens while their server is away, who may take part."""

import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from bridge.heard import Message, Unreadable
from bridge.matrix.client import NioHomeserver
from bridge.matrix.homeserver import Invite, SetState
from bridge.matrix.keystore import KeyStore
from bridge.matrix.login import login_once, sign_out
from facilitator import members, sightings
from facilitator.clock import Clock
from facilitator.database import Database
from facilitator.ids import MatrixRoomId, UserId, because, new_id
from facilitator.rules import allowed_servers
from facilitator.rules.server_acl import EVERYBODY
from tests.live import two_servers
from tests.live.hearing import Ear
from tests.live.keys_of_a_stranger import RawDevice
from tests.live.two_servers import TwoServers
from tests.live.whole_bridge import WholeBridge
from tests.live.world import PASSWORD, Bot, Person, World, room_step

pytestmark = pytest.mark.live
LONG = 40.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def both(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TwoServers]:
    async with two_servers.running(tmp_path_factory.mktemp("federation")) as started:
        yield started


@pytest.fixture
async def riverside(both: TwoServers, tmp_path: Path) -> AsyncIterator[World]:
    world = World(both.riverside, tmp_path)
    yield world
    await world.close()


@pytest.fixture
async def lakeside(both: TwoServers, tmp_path: Path) -> AsyncIterator[World]:
    world = World(both.lakeside, tmp_path)
    yield world
    await world.close()


@pytest.fixture
async def bridge(riverside: World, database: Database) -> AsyncIterator[WholeBridge]:
    ada, _ = await riverside.account("ada")
    bridge = await WholeBridge(database, await riverside.client(), ada).start()
    yield bridge
    await bridge.stop()


def words(body: str) -> dict[str, Any]:
    return {"msgtype": "m.text", "body": body}


async def joined(bot: NioHomeserver, ear: Ear, room: MatrixRoomId, member: NioHomeserver) -> Ear:
    """`member` is asked in and comes."""
    await bot.take(Invite(room, member.user_id))
    theirs = await Ear(member, patient=True).begin()
    await member.accept(room)
    await ear.joined(room, member.user_id)
    return theirs


# ------------------------------------------------------------------------------------------------ on both servers


@pytest.mark.peer
async def test_a_member_on_another_server_is_welcomed_and_answered_without_a_shield(
    bridge: WholeBridge, riverside: World, lakeside: World
) -> None:
    group, room_id, room = await bridge.open_group()
    ben = await riverside.person("ben")
    cleo, cleo_id = await lakeside.peer("cleo")

    async def knows_the_bot() -> bool:
        return bool((await cleo.ask("devices", user=bridge.client.user_id))["devices"])

    with bridge.clock.held():
        await bridge.invite(group, ben.user_id, cleo_id)
        await bridge.until_line(group, cleo_id, lambda line: line.standing == "joined")
        await bridge.until(knows_the_bot)
    bridge.clock.go_ahead(members.THEIR_SERVER_LEARNS)
    welcome = await cleo.heard(lambda line: line["event"] == "message", within=LONG)
    assert welcome["shield"] == "none"

    for asked, answer in (("!sessions", "No session is planned"), ("!help", "112")):
        await cleo.ask("send", room=room, body=asked)
        read = await cleo.heard(
            lambda line, answer=answer: line["event"] == "message" and line is not welcome and answer in line["body"],
            within=LONG,
        )
        assert (read["sender"], read["shield"], read["encrypted"]) == (bridge.client.user_id, "none", True)
    read_at_last = {line["event_id"] for line in cleo.news if line["event"] == "message"}
    assert {line["event_id"] for line in cleo.news if line["event"] == "unreadable"} <= read_at_last

    async with bridge.database.reading() as db:
        via = await sightings.via(db, room_id)
    assert via == (riverside.homeserver.server_name, lakeside.homeserver.server_name)


async def test_a_new_device_on_another_server_reads_on_a_gone_one_does_not_and_an_unsigned_one_gets_no_key(
    riverside: World, lakeside: World, tmp_path: Path
) -> None:
    bot = await riverside.client()
    ear = await Ear(bot).begin()
    room = await bot.create(room_step())
    first = await lakeside.bot()
    cleo = await first.start()
    at_first = await joined(bot, ear, room, cleo)
    await bot.send(room, because("one"), words("one"))
    await at_first.message("one")

    second = Bot(
        await login_once(lakeside.url, user_id=cleo.user_id, password=PASSWORD),
        KeyStore(tmp_path / f"{new_id()}.db", secrets.token_bytes(32)),
        first.seeds,
    )
    at_second = await Ear(await second.start(), patient=True).begin()
    await hears_of_devices(ear, cleo.user_id)
    await bot.send(room, because("two"), words("two"))
    for at_hers in (at_first, at_second):
        await at_hers.message("two")

    await second.close()
    await sign_out(second.account)
    await hears_of_devices(ear, cleo.user_id)
    sent = await bot.send(room, because("three"), words("three"))
    await at_first.message("three")
    assert shared_with(bot, room, cleo.user_id) == {first.account.device_id}
    assert sent.withheld == frozenset()

    unsigned = await lakeside.person_of(cleo.user_id[1:].partition(":")[0])
    await RawDevice(unsigned).publish()
    withheld: set[UserId] = set()
    for n in range(10):  # signing in is told of before its keys are
        await ear.once()
        withheld |= (await bot.send(room, because("four", n), words(f"four, {n}"))).withheld
        if withheld:
            break
    await at_first.message(f"four, {n}")
    assert withheld == {cleo.user_id}
    assert shared_with(bot, room, cleo.user_id) == {first.account.device_id}


async def hears_of_devices(ear: Ear, user: UserId) -> None:
    for _ in range(10):
        if user in (await ear.once()).devices_changed:
            return
    raise AssertionError("nothing was heard of their devices")


def shared_with(bot: NioHomeserver, room: MatrixRoomId, user: UserId) -> set[str]:
    return {device for who, device in bot._machine.outbound_group_sessions[room].users_shared_with if who == user}


# ------------------------------------------------------------------------------------------------ away for a while


async def test_a_server_that_answers_nothing_holds_up_nobody_and_its_people_read_it_all_later(
    both: TwoServers, riverside: World, lakeside: World
) -> None:
    clock = Clock()
    bot, ben, cleo = await riverside.client(), await riverside.client(), await lakeside.client()
    ear = await Ear(bot).begin()
    room = await bot.create(room_step())
    at_bens = await joined(bot, ear, room, ben)
    at_cleos = await joined(bot, ear, room, cleo)

    with both.lakeside_frozen():
        taken = []
        for body in ("one", "two", "three"):
            begun = clock.monotonic()
            await bot.send(room, because(body), words(body))
            taken.append(clock.monotonic() - begun)
            await at_bens.message(body)
    assert shared_with(bot, room, cleo.user_id) == set(), "she has a device nobody could ask for a key"
    assert sum(taken) < 10, "whoever does not answer is not waited for as long as the homeserver would"

    await cleo.send(room, because("back"), words("I am back."))
    for body in ("one", "two", "three"):
        await until_read(ear, at_cleos, body)
    assert not bot._speaking.sharing.debts


async def until_read(ear: Ear, theirs: Ear, body: str) -> None:
    """The bot listens, as it always does, until they can read what it said."""
    for _ in range(20):
        await ear.once(wait=timedelta(seconds=1))
        await theirs.once(wait=timedelta(seconds=1))
        for event in [event for event in theirs.heard if isinstance(event, Unreadable)]:
            again = await theirs.client.read_again(event.room, [event.event_id])
            theirs.heard += [read for read in again if isinstance(read, Message)]
        if body in theirs.messages:
            return
    raise AssertionError(f"not read: {body}")


async def test_an_invitation_to_a_server_that_is_down_waits_goes_out_later_and_holds_up_nobody(
    both: TwoServers, bridge: WholeBridge, riverside: World, lakeside: World
) -> None:
    group, _, room = await bridge.open_group()
    ben, dora, unknown = await riverside.person("ben"), await lakeside.person("dora"), UserId("@x:nowhere.test:1")
    with both.lakeside_frozen():
        await bridge.invite(group, dora.user_id, unknown, ben.user_id)
        await ben_is_invited(bridge, ben, room)
        assert (await bridge.line(group, dora.user_id)).trouble is None, "he is asked in while her server is waited for"
        eve = await riverside.person("eve")
        await bridge.invite(group, eve.user_id)
        await ben_is_invited(bridge, eve, room)
        assert (await bridge.line(group, dora.user_id)).trouble is None, "and so is whoever is invited after her"
        line = await bridge.until_line(group, dora.user_id, lambda line: line.trouble is not None)
        assert (line.reached, line.trouble) == (False, "unreachable")
        assert line.next_try is not None
        assert (await bridge.line(group, unknown)).trouble == "unreachable"
    await both.lakeside.stop()
    bridge.clock.go_ahead(line.next_try - bridge.clock.now())
    later = line.next_try
    line = await bridge.until_line(
        group, dora.user_id, lambda line: line.next_try is not None and line.next_try > later
    )
    assert (line.reached, line.trouble) == (False, "unreachable")

    await both.start_lakeside()
    assert line.next_try is not None
    bridge.clock.go_ahead(line.next_try - bridge.clock.now())
    line = await bridge.until_line(group, dora.user_id, lambda line: line.reached)
    assert line.trouble is None
    await dora.join(room)
    await bridge.until_line(group, dora.user_id, lambda line: line.standing == "joined")


async def ben_is_invited(bridge: WholeBridge, ben: Person, room: MatrixRoomId) -> None:
    async def invited() -> bool:
        return room in (await ben.do("GET", "sync?timeout=0")).get("rooms", {}).get("invite", {})

    await bridge.until(invited)


# ------------------------------------------------------------------------------------------------ who may take part


async def test_a_server_that_is_not_allowed_cannot_come_in_until_the_list_is_gone(
    bridge: WholeBridge, riverside: World, lakeside: World
) -> None:
    group, room_id, room = await bridge.open_group()
    dora = await lakeside.person("dora")
    assert await acl_of(bridge, room) == EVERYBODY.content()

    await bridge.stop()
    allowed = ("elsewhere.test",)
    await bridge.start(allowed=allowed)
    ours = allowed_servers.acl(allowed, [bridge.client.user_id]).content()
    await bridge.until(lambda: shows(bridge, room, ours))
    await bridge.client.take(Invite(room, dora.user_id))
    status, answer = await dora.ask("POST", f"join/{quote(room)}?via={riverside.homeserver.server_name}", {})
    assert (status, answer["errcode"]) == (403, "M_FORBIDDEN")
    assert "banned" in answer["error"], "it is the room's list that keeps the server out"

    await bridge.client.take(SetState(room, "m.room.server_acl", EVERYBODY.content()))
    await bridge.look_again(room_id)
    await bridge.until(lambda: shows(bridge, room, ours))

    await bridge.stop()
    await bridge.start()
    await bridge.until(lambda: shows(bridge, room, EVERYBODY.content()))
    await bridge.invite(group, dora.user_id)
    await bridge.until_line(group, dora.user_id, lambda line: line.reached)
    await dora.join(room)
    await bridge.until_line(group, dora.user_id, lambda line: line.standing == "joined")


async def acl_of(bridge: WholeBridge, room: MatrixRoomId) -> Any:
    return (await bridge.client.look(room)).server_acl


async def shows(bridge: WholeBridge, room: MatrixRoomId, acl: Any) -> bool:
    return bool(await acl_of(bridge, room) == acl)
