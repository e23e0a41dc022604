"""People on other servers are asked in beside everything else: a silent server keeps nobody waiting but its own."""

from datetime import timedelta

import pytest

from bridge import asking_in, lanes
from bridge.matrix.homeserver import NoAnswer, SlowDown
from facilitator import renewals, rooms
from facilitator.database import Unavailable
from facilitator.database.tables import Member
from facilitator.ids import GroupId, UserId
from tests.cast import ADA, BEN, CLEO
from tests.fake_rooms import FakeRoom
from tests.fake_weather import dead_line
from tests.journeys.running import Running

AWAY = "away.example"
DORA, FAR = UserId(f"@dora:{AWAY}"), [UserId(f"@far{n}:{AWAY}") for n in range(6)]
SILENT = NoAnswer("no connection", timedelta(seconds=5))
TOPIC = "m.room.topic"


@pytest.fixture
async def group(house: Running) -> GroupId:
    """Dora's server is silent; she has been asked into the room."""
    for person in (DORA, *FAR):
        house.person(person)
    group = await house.open_group()
    await house.settle()
    house.server.freeze(AWAY)
    await house.invite(group, DORA)
    await house.settle()
    assert house.server.waits == {DORA: 1}
    return group


async def room_of(house: Running, group: GroupId) -> FakeRoom:
    return house.marked(await house.room_id(group))


def asked(room: FakeRoom, person: UserId) -> int:
    return sum(e.state_key == person and e.content["membership"] == "invite" for e in room.events)


async def test_the_room_is_looked_after_as_if_nobody_were_waited_for(house: Running, group: GroupId) -> None:
    room = await room_of(house, group)
    house.server.add(room, ADA, TOPIC, {"topic": "why we meet"}, state_key="")
    await house.invite(group, BEN)
    await house.settle()
    assert (room.value(TOPIC, "topic"), room.membership(BEN)) == ("", "invite")
    await house.invite(group, CLEO)
    await house.settle()
    assert room.membership(CLEO) == "invite"
    assert house.server.waits == {DORA: 1}, "she was not asked again by any of these looks"
    assert (await house.page(group)).room.state == "up_to_date"
    line = await house.line(group, DORA)
    assert (line.reached, line.trouble) == (False, None)
    house.server.thaw(AWAY)
    await house.settle()
    assert (asked(room, DORA), (await house.line(group, DORA)).reached) == (1, True)


async def test_a_server_that_never_answers_is_asked_a_few_times_and_left_alone(house: Running, group: GroupId) -> None:
    room, calls = await room_of(house, group), house.server.weather.calls
    for person in FAR:
        await house.invite(group, person)
    await house.settle()
    assert house.server.waits.total() == asking_in.THERE
    before = calls["invite"]
    house.server.weather.strike(SILENT, on="invite", times=asking_in.THERE)
    house.server.thaw(AWAY)
    await house.settle()
    assert calls["invite"] == before + asking_in.THERE, "the others were not asked in vain"
    lines = [await house.line(group, person) for person in (DORA, *FAR)]
    again = house.clock.now() + asking_in.UNREACHABLE_WAIT
    assert {(line.trouble, line.next_try) for line in lines} == {("unreachable", again)}
    await house.wait(timedelta(minutes=9, seconds=50), step=timedelta(seconds=70))
    assert calls["invite"] == before + asking_in.THERE
    await house.wait(timedelta(seconds=10))
    assert [asked(room, person) for person in (DORA, *FAR)] == [1] * 7


async def test_one_that_asks_for_patience_gets_as_much_and_no_more(house: Running, group: GroupId) -> None:
    room, calls = await room_of(house, group), house.server.weather.calls
    house.server.weather.strike(SlowDown("M_LIMIT_EXCEEDED", timedelta(seconds=90)), on="invite")
    house.server.thaw(AWAY)
    await house.settle()
    line, tried = await house.line(group, DORA), calls["invite"]
    assert (line.trouble, line.next_try) == ("slow_down", house.clock.now() + timedelta(seconds=90))
    await house.invite(group, BEN)
    await house.wait(timedelta(seconds=80), step=timedelta(seconds=20))
    assert (room.membership(DORA), calls["invite"]) == ("leave", tried + 1), "Ben alone was asked"
    await house.wait(timedelta(seconds=10))
    assert room.membership(DORA) == "invite"


