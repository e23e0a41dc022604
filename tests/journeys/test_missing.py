"""Somebody whom servers dropped from a room without a word: noticed after two looks, told truthfully, never asked back
by itself, and not confused with what was only not heard yet."""

from datetime import timedelta

import pytest

from facilitator import renewals, rooms, roster
from facilitator.ids import GroupId, UserId
from tests.cast import ADA, BEN
from tests.fake_rooms import FakeRoom
from tests.fake_weather import dead_line
from tests.journeys.running import Running

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def group(house: Running) -> GroupId:
    group = await house.open_group()
    await house.member(group, BEN)
    return group


@pytest.fixture
async def room(house: Running, group: GroupId) -> FakeRoom:
    return house.marked(await house.room_id(group))


def drop(room: FakeRoom, person: UserId) -> None:
    """As servers do that have settled what the room is: no event says so."""
    del room.state["m.room.member", person]


async def something_changes(house: Running, room: FakeRoom) -> None:
    """The room is looked at."""
    house.server.add(room, ADA, "m.room.topic", {"topic": "why we meet"}, state_key="")
    await house.settle()


async def minutes(house: Running, count: int) -> None:
    """They go by, with a pulse in each."""
    for _ in range(count):
        await house.wait(MINUTE)
        await house.pulse()


async def test_after_two_looks_ten_minutes_apart_the_roster_says_so_and_a_new_invitation_brings_them_back(
    house: Running, group: GroupId, room: FakeRoom
) -> None:
    drop(room, BEN)
    await something_changes(house, room)
    began = house.clock.now()
    await minutes(house, 9)
    line = await house.line(group, BEN)
    assert (line.standing, line.reached, line.gone) == ("joined", True, None), "one look says nothing"
    await minutes(house, 2)
    line = await house.line(group, BEN)
    assert (line.standing, line.reached, line.health, line.gone) == ("joined", False, None, began)
    invited = house.server.weather.calls["invite"]
    await house.start()
    await minutes(house, 30)
    assert house.server.weather.calls["invite"] == invited, "they may have left: nobody asks them but a person"
    await house.member(group, BEN)
    line = await house.line(group, BEN)
    assert (line.standing, line.reached, line.gone) == ("joined", True, None)
    assert room.membership(BEN) == "join"


async def test_who_is_there_again_is_in_the_room(house: Running, group: GroupId, room: FakeRoom) -> None:
    there = room.state["m.room.member", BEN]
    drop(room, BEN)
    await something_changes(house, room)
    await minutes(house, 11)
    assert (await house.line(group, BEN)).gone is not None
    room.state["m.room.member", BEN] = there
    await something_changes(house, room)
    line = await house.line(group, BEN)
    assert (line.standing, line.reached, line.gone) == ("joined", True, None)


async def test_who_was_away_for_one_look_alone_was_never_gone(house: Running, group: GroupId, room: FakeRoom) -> None:
    there = room.state["m.room.member", BEN]
    drop(room, BEN)
    await something_changes(house, room)
    room.state["m.room.member", BEN] = there
    await minutes(house, 11)
    drop(room, BEN)
    await something_changes(house, room)
    await minutes(house, 5)
    assert (await house.line(group, BEN)).gone is None, "the ten minutes begin anew"


async def test_while_the_bot_does_not_hear_it_concludes_nothing(house: Running, group: GroupId, room: FakeRoom) -> None:
    await house.pulse()
    house.server.weather.strike(dead_line(), on="listen", times=1_000)
    await house.person(BEN).leave(room.room)
    async with house.database.transaction() as db:
        await rooms.group_changed(db, group)
    await house.wait(timedelta(hours=1), step=MINUTE)
    async with house.database.reading() as db:
        (line,) = await roster.of_group(db, group)
    assert (line.standing, line.gone) == ("joined", None)
    house.server.weather.storms.clear()
    await house.settle()
    line = await house.line(group, BEN)
    assert (line.standing, line.gone) == ("left", None)


async def test_a_facilitator_is_told_of_as_away_and_asked_back_by_hand_alone(
    house: Running, group: GroupId, room: FakeRoom
) -> None:
    await house.person(ADA).join(room.room)
    await house.settle()
    there = room.state.pop(("m.room.member", ADA))
    assert there is not None
    await something_changes(house, room)
    await minutes(house, 11)
    assert room.membership(ADA) == "leave"
    async with house.database.reading() as db:
        assert (await renewals.care(db, group)).away == ("Ada",)
    async with house.database.transaction() as db:
        await renewals.ask_back(db, by=house.cast.ada, group_id=group, now=house.clock.now())
    await house.settle()
    assert room.membership(ADA) == "invite"
