"""Rooms over years: upgraded, replaced by somebody else, lost and made anew. The group goes on, and nothing is lost."""

import os
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from facilitator import renewals, sightings
from facilitator.database import Database
from facilitator.database.tables import RoomSighting
from facilitator.errors import NotFound, TooLate
from facilitator.ids import GroupId, UserId
from facilitator.renewals import How
from tests import cast
from tests.cast import ADA, BEN, BOT, CLEO, EVE
from tests.clock import TurnedClock
from tests.fake_homeserver import FakeHomeserver
from tests.fake_rooms import FakeRoom
from tests.fake_weather import Killed
from tests.journeys.running import Running

RECOVERY = UserId("@recovery:test")
ADMIN = UserId("@admin:test")


@pytest.fixture
async def kept(database: Database, clock: TurnedClock) -> AsyncIterator[Running]:
    """A house with a recovery account."""
    server = FakeHomeserver(clock)
    server.person(RECOVERY)
    running = Running(database, server, clock, await cast.enter(database, now=clock.now()), recovery=RECOVERY)
    await running.start()
    yield running


async def old_room(house: Running, *people: UserId) -> tuple[GroupId, FakeRoom]:
    """A group whose room is of version 11, with Ada and these people in it; the homeserver makes newer ones now."""
    house.server.room_version = "11"
    group, room = await room_with(house, *people)
    house.server.room_version = "12"
    await house.start()
    await house.settle()
    return group, room


async def room_with(house: Running, *people: UserId) -> tuple[GroupId, FakeRoom]:
    group = await house.open_group()
    await house.settle()
    room = house.marked(await house.room_id(group))
    await house.person(ADA).join(room.room)
    for person in people:
        await house.member(group, person)
    await house.settle()
    return group, room


async def agree(house: Running, group: GroupId, how: How = "upgrade") -> None:
    async with house.database.transaction() as db:
        await renewals.agree(db, by=house.cast.ada, group_id=group, how=how, now=house.clock.now())


async def newest(house: Running, group: GroupId) -> FakeRoom:
    return house.all_marked(await house.room_id(group))[-1]


async def accept_all(house: Running, *people: UserId) -> None:
    for user in people:
        for room in await house.person(user).invitations():
            await house.person(user).join(room)
    await house.settle()


async def obstacles(house: Running, group: GroupId) -> list[str]:
    room = await house.room_id(group)
    async with house.database.reading() as db:
        return await db.scalar(select(RoomSighting.obstacles).where(RoomSighting.room_id == room)) or []


# ------------------------------------------------------------------------------------------------------ upgraded


async def test_a_homeserver_without_version_twelve_gets_rooms_of_the_newest_it_makes(kept: Running) -> None:
    kept.server.room_version = "11"
    group, room = await room_with(kept, BEN)
    assert room.value("m.room.create", "room_version") == "11"
    assert room.levels["users"] == {ADA: 50, BOT: 100, RECOVERY: 100}
    assert (await kept.page(group)).room.state == "up_to_date"
    assert await obstacles(kept, group) == []


async def test_nothing_is_upgraded_unless_a_facilitator_agreed(kept: Running) -> None:
    group, room = await old_room(kept, BEN)
    assert await obstacles(kept, group) == ["other_version"]
    await kept.wait(timedelta(hours=2), step=timedelta(minutes=30))
    assert kept.all_marked(await kept.room_id(group)) == [room]
    assert (await kept.page(group)).room.state == "up_to_date"


