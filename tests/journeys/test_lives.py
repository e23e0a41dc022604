"""A group's life in its room: what a draft, a pause and the last day mean to whoever is there."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from facilitator import rooms
from facilitator.database.tables import Act, Group, JournalEntry, Room
from facilitator.endings import READ_WITHIN
from facilitator.errors import TooLate
from facilitator.ids import GroupId
from facilitator.rules.life import KeptBy
from tests import cast
from tests.cast import ADA, BEN, BOT, CLEO, EVE
from tests.fake_rooms import FakeRoom
from tests.fake_weather import fault
from tests.journeys.parting import FAREWELL, close, pause, reopen, resume, state_of
from tests.journeys.running import Running

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def with_people(house: Running) -> tuple[GroupId, FakeRoom]:
    """A group with its facilitator and two members in the room."""
    group = await house.open_group()
    for person in (BEN, CLEO):
        await house.member(group, person)
    room = house.server.rooms[await house.matrix_room(group)]
    await house.person(ADA).join(room.room)
    await house.settle()
    return group, room


def firsts(said: list[str]) -> list[str]:
    return [text.split()[0] for text in said]


async def to_its_end(house: Running, moment: datetime) -> None:
    """The farewell is said, and has been read."""
    house.clock.turn_to(moment)
    await house.settle()
    house.clock.turn(READ_WITHIN)
    await house.settle()


def said_since(house: Running, room: FakeRoom, number: int) -> list[str]:
    return house.said(room.room)[number:]


async def unsaid(house: Running) -> list[str]:
    async with house.database.reading() as db:
        return list(await db.scalars(select(Act.utterance).where(Act.outcome.is_(None))))


async def test_a_draft_has_its_room_and_who_is_asked_in_there_by_hand_is_asked_out(house: Running) -> None:
    group = await cast.start_group(house.database, house.cast.ada, now=house.clock.now())
    await house.settle()
    room = house.server.rooms[await house.matrix_room(group)]
    assert room.members() == {BOT: "join", ADA: "invite"}
    await house.person(ADA).join(room.room)
    await house.person(ADA).invite(room.room, BEN)
    await house.wait(timedelta(minutes=2))
    assert room.membership(BEN) == "leave"
    assert (await house.page(group)).roster == ()


async def test_a_pause_is_silent_help_works_and_nothing_stale_is_said_after_it(house: Running) -> None:
    group, room = await with_people(house)
    await house.schedule(group, weekday=2, at="19:00", zone="Europe/Berlin")  # Wednesday; it is Monday noon
    await pause(house, group)
    before = len(house.said(room.room))
    await house.wait(timedelta(days=2, hours=7), step=HOUR)  # Wednesday 20:00 in Berlin: in the middle of a session
    assert said_since(house, room, before) == []
    await house.person(BEN).say(room.room, "!sessions")
    await house.person(BEN).say(room.room, "!help")
    await house.settle()
    assert {text.split()[0] for text in said_since(house, room, before)} == {"We", "Thank"}
    assert any("taking a break" in text for text in said_since(house, room, before))
    await resume(house, group)
    before = len(house.said(room.room))
    await house.wait(timedelta(days=5), step=timedelta(hours=6))
    assert said_since(house, room, before) == []
    await house.wait(timedelta(days=2), step=HOUR)
    assert [text.split()[0] for text in said_since(house, room, before)] == ["See", "We"]


async def test_a_reminder_that_waited_is_not_said_in_a_pause(house: Running) -> None:
    group, room = await with_people(house)
    await house.schedule(group, weekday=1, at="12:30", zone="Europe/Berlin")
    before = len(house.said(room.room))
    house.server.weather.down = True
    await house.wait(HOUR, step=timedelta(minutes=10))
    assert await unsaid(house) == ["reminder"]
    await pause(house, group)
    house.server.weather.down = False
    await house.wait(HOUR, step=timedelta(minutes=10))
    assert said_since(house, room, before) == [] and await unsaid(house) == []


async def test_on_the_last_day_the_farewell_is_said_once_and_everybody_is_asked_out_facilitators_last(
    any_house: Running,
) -> None:
    house = any_house
    group, room = await with_people(house)
    await house.schedule(group, weekday=4, at="19:00", zone="Europe/Berlin")
    before, events = len(house.said(room.room)), len(room.events)
    moment = await close(house, group, KeptBy.NOBODY)
    await house.settle()
    (told,) = said_since(house, room, before)
    assert "will end on Tuesday" in told and "12:00 (Berlin time)" in told and "!help" in told
    house.clock.turn_to(moment - timedelta(seconds=1))
    await house.settle()
    assert len(said_since(house, room, before)) == 1 and await state_of(house, group) == "closing"
    house.clock.turn(timedelta(seconds=1))
    await house.settle()
    house.clock.turn(READ_WITHIN - timedelta(seconds=1))
    await house.settle()
    assert room.joined() == {ADA, BEN, CLEO, BOT}, "whoever is there can read it first"
    house.clock.turn(timedelta(seconds=1))
    await house.settle()
    _, farewell = said_since(house, room, before)
    assert farewell.startswith("A word before we part.") and FAREWELL in farewell and "112" in farewell
    assert room.joined() == set() and await state_of(house, group) == "closed"
    gone = [e.state_key for e in room.events[events:] if e.content.get("membership") == "leave"]
    assert gone == [BEN, CLEO, ADA, BOT]
    assert {member.standing for member in (await house.page(group)).roster} == {"joined"}
    await house.wait(7 * DAY, step=DAY)
    assert len(said_since(house, room, before)) == 2
    async with house.database.reading() as db:
        row = (await db.scalars(select(Group).where(Group.id == group))).one()
        assert (row.farewell, row.closed, row.opened) == (None, moment + READ_WITHIN, None)
        assert list(await db.scalars(select(Act.parameters).where(Act.parameters.is_not(None)))) == []
        assert list(await db.scalars(select(Room.closed).where(Room.group_id == group, Room.closed.is_(None)))) == []
        verbs = list(await db.scalars(select(JournalEntry.verb).where(JournalEntry.group_id == group)))
        assert verbs.count("group closed") == 1 and "member removed" not in verbs


async def test_a_room_left_to_its_members_is_run_by_its_facilitators_and_the_bot_goes(any_house: Running) -> None:
    house = any_house
    group, room = await with_people(house)
    before = len(house.said(room.room))
    moment = await close(house, group, KeptBy.MEMBERS)
    await house.settle()
    await to_its_end(house, moment)
    told, farewell = said_since(house, room, before)
    assert "the room is left to you" in told and "the room is left to you" in farewell
    assert room.joined() == {ADA, BEN, CLEO} and await state_of(house, group) == "closed"
    assert room.levels["users"] == {ADA: 100} and room.levels["events"]["m.room.tombstone"] == 100
    await house.person(BEN).say(room.room, "!help")
    await house.wait(DAY, step=timedelta(hours=6))
    assert len(said_since(house, room, before)) == 2 and room.joined() == {ADA, BEN, CLEO}
    house.server.add(room, ADA, "m.room.member", {"membership": "invite"}, state_key=BOT)
    await house.settle()
    assert room.joined() == {ADA, BEN, CLEO}, "the bot has no business there any more"


async def test_nobody_goes_before_the_farewell_is_said(house: Running) -> None:
    group, room = await with_people(house)
    moment = await close(house, group, KeptBy.NOBODY)
    await house.settle()
    before = len(house.said(room.room))
    house.clock.turn_to(moment)
    for _ in range(5):
        house.server.weather.strike(fault(), on="send")
    await house.settle()
    assert room.joined() == {ADA, BEN, CLEO, BOT} and await state_of(house, group) == "closing"
    await house.wait(timedelta(minutes=10))
    assert len(said_since(house, room, before)) == 1 and room.joined() == {ADA, BEN, CLEO, BOT}
    await house.wait(READ_WITHIN, step=timedelta(minutes=10))
    assert len(said_since(house, room, before)) == 1 and room.joined() == set()


async def test_a_farewell_that_cannot_be_said_for_days_does_not_keep_the_group_open(house: Running) -> None:
    group, room = await with_people(house)
    moment = await close(house, group, KeptBy.NOBODY)
    house.server.weather.down = True
    house.clock.turn_to(moment)
    await house.wait(timedelta(days=4), step=timedelta(hours=6))
    assert await state_of(house, group) == "closed" and room.joined() != set()
    house.server.weather.down = False
    await house.wait(HOUR, step=timedelta(minutes=5))
    assert room.joined() == set()


async def test_who_comes_while_the_room_is_emptied_goes_too_and_so_do_invitations(house: Running) -> None:
    group, room = await with_people(house)
    await house.invite(group, EVE)
    await house.settle()
    assert room.membership(EVE) == "invite"
    await to_its_end(house, await close(house, group, KeptBy.NOBODY))
    assert {person: how for person, how in room.members().items() if how in ("join", "invite")} == {}


async def test_kept_open_after_all_nothing_is_said_and_a_second_farewell_is(house: Running) -> None:
    group, room = await with_people(house)
    before = len(house.said(room.room))
    moment = await close(house, group, KeptBy.NOBODY)
    await house.settle()
    await reopen(house, group)
    house.clock.turn_to(moment + HOUR)
    await house.settle()
    assert firsts(said_since(house, room, before)) == ["Something", "Good"]
    assert await state_of(house, group) == "open"
    house.clock.turn_to(await close(house, group, KeptBy.MEMBERS))
    with pytest.raises(TooLate):
        await reopen(house, group)
    await house.settle()
    assert len(said_since(house, room, before)) == 3, "a day that has come is not announced any more"


async def test_another_last_day_is_announced_again_and_closed_twice_alike_once(any_house: Running) -> None:
    house = any_house
    group, room = await with_people(house)
    before = len(house.said(room.room))
    await close(house, group, KeptBy.NOBODY)
    await close(house, group, KeptBy.NOBODY)
    await house.settle()
    await reopen(house, group)
    await close(house, group, KeptBy.NOBODY)
    await house.settle()
    assert firsts(said_since(house, room, before)) == ["Something", "Good", "Something"]
    await close(house, group, KeptBy.NOBODY, days=3, seen=True)
    await house.settle()
    assert "now ends on Thursday" in said_since(house, room, before)[-1]


async def test_a_group_that_paused_goes_on_pausing_until_it_closes(house: Running) -> None:
    group, room = await with_people(house)
    await house.schedule(group, weekday=1, at="19:00", zone="Europe/Berlin")
    await pause(house, group)
    before = len(house.said(room.room))
    await close(house, group, KeptBy.NOBODY, days=3)
    await house.wait(timedelta(days=2), step=HOUR)
    assert firsts(said_since(house, room, before)) == ["Something"]
    await reopen(house, group)
    assert await state_of(house, group) == "paused"


async def test_sessions_after_the_last_day_are_not_reminded_of(house: Running) -> None:
    group, room = await with_people(house)
    await house.schedule(group, weekday=1, at="19:00", zone="Europe/Berlin")  # Tuesday, after noon
    before = len(house.said(room.room))
    moment = await close(house, group, KeptBy.MEMBERS)  # Tuesday, noon
    await house.wait(moment - house.clock.now() - timedelta(minutes=1), step=HOUR)
    assert firsts(said_since(house, room, before)) == ["Something"]


async def test_a_room_that_is_not_there_keeps_no_group_from_closing(house: Running) -> None:
    await house.settle()
    house.server.weather.down = True
    group = await house.open_group()
    await house.settle()
    house.clock.turn_to(await close(house, group, KeptBy.NOBODY) + timedelta(days=3))
    await house.settle()
    house.server.weather.down = False
    await house.wait(HOUR, step=timedelta(minutes=10))
    assert house.server.rooms == {}
    async with house.database.reading() as db:
        assert await rooms.due(db, house.house.bot, now=house.clock.now() + DAY) == []
