"""A room that comes about after its making was taken for failed: one is used, the other left, nobody asked there."""

from datetime import timedelta

import pytest

from bridge.matrix.homeserver import CreateRoom
from bridge.plan import plan
from facilitator import rooms
from facilitator.database import Unavailable
from facilitator.ids import GroupId
from tests.cast import ADA, BOT, EVE
from tests.fake_rooms import FakeRoom
from tests.fake_weather import dead_line
from tests.journeys.running import Running
from tests.journeys.test_flow import until

HALF_A_MINUTE, TWO_MINUTES = timedelta(seconds=30), timedelta(minutes=2)


async def come_about(house: Running, group: GroupId) -> FakeRoom:
    """What the homeserver was asked for when the line broke."""
    async with house.database.reading() as db:
        wanted = await rooms.wanted(db, await rooms.group_room_id(db, group), now=house.clock.now())
    (step,) = (step for step in plan(wanted, None) if isinstance(step, CreateRoom))
    return house.server.create(BOT, step)


async def is_left(house: Running, group: GroupId, twin: FakeRoom) -> None:
    first, second = house.all_marked(await house.room_id(group))
    used = first if second is twin else second
    assert used.members() == {BOT: "join", ADA: "invite"}
    assert twin.membership(BOT) == "leave"
    assert [event.state_key for event in twin.events if event.type == "m.room.member"] == [BOT, BOT]
    assert (await house.page(group)).room.state == "up_to_date"


async def test_one_that_comes_about_after_another_was_made(house: Running) -> None:
    house.server.weather.strike(dead_line(), on="create")
    group = await house.open_group()
    await house.settle()
    house.clock.turn(HALF_A_MINUTE)
    await house.settle()
    twin = await come_about(house, group)
    await house.settle()
    await house.wait(TWO_MINUTES)
    await is_left(house, group, twin)


async def test_one_that_comes_about_while_another_is_made(house: Running) -> None:
    house.server.weather.strike(dead_line(), on="create")
    group = await house.open_group()
    await house.settle()
    house.clock.turn(HALF_A_MINUTE)
    house.server.weather.slow(HALF_A_MINUTE, on="create")
    assert house.reconciler is not None
    await until(lambda: bool(house.clock.sleepers), going_on=house.reconciler.pass_once)
    twin = await come_about(house, group)
    await house.passes[0]()
    assert twin.membership(BOT) == "join", "it is not known yet which one is used"
    house.server.weather.slow(timedelta(), on="create")
    house.clock.turn(HALF_A_MINUTE)
    await house.wait(TWO_MINUTES)
    await is_left(house, group, twin)


async def test_one_that_somebody_is_in_is_not_left(house: Running) -> None:
    group = await house.open_group()
    await house.settle()
    twin = await come_about(house, group)
    house.server.change_membership(twin, BOT, ADA, "invite")
    await house.settle()
    await house.wait(TWO_MINUTES)
    assert twin.membership(BOT) == "join"


async def test_one_whose_time_a_death_falls_into_is_left_after_the_next_start(house: Running) -> None:
    group = await house.open_group()
    await house.settle()
    twin = await come_about(house, group)
    await house.settle()
    await house.start()
    house.server.weather.strike(dead_line(), on="joined")
    await house.wait(TWO_MINUTES)
    assert not house.server.weather.storms, "it was asked for"
    await house.wait(2 * TWO_MINUTES)
    await is_left(house, group, twin)
    asked = house.server.weather.calls["joined"]
    await house.wait(2 * TWO_MINUTES)
    assert house.server.weather.calls["joined"] == asked, "once for each start"


@pytest.mark.parametrize("asked", ["facilitator.sightings.tries", "facilitator.sightings.matrix_room"])
async def test_a_busy_database_makes_none_forgotten(
    house: Running, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    group = await house.open_group()
    await house.wait(2 * TWO_MINUTES)
    twin = await come_about(house, group)
    await house.settle()
    house.clock.turn(TWO_MINUTES)
    with monkeypatch.context() as patched:
        patched.setattr(asked, busy)
        assert await house.passes[0](), "there is one to look at"
        with pytest.raises(Unavailable):
            await house.passes[0]()
    await house.settle()
    await is_left(house, group, twin)


async def busy(*_: object, **__: object) -> None:
    raise Unavailable("busy")


async def test_a_room_that_was_declined_is_not_looked_at_again(house: Running) -> None:
    await house.settle()  # the first hearing of all leaves no room
    room = await house.person(EVE).make_room(BOT, direct=True)
    await house.client.accept(room)
    await house.settle()
    assert house.server.rooms[room].membership(BOT) == "leave"
    before = house.server.weather.calls["look"]
    await house.wait(2 * TWO_MINUTES)
    assert house.server.weather.calls["look"] == before


async def test_nothing_is_asked_about_a_room_before_it_is_due(house: Running) -> None:
    group = await house.open_group()
    await house.settle()
    await come_about(house, group)
    await house.settle()
    before = house.database.statements
    house.clock.turn(timedelta(seconds=1))
    assert not await house.passes[0]()
    assert house.database.statements == before