async def test_where_our_own_server_is_no_help_she_is_asked_ever_more_rarely(house: Running, group: GroupId) -> None:
    room, calls = await room_of(house, group), house.server.weather.calls
    before = calls["invite"]
    house.server.weather.strike(dead_line(), on="invite", times=5)
    house.server.thaw(AWAY)
    await house.settle()
    assert (await house.page(group)).room.trouble == "homeserver_unreachable"
    await house.wait(timedelta(seconds=61), step=timedelta(seconds=1))
    assert calls["invite"] - before == 5, "at once and after 2, 4, 8 and 16 seconds"
    await house.wait(timedelta(seconds=2), step=timedelta(seconds=1))
    assert (asked(room, DORA), calls["invite"] - before) == (1, 6)


async def test_whoever_is_taken_back_before_their_turn_is_not_asked(house: Running, group: GroupId) -> None:
    room = await room_of(house, group)
    for person in FAR:
        await house.invite(group, person)
    await house.settle()
    *others, last = FAR
    assert last not in house.server.waits, "her turn has not come"
    await remove(house, group, last)
    await remove(house, group, DORA)
    await house.settle()
    house.server.thaw(AWAY)
    await house.settle()
    assert (asked(room, last), [asked(room, person) for person in others]) == (0, [1] * 5)
    assert (asked(room, DORA), room.membership(DORA)) == (1, "leave"), "it was too late to ask her not"


async def remove(house: Running, group: GroupId, person: UserId) -> None:
    line = await house.line(group, person)
    async with house.database.transaction() as db:
        (await db.get_one(Member, line.id)).standing = "removed"
        await rooms.group_changed(db, group)


async def test_she_is_asked_into_the_room_the_group_has_moved_to(house: Running, group: GroupId) -> None:
    room_id, old = await house.room_id(group), await room_of(house, group)
    async with house.database.transaction() as db:
        await renewals.moved(db, room_id, None, why="remade", now=house.clock.now())
    await house.settle()
    (new,) = {each.room for each in house.all_marked(room_id)} - {old.room}
    house.server.thaw(AWAY)
    await house.settle()
    assert asked(house.server.rooms[new], DORA) == 1
    assert (await house.line(group, DORA)).reached


async def test_at_a_stop_it_is_cut_off_and_begun_again_after_the_next_start(
    house: Running, group: GroupId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "LAST_MOMENTS", timedelta())
    room = await room_of(house, group)
    assert house.reconciler is not None
    await house.reconciler.stop()
    assert (house.server.waits[DORA], len(house.reconciler.errands)) == (0, 0)
    house.server.thaw(AWAY)
    await house.start()
    await house.settle()
    assert (asked(room, DORA), (await house.line(group, DORA)).reached) == (1, True)


async def test_a_database_that_is_busy_when_the_answer_comes_loses_nobody(
    house: Running, group: GroupId, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await room_of(house, group)
    assert house.reconciler is not None
    house.server.weather.strike(SILENT, on="invite")
    with monkeypatch.context() as patched:
        patched.setattr("facilitator.sightings.could_not_invite", busy)
        house.server.thaw(AWAY)
        await house.reconciler.errands.all_ended()
        with pytest.raises(Unavailable):
            await house.reconciler.pass_once()
    await house.settle()
    assert (await house.line(group, DORA)).trouble == "unreachable", "it was written down after all"
    await house.wait(asking_in.UNREACHABLE_WAIT)
    assert asked(room, DORA) == 1


async def busy(*_: object, **__: object) -> None:
    raise Unavailable("busy")
