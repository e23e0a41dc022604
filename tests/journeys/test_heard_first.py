"""What was heard is answered, however long the homeserver takes over what it is asked because of it: a room to come
into, a message to read again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from bridge.listener import NOTHING_NEW
from bridge.matrix.homeserver import HomeserverError
from facilitator import sightings
from facilitator.database.tables import UnreadableEvent
from facilitator.ids import GroupId, MatrixRoomId
from tests.cast import BEN, BOT, CLEO
from tests.fake_people import FakePerson
from tests.fake_rooms import FakeRoom
from tests.fake_weather import Killed, dead_line, rate_limited
from tests.journeys.running import Running
from tests.journeys.test_twins import TWO_MINUTES, come_about

FOR_EVER = timedelta(days=1)


@pytest.fixture
async def group(house: Running) -> GroupId:
    return await house.open_group()


@pytest.fixture
async def ben(house: Running, group: GroupId) -> AsyncIterator[tuple[FakePerson, MatrixRoomId]]:
    """In a group with Cleo."""
    ben = await house.member(group, BEN)
    await house.member(group, CLEO)
    yield ben, await house.matrix_room(group)
    await house.cut_off()


async def come_in(house: Running) -> MatrixRoomId:
    """Cleo's own room with the bot, where she has called for help; the bot has joined, and heard nothing of it yet."""
    cleo = house.person(CLEO)
    room = await cleo.make_room(BOT, direct=True)
    await house.client.accept(room)
    await cleo.say(room, "!help")
    return room


@pytest.fixture
async def twin(house: Running, group: GroupId, ben: tuple[FakePerson, MatrixRoomId]) -> FakeRoom:
    """Of the group's room, made late: to be looked at with the next thing that is heard."""
    await house.wait(TWO_MINUTES)
    twin = await come_about(house, group)
    await house.settle()
    house.clock.turn(TWO_MINUTES)
    return twin


async def said(house: Running, *rooms: MatrixRoomId) -> list[int]:
    """How often help was given in each, after what is to be said has been."""
    assert house.sender is not None
    while await house.sender.pass_once():
        await house.sender.lanes.all_ended()
    return [sum(text.startswith("Thank you for writing.") for text in house.said(room)) for room in rooms]


async def test_a_look_that_hangs_delays_no_help_that_was_called_for_elsewhere(
    house: Running, ben: tuple[FakePerson, MatrixRoomId]
) -> None:
    person, room = ben
    entered = await come_in(house)
    await person.say(room, "!help")
    house.server.weather.slow(FOR_EVER, on="look")
    assert await house.passes[0](), "this wakes the sender"
    hanging = asyncio.ensure_future(house.passes[0]())
    await house.clock.somebody_sleeps()
    assert await said(house, room, entered) == [1, 0]
    house.server.weather.slow(timedelta(), on="look")
    house.clock.turn(FOR_EVER)
    await hanging
    await house.settle()
    assert await said(house, room, entered) == [1, 1]


async def test_killed_while_it_hangs_nothing_is_lost_or_said_twice(
    house: Running, ben: tuple[FakePerson, MatrixRoomId]
) -> None:
    person, room = ben
    before = await place(house)
    entered = await come_in(house)
    await person.say(room, "!help")
    await house.passes[0]()
    assert await place(house) == before
    assert await said(house, room) == [1]
    await house.start()
    await house.settle()
    assert await said(house, room, entered) == [1, 1]
    assert len(house.said(room)) == 3, "two welcomes and the card"


