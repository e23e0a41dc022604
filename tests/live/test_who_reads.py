"""Who can read, with a client nobody here wrote: nothing while invited, nothing from before, and known beforehand."""

import pytest

from bridge.matrix.homeserver import Invite
from facilitator.ids import because
from facilitator.rules.reach import Reach
from tests.contract_world import ready_room
from tests.live.hearing import POLLS, Ear
from tests.live.world import PASSWORD, World, room_step

pytestmark = [pytest.mark.live, pytest.mark.peer]


async def test_whoever_is_only_invited_is_given_nothing_and_who_comes_reads_from_then_on(world: World) -> None:
    bot = await world.client()
    ear = await Ear(bot).begin()
    room = await ready_room(bot, room_step())
    ben, ben_id = await world.peer("ben", accept=False)
    await bot.take(Invite(room, ben_id))
    before = await bot.send(room, because("before"), {"msgtype": "m.text", "body": "said before"})
    assert ben_id not in before.reached
    assert bot._machine.outbound_group_sessions[room].holders == set()

    await ben.ask("join", room=room)
    await ear.joined(room, ben_id)
    after = await bot.send(room, because("after"), {"msgtype": "m.text", "body": "said after"})
    assert after.reached == {ben_id: Reach(given=1)}
    read = await ben.message("said after")
    assert (read["event_id"], read["shield"]) == (after.event_id, "none")
    assert [line["body"] for line in ben._news if line.get("event") == "message"] == ["said after"]


async def test_a_phone_that_is_not_confirmed_is_known_before_the_first_message_and_so_is_its_mend(world: World) -> None:
    bot = await world.client()
    ear = await Ear(bot).begin()
    room = await bot.create(room_step())
    ben, ben_id = await world.peer("ben", sign=False)
    await bot.take(Invite(room, ben_id))
    await ear.joined(room, ben_id)
    assert await bot.reach([room]) == {room: {ben_id: Reach(refused=1)}}

    ear.syncs.clear()
    await ben.ask("sign", password=PASSWORD)
    for _ in range(POLLS):
        if any(ben_id in sync.devices_changed for sync in ear.syncs):
            break
        await ear.once()
    assert await bot.reach([room]) == {room: {ben_id: Reach(given=1)}}
    said = await bot.send(room, because("first"), {"msgtype": "m.text", "body": "welcome in"})
    assert (await ben.message("welcome in"))["event_id"] == said.event_id
    assert said.withheld == frozenset()
