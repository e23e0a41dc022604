"""A key may come with an answer that a process died of: after a start, whatever stands unread is tried once more."""

import asyncio
from datetime import timedelta

import pytest

from bridge.listener import Listener
from bridge.matrix.homeserver import HomeserverError
from facilitator import sightings, unread
from facilitator.database import Unavailable
from facilitator.ids import EventId, MatrixRoomId
from tests.cast import BEN, CLEO
from tests.fake_people import FakePerson
from tests.fake_weather import dead_line, rate_limited
from tests.journeys.running import Running


async def cut_short(house: Running) -> None:
    """The process dies with the homeserver's answer in its hands: the device has the keys, the database knows of
    nothing."""
    async with house.database.reading() as db:
        since = await sightings.cursor(db, house.house.bot)
    await house.client.listen(since, wait=timedelta())


async def standing(house: Running) -> int:
    async with house.database.reading() as db:
        return len(await unread.latest(db))


def helped(house: Running, room: MatrixRoomId) -> int:
    return sum(text.startswith("Thank you for writing.") for text in house.said(room))


@pytest.fixture
async def ben(running: Running) -> tuple[FakePerson, MatrixRoomId]:
    """Ben has joined a group and called for help; the key of what he wrote stayed behind, and came too late."""
    group = await running.open_group()
    ben = await running.member(group, BEN)
    room = await running.matrix_room(group)
    await ben.say(room, "!help", key_later=True)
    await running.settle()
    assert (await standing(running), helped(running, room)) == (1, 0)
    await ben.send_keys()
    await cut_short(running)
    return ben, room


async def test_a_call_whose_key_came_to_a_dying_process_is_answered_after_the_start(
    running: Running, ben: tuple[FakePerson, MatrixRoomId]
) -> None:
    await running.start()
    await running.settle()
    assert (await standing(running), helped(running, ben[1])) == (0, 1)


@pytest.mark.parametrize("error", [rate_limited(), dead_line()], ids=["rate limit", "no connection"])
async def test_bad_weather_puts_it_off_and_keeps_nobody_from_being_heard(
    running: Running, ben: tuple[FakePerson, MatrixRoomId], error: HomeserverError
) -> None:
    person, room = ben
    await running.start()
    running.server.weather.strike(error, on="read_again", times=2)
    await person.say(room, "!sessions")
    assert await running.passes[0]()
    assert await standing(running) == 1
    await running.settle()
    assert any("No session is planned yet." in text for text in running.said(room))
    await running.passes[0]()
    await running.settle()
    assert (await standing(running), helped(running, room)) == (0, 1)


async def test_what_stands_in_a_room_we_are_out_of_keeps_nothing_else_from_being_read(
    running: Running, ben: tuple[FakePerson, MatrixRoomId]
) -> None:
    async with running.database.transaction() as db:
        await unread.could_not_read(
            db,
            EventId("$gone"),
            room=MatrixRoomId("!gone:test"),
            session_id="gone",
            sender=CLEO,
            now=running.clock.now(),
        )
    await running.start()
    await running.settle()
    assert helped(running, ben[1]) == 1


async def test_a_key_that_never_comes_costs_one_question_a_start_and_no_more(running: Running) -> None:
    group = await running.open_group()
    cleo = await running.member(group, CLEO)
    await cleo.say(await running.matrix_room(group), "hello", key_later=True)
    await running.settle()
    for starts in (1, 2):
        await running.start()
        await running.settle()
        await running.settle()
        assert await standing(running) == 1
        assert running.server.weather.calls["read_again"] == starts


async def test_very_much_keeps_nobody_waiting_and_is_asked_for_a_little_at_a_time(
    running: Running, ben: tuple[FakePerson, MatrixRoomId]
) -> None:
    async with running.database.transaction() as db:
        for number in range(60):
            await unread.could_not_read(
                db, EventId(f"$none{number:02}"), room=ben[1], session_id="lost", sender=BEN, now=running.clock.now()
            )
    await running.start()
    asked = running.server.weather.calls
    before, listener = asked["read_again"], running.passes[0]
    assert await listener()
    assert asked["read_again"] == before, "the sender and the timer wait for this pass"
    for passes in (1, 2, 3, 4):
        assert await listener()
        assert asked["read_again"] == before + passes
        await listener()
        assert asked["read_again"] == before + passes, "in between, it listens"
    await running.settle()
    assert (asked["read_again"], helped(running, ben[1])) == (before + 4, 1)


async def test_a_busy_database_puts_it_off_for_no_longer_than_it_is_busy(
    running: Running, ben: tuple[FakePerson, MatrixRoomId], monkeypatch: pytest.MonkeyPatch
) -> None:
    await running.start()
    listener = Listener(running.house, wait=timedelta(seconds=30))
    assert await listener.pass_once()
    with monkeypatch.context() as patched:
        patched.setattr("facilitator.rooms.place_at", busy)
        with pytest.raises(Unavailable):
            await listener.pass_once()
    passes = asyncio.ensure_future(two(listener))
    while not passes.done():
        assert not running.clock.sleepers, "it waits for news"
        await asyncio.sleep(0)
    assert await standing(running) == 0


async def busy(*_: object, **__: object) -> None:
    raise Unavailable("busy")


async def two(listener: Listener) -> None:
    """It listens, and looks back."""
    await listener.pass_once()
    await listener.pass_once()