@pytest.mark.parametrize("dies", ["after the words", "before our place is", "after our place"])
async def test_killed_between_the_words_and_our_place_both_calls_are_answered_once(
    house: Running, ben: tuple[FakePerson, MatrixRoomId], monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    person, room = ben
    before = await place(house)
    entered = await come_in(house)
    await person.say(room, "!help")
    with monkeypatch.context() as patched:
        if dies == "before our place is":
            patched.setattr("facilitator.sightings.listened", killed)
        await house.passes[0]()
        assert await place(house) == before, "the words alone are written down"
        if dies == "before our place is":
            with pytest.raises(Killed):
                await house.passes[0]()
    if dies == "after our place":
        await house.passes[0]()
    assert (await place(house) == before) == (dies != "after our place")
    assert house.said(room)[2:] == [], "nothing of it was said in this life"
    await house.start()
    await house.settle()
    assert await said(house, room, entered) == [1, 1]


async def killed(*_: object, **__: object) -> None:
    raise Killed("before a commit")


async def test_what_is_said_while_a_room_cannot_be_looked_at_is_answered_meanwhile(
    house: Running, ben: tuple[FakePerson, MatrixRoomId]
) -> None:
    person, room = ben
    entered = await come_in(house)
    house.server.weather.slow(FOR_EVER, on="look")
    hanging = asyncio.ensure_future(house.passes[0]())
    await house.clock.somebody_sleeps()
    hanging.cancel()
    await asyncio.wait([hanging])
    await person.say(room, "!help")
    await house.passes[0]()
    assert await said(house, room, entered) == [1, 0]
    house.server.weather.slow(timedelta(), on="look")
    await house.settle()
    assert await said(house, room, entered) == [1, 1]


async def test_reading_again_that_hangs_delays_no_help_that_was_called_for_meanwhile(
    house: Running, ben: tuple[FakePerson, MatrixRoomId]
) -> None:
    person, room = ben
    await person.say(room, "!sessions", key_later=True)
    await house.settle()
    await person.send_keys()
    await person.say(room, "!help")
    house.server.weather.slow(FOR_EVER, on="read_again")
    assert await house.passes[0]()
    hanging = asyncio.ensure_future(house.passes[0]())
    await house.clock.somebody_sleeps()
    assert await said(house, room) == [1]
    house.server.weather.slow(timedelta(), on="read_again")
    house.clock.turn(timedelta(minutes=1))
    hanging.cancel()
    await asyncio.wait([hanging])
    await house.settle()
    assert any("No session is planned yet." in text for text in house.said(room))


async def test_a_look_at_a_late_room_that_hangs_delays_no_help_that_was_called_for(
    house: Running, ben: tuple[FakePerson, MatrixRoomId], twin: FakeRoom
) -> None:
    person, room = ben
    await person.say(room, "!help")
    house.server.weather.slow(FOR_EVER, on="look")
    hearing = asyncio.ensure_future(house.passes[0]())
    while not hearing.done():
        assert not house.clock.sleepers, "hearing waits for the look"
        await asyncio.sleep(0)
    hanging = asyncio.ensure_future(house.passes[0]())
    while not house.clock.sleepers:
        assert not hanging.done(), "it was not looked at"
        await asyncio.sleep(0)
    assert await said(house, room) == [1]
    house.server.weather.slow(timedelta(), on="look")
    house.clock.turn(FOR_EVER)
    await hanging
    await house.settle()
    assert (await said(house, room), twin.membership(BOT)) == ([1], "leave")


@pytest.mark.parametrize("error", [rate_limited(), dead_line()], ids=["rate limit", "no connection"])
async def test_a_look_at_a_late_room_that_fails_stops_no_pass_and_is_taken_again(
    house: Running, ben: tuple[FakePerson, MatrixRoomId], twin: FakeRoom, error: HomeserverError
) -> None:
    person, room = ben
    house.server.weather.strike(error, on="look")
    await person.say(room, "!help")
    for _ in range(2):
        await house.passes[0]()
    assert not house.server.weather.storms, "it was looked at"
    assert await said(house, room) == [1]
    await house.settle()
    assert twin.membership(BOT) == "join", "put off"
    await house.wait(TWO_MINUTES)
    assert twin.membership(BOT) == "leave"


async def test_words_ahead_of_the_rest_are_taken_in_their_order(
    house: Running, ben: tuple[FakePerson, MatrixRoomId]
) -> None:
    """Whoever is read after something that was not is no longer one who cannot be read."""
    person, room = ben
    await come_in(house)
    await person.say(room, "hello", key_later=True)
    person.device.sessions.clear()  # as an app does that notices: it begins anew
    await person.say(room, "!help")
    assert await house.passes[0]()
    assert await said(house, room) == [1]
    await house.settle()
    async with house.database.reading() as db:
        rows = (await db.execute(select(UnreadableEvent.matrix_room, UnreadableEvent.sender_index))).all()
    assert rows == [(room, None)]


async def test_of_talk_our_place_is_written_down_now_and_then(
    house: Running, ben: tuple[FakePerson, MatrixRoomId]
) -> None:
    person, room = ben
    house.clock.turn(2 * NOTHING_NEW)
    await person.say(room, "good evening")
    await house.passes[0]()
    written = await place(house)
    assert written == f"s{house.server.position}"
    for _ in range(2):
        house.clock.turn(NOTHING_NEW / 2)
        await person.say(room, "how are you all?")
        await house.passes[0]()
        assert await place(house) == written
    house.clock.turn(timedelta(seconds=1))
    await person.say(room, "I am well")
    await house.passes[0]()
    assert await place(house) == f"s{house.server.position}" != written


async def place(house: Running) -> str | None:
    async with house.database.reading() as db:
        return await sightings.cursor(db, house.house.bot)
