"""Rooms replaced by somebody else, or lost and made anew, and the recovery account: the group goes on."""

from datetime import timedelta

import pytest

from facilitator import sightings
from tests.cast import ADA, BEN, BOT, EVE
from tests.fake_rooms import FakeRoom
from tests.journeys.old_rooms import ADMIN, RECOVERY, accept_all, agree, newest, obstacles, room_with
from tests.journeys.running import Running


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
