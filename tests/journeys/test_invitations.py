"""Rooms the bot is asked into by the hundred: answered beside the hearing, none forgotten, none remembered for ever."""

from collections.abc import Collection
from datetime import timedelta

import pytest

from bridge import doorkeeper
from bridge.matrix.homeserver import TheirFault
from facilitator.ids import MatrixRoomId, UserId
from tests.cast import ADA, BEN, BOT, EVE
from tests.fake_weather import rate_limited
from tests.journeys.running import Running

HELP, NOT_OURS = "Thank you for writing.", "About the room you asked me into."
UNREACHED = TheirFault("HTTP 502", timedelta(seconds=5))


async def invited(house: Running, by: UserId, count: int, *, direct: bool = True) -> list[MatrixRoomId]:
    person = house.person(by)
    return [await person.make_room(BOT, direct=direct) for _ in range(count)]


def standing(house: Running, rooms: Collection[MatrixRoomId]) -> set[str]:
    return {house.server.rooms[room].membership(BOT) for room in rooms}


def firsts(house: Running, room: MatrixRoomId) -> list[str]:
    return [text.splitlines()[0] for text in house.said(room)]


async def test_help_is_answered_before_hundreds_of_invitations_and_then_all_are_declined(house: Running) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    room = await house.matrix_room(group)
    spam = await invited(house, EVE, 200)
    await ben.say(room, "!help")
    listener, _, _, sender, *_ = house.passes
    before = house.server.weather.calls["decline"]
    assert await listener()
    while await sender():
        pass
    assert firsts(house, room)[-1] == HELP
    assert house.server.weather.calls["decline"] == before
    await house.settle()
    assert standing(house, spam) == {"leave"}
    assert house.server.weather.calls["accept"] == 0, "not even for a moment"


async def test_invitations_that_were_not_answered_before_the_end_are_answered_after_the_next_start(
    house: Running,
) -> None:
    group = await house.open_group()
    await house.member(group, BEN)
    spam, own = await invited(house, EVE, 20), await invited(house, BEN, 1)
    await house.passes[0]()
    await house.start()
    await house.settle()
    assert (standing(house, spam), standing(house, own)) == ({"leave"}, {"join"})


async def test_more_than_are_remembered_are_looked_for_again(house: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorkeeper, "WAITING", 10)
    await house.open_group()
    await house.settle()
    spam = await invited(house, EVE, 35)
    door = house._listener.door
    await house.passes[0]()
    assert len(door._unwelcome) == 10
    await house.settle()
    assert standing(house, spam) == {"leave"}
    assert (door._welcome, door._unwelcome, door._failures) == ({}, {}, {})


async def test_people_known_here_go_before_strangers_however_many(house: Running) -> None:
    group = await house.open_group()
    await house.member(group, BEN)
    spam, own = await invited(house, EVE, 50), await invited(house, BEN, 1)
    await house.passes[0]()
    await house.passes[-1]()
    assert standing(house, own) == {"join"}
    assert "invite" in standing(house, spam)


async def test_of_many_invitations_of_one_person_one_is_accepted(house: Running) -> None:
    group = await house.open_group()
    await house.member(group, BEN)
    own = await invited(house, BEN, 12)
    crowd = await invited(house, BEN, 3, direct=False)
    await house.settle()
    assert sorted(house.server.rooms[room].membership(BOT) for room in own) == ["join"] + ["leave"] * 11
    assert standing(house, crowd) == {"leave"}


async def test_asked_to_go_slower_the_bot_goes_on_hearing_and_declines_later(house: Running) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    room = await house.matrix_room(group)
    spam = await invited(house, EVE, 8)
    house.server.weather.strike(rate_limited(), on="decline", times=6)
    await ben.say(room, "!help")
    await house.settle()
    assert firsts(house, room)[-1] == HELP
    await house.settle()
    assert standing(house, spam) == {"leave"}


async def test_an_invitation_that_cannot_be_declined_is_given_up_until_the_next_start(house: Running) -> None:
    await house.open_group()
    await house.settle()
    spam = await invited(house, EVE, 2)
    house.server.weather.strike(UNREACHED, on="decline", times=1_000)
    await house.settle()
    assert house.server.weather.calls["decline"] == 2 * doorkeeper.TRIES
    assert house._listener.door._failures == {}
    house.server.weather.storms.clear()
    await house.start()
    await house.settle()
    assert standing(house, spam) == {"leave"}


async def test_a_facilitator_who_asks_the_bot_into_another_room_is_told_why_it_did_not_come(any_house: Running) -> None:
    house = any_house
    ada = house.person(ADA)
    await house.open_group()
    await house.settle()
    (asked,) = await invited(house, ADA, 1, direct=False)
    await house.settle()
    assert standing(house, [asked]) == {"leave"}
    (alone,) = house.direct_rooms(ADA)
    await ada.join(alone.room)
    await house.settle()
    again = await invited(house, ADA, 3, direct=False)
    await house.settle()
    assert standing(house, again) == {"leave"}
    assert firsts(house, alone.room) == [NOT_OURS]


async def test_a_member_who_does_is_declined_without_a_word(house: Running) -> None:
    group = await house.open_group()
    await house.member(group, BEN)
    asked = await invited(house, BEN, 2, direct=False)
    await house.settle()
    assert standing(house, asked) == {"leave"}
    assert house.direct_rooms(BEN) == []


async def test_whoever_has_an_account_of_the_panel_may_speak_with_the_bot_alone(house: Running) -> None:
    (own,) = await invited(house, ADA, 1)
    await house.settle()
    assert standing(house, [own]) == {"join"}
