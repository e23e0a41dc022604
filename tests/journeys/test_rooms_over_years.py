"""A room that is upgraded by us: the group goes on in a newer one, killed anywhere, and nothing is lost."""

import os
from datetime import timedelta

import pytest

from facilitator import renewals
from facilitator.errors import NotFound, TooLate
from tests.cast import ADA, BEN, BOT, CLEO
from tests.fake_weather import Killed
from tests.journeys.old_rooms import RECOVERY, accept_all, agree, newest, obstacles, old_room, room_with
from tests.journeys.running import Running


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