async def test_an_agreed_upgrade_brings_everybody_into_a_room_as_it_should_be(kept: Running) -> None:
    group, old = await old_room(kept, BEN, CLEO)
    await agree(kept, group)
    await kept.wait(timedelta(minutes=2), step=timedelta(seconds=10))
    new = await newest(kept, group)
    assert new.room != old.room
    assert new.value("m.room.create", "room_version") == "12"
    assert new.predecessor == old.room
    assert new.creators == {BOT, RECOVERY}
    assert new.encryption is not None
    assert new.levels["users"] == {ADA: 50}
    assert new.value("m.room.history_visibility", "history_visibility") == "joined"
    assert {user: is_now for user, is_now in new.members().items() if user != BOT} == dict.fromkeys(
        (ADA, BEN, CLEO, RECOVERY), "invite"
    )
    assert kept.said(old.room)[-1].startswith("This room is moving.")
    assert old.tombstone is not None
    assert old.tombstone.replacement == new.room
    assert min(old.levels["events_default"], old.levels["invite"]) == 100
    await accept_all(kept, ADA, BEN, CLEO)
    assert (await kept.line(group, BEN)).standing == "joined"
    assert (await kept.page(group)).room.state == "up_to_date"
    assert await obstacles(kept, group) == []
    assert old.membership(BOT) == "leave", "everybody has come over"
    assert [words for words in kept.said(new.room) if words.startswith("Hello")] == [], "nobody is welcomed again"


async def test_who_stays_behind_has_a_month_until_the_bot_leaves(kept: Running) -> None:
    group, old = await old_room(kept, BEN, CLEO)
    await agree(kept, group)
    await kept.wait(timedelta(minutes=2), step=timedelta(seconds=10))
    await accept_all(kept, ADA, BEN)
    assert old.membership(BOT) == "join"
    await kept.wait(timedelta(days=31), step=timedelta(days=1))
    assert old.membership(BOT) == "leave"
    assert (await kept.line(group, CLEO)).standing == "invited"


async def test_what_is_heard_of_a_room_left_behind_changes_nobodys_standing_and_help_is_answered(kept: Running) -> None:
    group, old = await old_room(kept, BEN, CLEO)
    await agree(kept, group)
    await kept.wait(timedelta(minutes=2), step=timedelta(seconds=10))
    await accept_all(kept, BEN)
    await kept.person(BEN).leave(old.room)
    await kept.settle()
    assert (await kept.line(group, BEN)).standing == "joined"
    kept.server.add(old, BOT, "m.room.power_levels", {"users": {BOT: 100}}, state_key="")
    await kept.person(CLEO).say(old.room, "!help")
    await kept.settle()
    assert any("112" in words for words in kept.said((await newest(kept, group)).room))


async def test_an_upgrade_is_agreed_to_by_who_runs_the_group_and_where_there_is_one_to_make(kept: Running) -> None:
    group, _ = await old_room(kept)
    async with kept.database.transaction() as db:
        with pytest.raises(NotFound):
            await renewals.agree(db, by=kept.cast.dan, group_id=group, how="upgrade", now=kept.clock.now())
        with pytest.raises(TooLate):
            await renewals.agree(db, by=kept.cast.ada, group_id=group, how="remake", now=kept.clock.now())
    other, _ = await room_with(kept)
    with pytest.raises(TooLate):
        await agree(kept, other)


