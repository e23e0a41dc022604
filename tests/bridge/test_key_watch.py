"""Before a word is said it is known who could read it; and what changes is noticed without asking again and again."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from bridge.key_watch import KeyWatch
from bridge.matrix.homeserver import TryLater
from facilitator.ids import GroupId, UserId
from facilitator.rules.reach import KEY_MAY_TAKE, SETTLES, SOONEST, Health
from tests.cast import BEN, CLEO
from tests.fake_weather import dead_line
from tests.journeys.running import Running

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
FAR = UserId("@far:away.example")


@pytest.fixture
async def group(running: Running) -> GroupId:
    return await running.open_group()


async def health(running: Running, group: GroupId, person: UserId = BEN) -> Health | None:
    return (await running.line(group, person)).health


def asked(running: Running) -> int:
    return running.server.weather.calls["reach"]


def told(running: Running, person: UserId = BEN) -> int:
    """How often the bot wrote to somebody about a device that is not confirmed."""
    rooms = running.direct_rooms(person)
    return sum("one of your devices" in said for room in rooms for said in running.said(room.room))


async def test_who_has_joined_is_checked_before_anything_is_said_to_them(running: Running, group: GroupId) -> None:
    running.person(CLEO).device.signed = False
    await running.member(group, BEN)
    await running.member(group, CLEO)
    assert (await health(running, group), await health(running, group, CLEO)) == (Health.READS, Health.ONLY_UNSIGNED)


async def test_who_is_only_invited_is_not_judged(running: Running, group: GroupId) -> None:
    await running.invite(group, BEN)
    await running.settle()
    assert await health(running, group) is None


async def test_where_nothing_changes_nothing_is_asked(running: Running, group: GroupId) -> None:
    await running.member(group, BEN)
    before = asked(running)
    await running.wait(timedelta(hours=6), step=timedelta(minutes=20))
    await running.start()
    await running.settle()
    assert asked(running) == before


async def test_a_device_that_changes_is_noticed_at_once_without_a_message(running: Running, group: GroupId) -> None:
    ben = await running.member(group, BEN)
    room = await running.matrix_room(group)
    said = len(running.messages(room))
    laptop = await ben.sign_in_elsewhere()
    await running.settle()
    assert await health(running, group) is Health.SOME_UNSIGNED
    await ben.sign_out_of(laptop)
    await running.settle()
    assert await health(running, group) is Health.READS
    await ben.sign_out_of(ben.device)
    await running.settle()
    assert await health(running, group) is Health.NO_DEVICES
    assert len(running.messages(room)) == said, "the room hears nothing of it"


async def test_a_silent_server_is_asked_again_until_it_answers(running: Running, group: GroupId) -> None:
    running.person(FAR)
    running.server.silent.add("away.example")
    await running.member(group, FAR)
    assert await health(running, group, FAR) is Health.SERVER_SILENT
    before = asked(running)
    await running.wait(SOONEST - MINUTE)
    assert asked(running) == before
    running.server.silent.clear()
    await running.wait(2 * MINUTE)
    assert await health(running, group, FAR) is Health.READS


async def test_one_question_is_for_everybody_in_every_room(running: Running, group: GroupId) -> None:
    groups = [group, *[await running.open_group(name) for name in ("Cedar room", "Willow room")]]
    for each in groups:
        await running.member(each, BEN)
    before, ben = asked(running), running.person(BEN)
    await ben.sign_in_elsewhere()
    await running.settle()
    assert asked(running) == before + 1
    assert {await health(running, each) for each in groups} == {Health.SOME_UNSIGNED}


async def test_a_homeserver_that_does_not_answer_is_asked_a_few_minutes_later(running: Running, group: GroupId) -> None:
    ben, watch = await running.member(group, BEN), KeyWatch(running.house)
    await ben.use_unsigned_device()
    await running.passes[0]()
    running.server.weather.strike(dead_line(), on="reach")
    with pytest.raises(TryLater):
        await watch.pass_once()
    assert not await watch.pass_once()
    running.clock.turn(SOONEST)
    assert await watch.pass_once()
    assert await health(running, group) is Health.ONLY_UNSIGNED


async def test_what_is_known_outlives_the_process_and_what_changed_meanwhile_is_noticed(
    running: Running, group: GroupId
) -> None:
    ben = await running.member(group, BEN)
    await ben.use_unsigned_device()
    await running.start()
    await running.settle()
    assert await health(running, group) is Health.ONLY_UNSIGNED


async def test_where_our_hearing_begins_anew_everybody_is_checked(running: Running, group: GroupId) -> None:
    ben = await running.member(group, BEN)
    ben.device.signed = False  # and nobody tells us
    async with running.database.transaction() as db:
        await db.execute(text("DELETE FROM cursors"))
    await running.start()
    await running.settle()
    assert await health(running, group) is Health.ONLY_UNSIGNED


async def test_whoever_does_not_confirm_a_device_is_told_once_in_a_room_of_their_own(
    running: Running, group: GroupId
) -> None:
    ben = await running.member(group, BEN)
    laptop = await ben.sign_in_elsewhere()
    await running.wait(SETTLES - MINUTE)
    assert not running.direct_rooms(BEN), "they may be about to"
    await running.wait(2 * MINUTE)
    (direct,) = running.direct_rooms(BEN)
    await ben.join(direct.room)
    await running.settle()
    assert told(running) == 1
    for _ in range(3):
        laptop.signed = True
        running.server.device_changed(BEN)
        await running.wait(timedelta(hours=4), step=timedelta(hours=1))
        laptop.signed = False
        running.server.device_changed(BEN)
        await running.wait(timedelta(hours=4), step=timedelta(hours=1))
    assert told(running) == 1


async def test_whoever_confirms_in_time_hears_nothing(running: Running, group: GroupId) -> None:
    ben = await running.member(group, BEN)
    laptop = await ben.sign_in_elsewhere()
    await running.wait(SETTLES - MINUTE)
    laptop.signed = True
    running.server.device_changed(BEN)
    await running.wait(2 * SETTLES, step=timedelta(minutes=5))
    assert not running.direct_rooms(BEN)


async def test_after_days_of_all_being_well_it_is_another_matter(running: Running, group: GroupId) -> None:
    ben = await running.member(group, BEN)
    laptop = await ben.sign_in_elsewhere()
    await running.wait(2 * SETTLES, step=timedelta(minutes=5))
    (direct,) = running.direct_rooms(BEN)
    await ben.join(direct.room)
    await running.settle()
    laptop.signed = True
    running.server.device_changed(BEN)
    await running.wait(4 * DAY, step=DAY)
    laptop.signed = False
    running.server.device_changed(BEN)
    await running.wait(2 * SETTLES, step=timedelta(minutes=5))
    assert told(running) == 2


async def test_whom_the_bot_cannot_read_is_shown_and_the_room_hears_nothing_of_it(
    running: Running, group: GroupId
) -> None:
    ben = await running.member(group, BEN)
    room = await running.matrix_room(group)
    said = len(running.messages(room))
    await ben.say(room, "hello", key_later=True)
    await running.settle()
    assert await health(running, group) is Health.READS, "a key may take a moment"
    await running.wait(KEY_MAY_TAKE)
    assert await health(running, group) is Health.NOT_READ
    assert len(running.messages(room)) == said
    await ben.send_keys()
    await running.settle()
    assert await health(running, group) is Health.READS


async def test_a_message_says_it_too(running: Running, group: GroupId) -> None:
    """Also where no change was told: as when a homeserver forgot to."""
    ben = await running.member(group, BEN)
    ben.device.signed = False
    await ben.say(await running.matrix_room(group), "!commands")
    await running.settle()
    assert await health(running, group) is Health.ONLY_UNSIGNED
