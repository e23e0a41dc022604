"""Keys that come late or not at all: what could not be read is read when its key is there."""

from datetime import timedelta
from typing import Any

import pytest

from bridge.heard import Message, Unreadable
from bridge.matrix import to_device
from bridge.matrix.client import NioHomeserver
from bridge.matrix.homeserver import Invite
from facilitator.ids import MatrixRoomId, because
from tests.live.hearing import Ear
from tests.live.world import World, room_step

pytestmark = pytest.mark.live


def words(body: str) -> dict[str, Any]:
    return {"msgtype": "m.text", "body": body}


async def two_in_a_room(world: World) -> tuple[NioHomeserver, Ear, MatrixRoomId, NioHomeserver, Ear]:
    bot, member = await world.client(), await world.client()
    ear, member_ear = await Ear(bot).begin(), await Ear(member).begin()
    room = await bot.create(room_step())
    await bot.take(Invite(room, member.user_id))
    await member.accept(room)
    await ear.joined(room, member.user_id)
    return bot, ear, room, member, member_ear


async def test_what_came_before_its_key_is_read_when_the_key_comes(world: World) -> None:
    bot, ear, room, member, _ = await two_in_a_room(world)
    theirs = member._machine
    await member._their_keys.know({bot.user_id})
    (device,) = theirs.device_store.active_user_devices(bot.user_id)
    name = (device.user_id, device.id)
    await member._their_keys.open_sessions([name])
    theirs.create_outbound_group_session(room)
    session = theirs.outbound_group_sessions[room]
    key = theirs.wrap_room_key(room, session, device)
    assert key is not None
    session.users_shared_with.add(name)  # it believes so; the key is still on its way

    sent = await member.send(room, because("early"), words("are you there?"))
    early = await ear.until(lambda event: isinstance(event, Unreadable))
    assert (early.event_id, early.session_id) == (sent.event_id, session.id)  # type: ignore[union-attr]

    await to_device.send(member._connection, "m.room.encrypted", [to_device.Parcel(name, key)])
    sync = await ear.once()
    assert sync.keys_arrived == {(room, session.id)}
    (read,) = await bot.read_again(room, [early.event_id])
    assert isinstance(read, Message)
    assert (read.body, read.bound, read.signed) == ("are you there?", True, True)


async def test_the_same_key_is_named_again_until_the_cursor_moves_on(world: World) -> None:
    _, ear, room, member, _ = await two_in_a_room(world)
    await member.send(room, because("one"), words("one"))
    before = ear.cursor

    first = await ear.once()
    ear.cursor = before
    again = await ear.once()
    after = await ear.client.listen(again.next_batch, wait=timedelta(0))

    assert len(first.keys_arrived) == 1
    assert again.keys_arrived == first.keys_arrived
    assert after.keys_arrived == frozenset()


async def test_a_session_that_broke_is_begun_anew(world: World) -> None:
    bot, ear, room, member, member_ear = await two_in_a_room(world)
    await member.send(room, because("one"), words("one"))
    await ear.message("one")
    await bot.send(room, because("two"), words("two"))
    await member_ear.message("two")
    bot._machine.session_store._entries.clear()  # as after a power cut that cost the newest sessions

    member._machine.create_outbound_group_session(room)
    await member.send(room, because("three"), words("three"))
    await ear.until(lambda event: isinstance(event, Unreadable))
    await member_ear.once()
    member._machine.create_outbound_group_session(room)
    await member.send(room, because("four"), words("four"))

    assert (await ear.message("four")).bound
    assert ear.messages == ["one", "four"]