@pytest.mark.parametrize("point", range(1, 400) if "HEARTH_SOAK" in os.environ else (2, 5, 8, 11, 14, 19, 26))
async def test_an_upgrade_killed_anywhere_makes_one_room_and_says_everything_once(kept: Running, point: int) -> None:
    group, old = await old_room(kept, BEN)
    await kept.schedule(group, weekday=2, at="19:00", zone="Europe/Berlin")
    await agree(kept, group)
    left = point

    def die(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    kept.server.weather.crash_point = die
    for _ in range(12):
        try:
            await kept.settle()
        except Killed:
            await kept.start()
        kept.clock.turn(timedelta(seconds=10))
    await accept_all(kept, ADA, BEN)
    rooms = kept.all_marked(await kept.room_id(group))
    assert len(rooms) == 2
    assert [words for words in kept.said(old.room) if "moving" in words] == [kept.said(old.room)[-1]]
    assert old.tombstone is not None
    assert old.tombstone.replacement == rooms[-1].room
    assert rooms[-1].membership(BEN) == "join"
    assert (await kept.page(group)).room.state == "up_to_date"


async def test_reminders_go_to_the_new_room_and_none_is_said_twice(kept: Running) -> None:
    group, old = await old_room(kept, BEN)
    await kept.schedule(group, weekday=2, at="19:00", zone="Europe/Berlin")
    await agree(kept, group)
    await kept.wait(timedelta(minutes=2), step=timedelta(seconds=10))
    await accept_all(kept, ADA, BEN)
    await kept.wait(timedelta(days=3), step=timedelta(minutes=10))
    said = kept.said(old.room) + kept.said((await newest(kept, group)).room)
    assert len([words for words in said if words.startswith(("See", "We"))]) == 2
    assert len([words for words in kept.said((await newest(kept, group)).room) if words.startswith(("See", "We"))]) == 2


# ---------------------------------------------------------------------------------------- replaced by somebody else


async def test_a_replacement_by_the_recovery_account_is_followed_once_the_bot_is_asked_in(kept: Running) -> None:
    group, old = await room_with(kept, BEN)
    await accept_all(kept, RECOVERY)
    new = await kept.person(RECOVERY).upgrade(old.room)
    await kept.settle()
    assert (await kept.page(group)).room.trouble == "room_moved"
    await kept.person(RECOVERY).invite(new, BOT)
    await kept.settle()
    kept.clock.turn(timedelta(minutes=1))
    await kept.settle()
    async with kept.database.reading() as db:
        assert await sightings.matrix_room(db, await kept.room_id(group)) == new
    state = (await kept.page(group)).room
    assert (state.state, state.trouble) == ("in_trouble", "no_power"), "there the bot may do nothing yet"
    room = kept.server.rooms[new]
    await kept.person(RECOVERY).set_state(new, "m.room.power_levels", {**room.levels, "users": {BOT: 100, ADA: 50}})
    await kept.settle()
    assert room.membership(BEN) == "invite"
    assert (await kept.page(group)).room.state == "up_to_date"


@pytest.mark.parametrize("who", ["a stranger", "nobody who may"])
async def test_a_replacement_by_anybody_else_is_reported_and_not_followed(kept: Running, who: str) -> None:
    group, old = await room_with(kept, BEN)
    by = {"a stranger": EVE, "nobody who may": ADA}[who]
    trap = await kept.person(EVE).make_room(BOT)
    kept.server.add(old, by, "m.room.tombstone", {"body": "", "replacement_room": trap}, state_key="")
    await kept.wait(timedelta(minutes=30), step=timedelta(minutes=10))
    assert kept.server.rooms[trap].membership(BOT) == "leave"
    assert (await kept.page(group)).room.trouble == "room_closed"
    async with kept.database.reading() as db:
        assert await sightings.matrix_room(db, await kept.room_id(group)) == old.room


async def test_a_room_that_does_not_say_it_goes_on_from_ours_is_not_followed(kept: Running) -> None:
    group, old = await room_with(kept)
    await accept_all(kept, RECOVERY)
    other = await kept.person(RECOVERY).make_room(EVE)
    kept.server.add(old, RECOVERY, "m.room.tombstone", {"replacement_room": other}, state_key="")
    await kept.settle()
    await kept.person(RECOVERY).invite(other, BOT)
    await kept.wait(timedelta(minutes=20), step=timedelta(minutes=5))
    assert (await kept.page(group)).room.trouble in ("room_closed", "room_moved")
    assert kept.server.rooms[other].membership(BOT) == "leave"
    async with kept.database.reading() as db:
        assert await sightings.matrix_room(db, await kept.room_id(group)) == old.room


async def test_a_room_is_not_led_into_another_one_we_are_in(kept: Running) -> None:
    group, old = await room_with(kept)
    other = await kept.open_group("Harbour room")
    await accept_all(kept, RECOVERY)
    theirs = (await newest(kept, other)).room
    kept.server.add(old, RECOVERY, "m.room.tombstone", {"replacement_room": theirs}, state_key="")
    await kept.settle()
    assert (await kept.page(group)).room.trouble == "room_closed"
    async with kept.database.reading() as db:
        assert await sightings.matrix_room(db, await kept.room_id(group)) == old.room
        assert await sightings.matrix_room(db, await kept.room_id(other)) == theirs
    assert kept.server.rooms[theirs].membership(BOT) == "join"


# ------------------------------------------------------------------------------------------------ lost, and made anew


async def lose(house: Running, room: FakeRoom) -> None:
    house.server.add(room, ADMIN, "m.room.member", {"membership": "leave"}, state_key=BOT)
    await house.settle()


async def test_a_lost_room_is_made_anew_when_a_facilitator_agrees_and_everybody_is_asked_in(kept: Running) -> None:
    group, old = await room_with(kept, BEN)
    await kept.schedule(group, weekday=2, at="19:00", zone="Europe/Berlin")
    await lose(kept, old)
    assert (await kept.page(group)).room.trouble == "room_lost"
    await agree(kept, group, "remake")
    await kept.wait(timedelta(minutes=1), step=timedelta(seconds=10))
    new = await newest(kept, group)
    assert new.room != old.room
    assert new.predecessor == old.room
    await accept_all(kept, ADA, BEN)
    assert (await kept.line(group, BEN)).standing == "joined"
    await kept.wait(timedelta(days=3), step=timedelta(minutes=10))
    assert len([words for words in kept.said(new.room) if words.startswith(("See", "We"))]) == 2
    await kept.start()
    await kept.settle()
    assert len(kept.all_marked(await kept.room_id(group))) == 2
    assert (await kept.page(group)).room.state == "up_to_date"


async def test_asked_back_into_a_room_made_anew_since_the_bot_stays_with_the_new_one(kept: Running) -> None:
    group, old = await room_with(kept, BEN)
    await lose(kept, old)
    await agree(kept, group, "remake")
    await kept.wait(timedelta(minutes=1), step=timedelta(seconds=10))
    kept.server.add(old, ADA, "m.room.member", {"membership": "invite"}, state_key=BOT)
    await kept.settle()
    assert old.membership(BOT) == "leave"
    assert (await kept.page(group)).room.state == "up_to_date"


async def test_a_room_that_came_back_by_itself_is_not_made_anew(kept: Running) -> None:
    group, old = await room_with(kept, BEN)
    await lose(kept, old)
    kept.server.add(old, ADMIN, "m.room.member", {"membership": "join"}, state_key=BOT)
    await agree(kept, group, "remake")
    await kept.settle()
    assert kept.all_marked(await kept.room_id(group)) == [old]
    assert (await kept.page(group)).room.state == "up_to_date"


# ------------------------------------------------------------------------------------------------ the recovery account


async def test_the_recovery_account_is_asked_into_every_groups_room_and_is_neither_member_nor_stranger(
    kept: Running,
) -> None:
    group, room = await room_with(kept)
    assert room.creators == {BOT, RECOVERY}
    assert room.membership(RECOVERY) == "invite"
    await accept_all(kept, RECOVERY)
    await kept.wait(timedelta(minutes=5))
    assert room.membership(RECOVERY) == "join"
    assert (await kept.page(group)).roster == ()
    await kept.person(RECOVERY).leave(room.room)
    await kept.wait(timedelta(minutes=5))
    assert room.membership(RECOVERY) == "leave", "asked once"


async def test_a_room_from_before_there_was_a_recovery_account_says_so_and_an_upgrade_mends_it(kept: Running) -> None:
    kept.recovery = None
    await kept.start()
    group, _ = await room_with(kept)
    kept.recovery = RECOVERY
    await kept.start()
    await kept.settle()
    assert await obstacles(kept, group) == ["no_recovery"]
    await agree(kept, group)
    await kept.wait(timedelta(minutes=1), step=timedelta(seconds=10))
    assert (await newest(kept, group)).creators == {BOT, RECOVERY}
    assert await obstacles(kept, group) == []
