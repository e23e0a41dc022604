"""`!sessions` in a group tells that group's sessions alone; between a person and the bot, all of that person's."""

from datetime import timedelta

import pytest

from bridge.commands import next_sessions
from bridge.commands.command import Call
from facilitator import rooms
from facilitator.ids import GroupId, RoomId, UserId
from tests.cast import ADA, BEN, CLEO
from tests.journeys.running import Running

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


async def told(house: Running, room_id: RoomId, person: UserId) -> list[tuple[str, str]]:
    """Weekday and hour of what is answered, in each session's own zone's name."""
    now = house.clock.now()
    async with house.database.reading() as db:
        place = await rooms.place(db, room_id)
        assert place is not None
        reply = await next_sessions.reply(Call(db, place, person, now, now))
    assert reply.utterance == "sessions"
    return [(session["starts"][:16], session["time_zone"]) for session in reply.parameters["sessions"]]


async def direct(house: Running, person: UserId) -> RoomId:
    async with house.database.transaction() as db:
        return await rooms.direct_with(db, person, now=house.clock.now())


@pytest.fixture
async def groups(running: Running) -> tuple[GroupId, GroupId]:
    """Ben is in both, Cleo in the second alone; the first meets on Wednesdays, the second on Tuesdays."""
    first = await running.open_group("Maple room")
    second = await running.open_group("Harbour room", zone=NEW_YORK)
    for group, person in ((first, BEN), (second, BEN), (second, CLEO)):
        await running.invite(group, person)
    await running.schedule(first, weekday=2, at="19:00", zone=BERLIN)
    await running.schedule(second, weekday=1, at="19:00", zone=NEW_YORK)
    return first, second


WEDNESDAY, TUESDAY = ("2026-11-04T18:00", BERLIN), ("2026-11-04T00:00", NEW_YORK)


async def test_a_groups_room_is_told_of_that_group_alone(running: Running, groups: tuple[GroupId, GroupId]) -> None:
    first, second = groups
    in_first = await told(running, await running.room_id(first), BEN)
    assert in_first == [WEDNESDAY, ("2026-11-11T18:00", BERLIN), ("2026-11-18T18:00", BERLIN)]
    in_second = await told(running, await running.room_id(second), BEN)
    assert in_second == [TUESDAY, ("2026-11-11T00:00", NEW_YORK), ("2026-11-18T00:00", NEW_YORK)]


async def test_alone_with_the_bot_a_person_is_told_of_all_their_groups_soonest_first(
    running: Running, groups: tuple[GroupId, GroupId]
) -> None:
    assert await told(running, await direct(running, BEN), BEN) == [TUESDAY, WEDNESDAY, ("2026-11-11T00:00", NEW_YORK)]
    assert {zone for _, zone in await told(running, await direct(running, CLEO), CLEO)} == {NEW_YORK}


async def test_a_facilitator_is_told_of_the_groups_they_run(running: Running, groups: tuple[GroupId, GroupId]) -> None:
    assert await told(running, await direct(running, ADA), ADA) == [TUESDAY, WEDNESDAY, ("2026-11-11T00:00", NEW_YORK)]


async def test_a_stranger_and_somebody_who_left_are_told_of_nothing(
    running: Running, groups: tuple[GroupId, GroupId]
) -> None:
    stranger = UserId("@eve:elsewhere")
    assert await told(running, await direct(running, stranger), stranger) == []
    cleo = running.person(CLEO)
    await running.settle()
    await cleo.join(await running.matrix_room(groups[1]))
    await cleo.leave(await running.matrix_room(groups[1]))
    await running.settle()
    assert await told(running, await direct(running, CLEO), CLEO) == []


async def test_a_session_that_runs_is_told_and_one_that_is_over_is_not(
    running: Running, groups: tuple[GroupId, GroupId]
) -> None:
    room_id = await running.room_id(groups[0])
    running.clock.turn(timedelta(days=2, hours=6, minutes=59))  # Wednesday, 19:59 in Berlin
    assert (await told(running, room_id, BEN))[0] == WEDNESDAY
    running.clock.turn(timedelta(minutes=1))
    assert (await told(running, room_id, BEN))[0] == ("2026-11-11T18:00", BERLIN)
