"""The proof: a client nobody here wrote, at its strictest, reads the bot with no shield and is read by it."""

import pytest

from bridge.heard import Message
from bridge.matrix.homeserver import Invite
from facilitator.ids import because
from tests.live.hearing import Ear
from tests.live.world import POWER, World, room_step

pytestmark = [pytest.mark.live, pytest.mark.peer]


async def test_a_strict_client_reads_the_bot_without_a_shield_and_is_read_by_it(world: World) -> None:
    bot = await world.client()
    ear = await Ear(bot).begin()
    room = await bot.create(room_step())
    ada, ada_id = await world.peer()
    await bot.take(Invite(room, ada_id))
    await ear.joined(room, ada_id)

    sent = await bot.send(room, because("welcome"), {"msgtype": "m.text", "body": "Good to have you here."})

    read = await ada.message("Good to have you here.")
    assert (read["encrypted"], read["shield"], read["event_id"]) == (True, "none", sent.event_id)
    assert sent.withheld == frozenset()

    await ada.ask("send", room=room, body="Thank you.")
    heard = await ear.message("Thank you.")
    assert (heard.sender, heard.encrypted, heard.bound, heard.signed) == (ada_id, True, True, True)

    found = await bot.look(room)
    assert (found.version, found.creators) == ("12", {bot.user_id})
    assert found.power_levels == POWER
    assert (found.join_rule, found.history_visibility, found.guest_access) == ("invite", "joined", "forbidden")


async def test_an_unsigned_phone_is_told_why_it_cannot_read_the_group_and_reads_the_direct_room(world: World) -> None:
    bot = await world.client()
    ear = await Ear(bot).begin()
    group = await bot.create(room_step())
    ben, ben_id = await world.peer("ben", sign=False, strict=False)
    direct = await bot.create(room_step(direct_to=ben_id, name="Hearth"))
    for room in (group, direct):
        await bot.take(Invite(room, ben_id))
        await ear.joined(room, ben_id)

    in_group = await bot.send(group, because("one"), {"msgtype": "m.text", "body": "for the group"})
    again = await bot.send(group, because("two"), {"msgtype": "m.text", "body": "for the group again"})
    in_direct = await bot.send(direct, because("three"), {"msgtype": "m.text", "body": "please verify your phone"})

    assert (in_group.withheld, again.withheld, in_direct.withheld) == ({ben_id}, frozenset(), frozenset())
    assert (await ben.message("please verify your phone"))["event_id"] == in_direct.event_id
    refused = await ben.heard(lambda line: line.get("event_id") == again.event_id)
    assert (refused["event"], refused["code"]) == ("unreadable", "MEGOLM_KEY_WITHHELD_FOR_UNVERIFIED_DEVICE")

    await ben.ask("sign", password="seven small boats")
    await ear.once()
    now = await bot.send(group, because("four"), {"msgtype": "m.text", "body": "welcome in"})
    assert (await ben.message("welcome in"))["event_id"] == now.event_id
    await ben.ask("send", room=group, body="there you are")
    heard: Message = await ear.message("there you are")
    assert heard.signed
