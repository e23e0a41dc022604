"""The bot alone with one person: rooms it makes, rooms it is asked into, and what is said there."""

from datetime import timedelta

import pytest

from tests.cast import ADA, BEN, BOT, EVE
from tests.fake_crypto import Device
from tests.journeys.running import Running


async def test_whose_device_is_not_confirmed_is_told_so_once_in_a_room_of_their_own(any_house: Running) -> None:
    group = await any_house.open_group()
    ben = await any_house.member(group, BEN)
    tablet = any_house.server.device(BEN, "TABLET")
    tablet.signed = False
    room = await any_house.matrix_room(group)
    for _ in range(2):
        await ben.say(room, "!sessions")
        await any_house.settle()
        await any_house.start()
        await any_house.settle()
    (direct,) = any_house.direct_rooms(BEN)
    assert direct.encryption is not None
    assert any_house.said(direct.room) == [], "nobody could read it later"
    await ben.join(direct.room)
    await any_house.settle()
    (told,) = any_house.said(direct.room)
    assert told.startswith("A small thing about one of your devices.")
    assert readable(any_house, tablet, direct.room) == 1
    assert readable(any_house, tablet, room) == 0


def readable(house: Running, device: Device, room: object) -> int:
    device.receive(0)
    return sum(event.sealed is not None and device.opens(event.sealed) for event in house.messages(room))  # type: ignore[arg-type]


async def test_in_a_direct_room_the_bare_word_is_enough_and_every_device_reads_the_answer(house: Running) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    house.server.device(BEN, "TABLET").signed = False
    room = await ben.make_room(BOT, direct=True)
    await house.settle()
    assert house.server.rooms[room].membership(BOT) == "join"
    for word in ("sessions", "Help", "hello"):
        await ben.say(room, word)
        await house.settle()
    assert [text.split()[0] for text in house.said(room)] == ["No", "Thank"]
    assert readable(house, house.server.device(BEN, "TABLET"), room) == 2
    assert (await house.page(group)).room.state == "up_to_date"


async def test_what_was_asked_before_the_bot_joined_is_answered(house: Running) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    room = await ben.make_room(BOT, direct=True)
    await ben.say(room, "!help", encrypted=False)
    await house.settle()
    assert [text.splitlines()[0] for text in house.said(room)] == ["Thank you for writing."]


async def test_a_crash_between_accepting_and_adopting_forgets_nobody(house: Running) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    room = await ben.make_room(BOT, direct=True)
    await house.client.accept(room)
    await house.start()
    await house.settle()
    await ben.say(room, "!help")
    await house.settle()
    assert len(house.said(room)) == 1


async def test_a_strangers_invitation_is_declined(house: Running) -> None:
    await house.open_group()
    eve = house.person(EVE)
    room = await eve.make_room(BOT, direct=True)
    await house.settle()
    assert house.server.rooms[room].membership(BOT) == "leave"
    assert house.direct_rooms(EVE) == []


async def test_somebody_known_who_asks_into_a_room_in_clear_is_offered_an_encrypted_one(house: Running) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    for number in range(2):
        room = await ben.make_room(BOT, direct=True, encrypted=False)
        await house.settle()
        assert house.server.rooms[room].membership(BOT) == "leave"
        (offered,) = house.direct_rooms(BEN)
        assert offered.membership(BEN) == "invite", f"offered {number}"
        await ben.join(offered.room)
        await ben.say(offered.room, "help")
        await house.settle()
        assert len(house.said(offered.room)) == 1 + number
        await ben.leave(offered.room)
        house.clock.turn(timedelta(minutes=5))
        await house.settle()


async def test_who_leaves_the_direct_room_is_not_asked_back(house: Running) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    await ben.make_room(BOT, direct=True, encrypted=False)
    await house.settle()
    (offered,) = house.direct_rooms(BEN)
    await ben.join(offered.room)
    await house.settle()
    await ben.leave(offered.room)
    await house.settle()
    await house.start()
    await house.settle()
    assert offered.membership(BEN) == "leave"


async def test_a_newer_direct_room_takes_the_place_of_the_one_before(house: Running) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    first = await ben.make_room(BOT, direct=True)
    await house.settle()
    second = await ben.make_room(BOT, direct=True)
    await house.settle()
    assert house.server.rooms[first].membership(BOT) == "leave", "nobody waits there in vain"
    await ben.say(second, "help")
    await house.settle()
    assert len(house.said(second)) == 1
    await house.start()
    await house.settle()
    assert house.server.rooms[second].membership(BOT) == "join"


async def test_a_room_for_more_than_two_is_declined(house: Running) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    room = await ben.make_room(BOT, direct=False)
    await house.settle()
    assert house.server.rooms[room].membership(BOT) == "leave"


@pytest.mark.parametrize("trusting", [False, True], ids=["", "trusting"])
@pytest.mark.parametrize("version", ["9", "11", "12"])
async def test_a_direct_room_of_any_version_is_entered_and_left_as_its_maker_shaped_it(
    house: Running, version: str, trusting: bool
) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    room = await ben.make_room(BOT, direct=True, version=version, trusting=trusting)
    await ben.rename(room, "Ben and the bot")
    await house.settle()
    await ben.say(room, "help")
    await house.settle()
    place = house.server.rooms[room]
    assert (place.membership(BOT), len(house.said(room))) == ("join", 1)
    assert [event.type for event in place.events if event.sender == BOT and event.state_key == ""] == []
    assert place.value("m.room.name", "name") == "Ben and the bot"


async def test_a_strangers_room_is_left_also_where_we_are_made_a_creator(house: Running) -> None:
    await house.open_group()
    await house.settle()
    room = await house.person(EVE).make_room(BOT, direct=True, trusting=True)
    await house.client.accept(room)
    await house.settle()
    assert house.server.rooms[room].membership(BOT) == "leave"


@pytest.mark.parametrize("ending", ["left", "removed"])
async def test_who_left_or_was_removed_still_finds_help_alone_with_the_bot(house: Running, ending: str) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    place = await house.matrix_room(group)
    await house.schedule(group, weekday=2, at="19:00", zone="Europe/Berlin")
    if ending == "left":
        await ben.leave(place)
    else:
        ada = house.person(ADA)
        await ada.join(place)
        await ada.kick(place, BEN)
    await house.settle()
    assert (await house.line(group, BEN)).standing == ending
    room = await ben.make_room(BOT, direct=True)
    await house.settle()
    for word in ("help", "sessions"):
        await ben.say(room, word)
        await house.settle()
    helped, told = house.said(room)
    assert helped.startswith("Thank you for writing.")
    assert "Maple room" not in told
    assert house.server.rooms[place].membership(BEN) == "leave", "their going stands"


async def test_help_asked_in_the_group_from_a_phone_that_is_not_confirmed_can_be_read_on_it(house: Running) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    room = await house.matrix_room(group)
    await ben.use_unsigned_device()
    await ben.say(room, "!help")
    await house.settle()
    assert not any(text.startswith("Thank you") for text in await ben.read(room))
    (alone,) = await ben.invitations()
    await ben.join(alone)
    await house.settle()
    first, *_ = await ben.read(alone)
    assert first.startswith("Thank you for writing.")
    assert "112" in first
