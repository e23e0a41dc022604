"""No room waits for another: whoever hangs holds up itself alone, and help finds a place when all others hang."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from bridge import lanes as side_by_side
from bridge import sender
from bridge.house import LeaseLost
from bridge.loops import keep_going
from bridge.matrix.homeserver import SignedOut
from bridge.reconciler import PATIENCE
from bridge.service import loops_of
from bridge.vitals import Vitals
from facilitator import bots, outbox, rooms, sightings
from facilitator.ids import GroupId, MatrixRoomId, because
from tests.cast import ADA, BEN, CLEO, EVE
from tests.journeys.running import Running

LIMIT = 60
"""Seconds after which a test that waits has failed."""
HALF_A_MINUTE = timedelta(seconds=30)
ROUTINE = sender.AT_ONCE - sender.KEPT


async def until(true: Callable[[], bool], *, going_on: Callable[[], object] | None = None) -> None:
    """Let everything run that can, without turning the clock."""
    async with asyncio.timeout(LIMIT):
        while not true():
            if going_on is not None:
                await going_on()  # type: ignore[misc]
            await asyncio.sleep(0)


@pytest.fixture
async def house(house: Running) -> AsyncIterator[Running]:
    yield house
    await house.cut_off()


async def groups_of(house: Running, number: int) -> list[tuple[GroupId, MatrixRoomId]]:
    opened = [await house.open_group(f"Room {chr(65 + n)}") for n in range(number)]
    for group in opened:
        await house.member(group, BEN)
    return [(group, await house.matrix_room(group)) for group in opened]


async def hang(house: Running, rooms: list[MatrixRoomId]) -> None:
    """Something is being said in each of these, and the homeserver takes half a minute over it."""
    assert house.sender is not None
    for room in rooms:
        await house.person(BEN).say(room, "!sessions")
    await house.passes[0]()
    house.server.weather.slow(HALF_A_MINUTE, on="send")
    before = house.clock.sleepers
    await house.sender.pass_once()
    begun = len(house.sender.lanes)
    await until(lambda: house.clock.sleepers == before + begun)
    house.server.weather.slow(timedelta(), on="send")


async def test_help_is_answered_while_every_other_room_hangs(house: Running) -> None:
    *others, (_, here) = await groups_of(house, sender.AT_ONCE + 2)
    await hang(house, [room for _, room in others])
    assert house.sender is not None
    began = house.clock.now()
    await house.person(BEN).say(here, "!help")
    await house.passes[0]()
    await until(lambda: len(house.said(here)) == 2, going_on=house.sender.pass_once)
    assert (house.clock.now(), house.clock.sleepers) == (began, ROUTINE), "the others still hang"
    house.clock.turn(HALF_A_MINUTE)
    await house.settle()
    assert {len(house.said(room)) for _, room in others} == {2}


async def test_help_has_a_place_that_no_other_urgent_thing_takes(house: Running) -> None:
    *others, (_, here) = await groups_of(house, sender.AT_ONCE + 2)
    assert house.sender is not None
    async with house.database.transaction() as db:
        for group, _ in others:
            room_id, now = await rooms.group_room_id(db, group), house.clock.now()
            await outbox.put(
                db, because("urgent", room_id), room_id, utterance="confirm_device", parameters={},
                priority=outbox.Priority.SAFETY, now=now,
            )  # fmt: skip
    house.server.weather.slow(HALF_A_MINUTE, on="send")
    await house.sender.pass_once()
    assert len(house.sender.lanes) == sender.AT_ONCE - sender.KEPT_FOR_HELP
    await until(lambda: house.clock.sleepers == sender.AT_ONCE - sender.KEPT_FOR_HELP)
    house.server.weather.slow(timedelta(), on="send")
    began = house.clock.now()
    await house.person(BEN).say(here, "!help")
    await house.passes[0]()
    await until(lambda: len(house.said(here)) == 2, going_on=house.sender.pass_once)
    assert house.clock.now() == began, "the others still hang"


async def test_what_is_not_urgent_goes_on_beside_a_room_that_hangs(house: Running) -> None:
    (_, stuck), *others = await groups_of(house, 4)
    await hang(house, [stuck])
    assert house.sender is not None
    for _, room in others:
        await house.person(BEN).say(room, "!sessions")
    await house.passes[0]()
    await until(lambda: all(len(house.said(room)) == 2 for _, room in others), going_on=house.sender.pass_once)
    assert len(house.said(stuck)) == 1
    assert house.clock.sleepers == 1


async def test_in_a_room_that_hangs_nothing_overtakes_what_is_being_said(house: Running) -> None:
    ((_, room),) = await groups_of(house, 1)
    await hang(house, [room])
    assert house.sender is not None
    await house.person(BEN).say(room, "!help")
    await house.passes[0]()
    for _ in range(3):
        assert not await house.sender.pass_once()
    house.clock.turn(HALF_A_MINUTE)
    await house.settle()
    assert [text.split()[0] for text in house.said(room)[1:]] == ["No", "Thank"]


async def test_a_room_that_hangs_keeps_no_other_from_being_made(house: Running) -> None:
    await groups_of(house, 1)
    stuck = await house.open_group("Room X")
    house.server.weather.slow(HALF_A_MINUTE, on="create")
    assert house.reconciler is not None
    await house.reconciler.pass_once()
    await until(lambda: house.clock.sleepers == 2)  # and its facilitators' own
    house.server.weather.slow(timedelta(), on="create")
    other = await house.room_id(await house.open_group("Room Y"))
    await until(lambda: bool(house.all_marked(other)), going_on=house.reconciler.pass_once)
    assert house.all_marked(await house.room_id(stuck)) == []
    house.clock.turn(HALF_A_MINUTE)
    await house.settle()
    assert len(house.all_marked(await house.room_id(stuck))) == 1


async def test_while_all_that_can_be_is_being_said_few_rooms_are_looked_at(house: Running) -> None:
    groups = await groups_of(house, ROUTINE + 2)
    assert house.sender is not None and house.reconciler is not None
    async with house.database.transaction() as db:
        await sightings.look_at_all(db, house.house.bot, now=house.clock.now())
    await hang(house, [room for _, room in groups[:ROUTINE]])
    await house.reconciler.pass_once()
    assert len(house.reconciler.lanes) == 0
    house.clock.turn(PATIENCE)
    await house.reconciler.pass_once()
    assert len(house.reconciler.lanes) == 2
    house.clock.turn(HALF_A_MINUTE)
    await house.sender.lanes.all_ended()
    await house.sender.pass_once()
    await house.reconciler.pass_once()
    assert len(house.reconciler.lanes) > 2


async def test_people_of_our_own_server_are_asked_in_side_by_side(house: Running) -> None:
    group = await house.open_group()
    for person in (BEN, CLEO):
        await house.invite(group, person)
    house.server.weather.slow(timedelta(seconds=10), on="invite")
    assert house.reconciler is not None
    await house.reconciler.pass_once()
    await until(lambda: house.clock.sleepers == 3)
    house.server.weather.slow(timedelta(), on="invite")
    house.clock.turn(timedelta(seconds=10))
    await house.settle()
    room = house.server.rooms[await house.matrix_room(group)]
    assert [room.membership(person) for person in (ADA, BEN, CLEO)] == ["invite"] * 3


async def test_a_room_is_looked_after_by_one_task_at_a_time(house: Running) -> None:
    ((group, room),) = await groups_of(house, 1)
    assert house.reconciler is not None
    house.server.weather.slow(HALF_A_MINUTE, on="look")
    await house.invite(group, CLEO)
    await house.reconciler.pass_once()
    await until(lambda: house.clock.sleepers == 1)
    await house.invite(group, EVE)
    for _ in range(3):
        await house.reconciler.pass_once()
    assert len(house.reconciler.lanes) == 1
    house.server.weather.slow(timedelta(), on="look")
    house.clock.turn(HALF_A_MINUTE)
    await house.settle()
    assert [house.server.rooms[room].membership(each) for each in (CLEO, EVE)] == ["invite", "invite"]
    assert (await house.page(group)).room.state == "up_to_date"


async def test_at_a_stop_what_is_being_said_is_said_and_written_down(house: Running) -> None:
    ((_, room),) = await groups_of(house, 1)
    await house.person(BEN).say(room, "!sessions")
    await house.passes[0]()
    assert house.sender is not None
    await house.sender.pass_once()
    await house.sender.stop()
    assert len(house.said(room)) == 2
    assert await house.waiting() == []


async def test_at_a_stop_what_hangs_is_cut_off_and_said_once_after_the_next_start(
    house: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_by_side, "LAST_MOMENTS", timedelta(milliseconds=10))
    ((_, room),) = await groups_of(house, 1)
    await hang(house, [room])
    sender_loop = next(loop for loop in loops_of(house.house) if loop.name == "sender")
    assert house.sender is not None
    sender_loop.pass_once, sender_loop.stop, sender_loop.after = house.sender.pass_once, house.sender.stop, None
    task = asyncio.ensure_future(keep_going(sender_loop, vitals=Vitals(house.clock), worked=lambda _: None))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=LIMIT)
    assert task.cancelled()
    assert len(house.sender.lanes) == 0
    assert len(house.said(room)) == 1
    await house.start()
    await house.settle()
    assert len(house.said(room)) == 2


@pytest.mark.parametrize("number", [2, 3])
async def test_an_account_that_was_signed_out_ends_the_loop_whose_task_heard_of_it(house: Running, number: int) -> None:
    group, room = (await groups_of(house, 1))[0]
    await house.person(BEN).say(room, "!sessions")
    await house.passes[0]()
    await house.invite(group, CLEO)
    house.client.device.signed_out = True
    with pytest.raises(SignedOut):
        await house.passes[number]()


async def test_what_is_under_way_when_the_lease_is_lost_is_the_others_to_write_down(house: Running) -> None:
    (_, stuck), (_, room) = await groups_of(house, 2)
    await hang(house, [stuck])
    async with house.database.transaction() as db:
        await bots.hold(db, house.house.bot, holder="here:99", lasts=HALF_A_MINUTE, takes_over="here:")
    house.clock.turn(HALF_A_MINUTE)
    assert house.sender is not None
    await house.sender.lanes.all_ended()
    await house.person(BEN).say(room, "!help")
    await house.passes[0]()
    with pytest.raises(LeaseLost):
        await house.sender.pass_once()
    assert len(house.said(room)) == 1
    await house.start()
    await house.settle()
    assert (len(house.said(stuck)), len(house.said(room))) == (2, 2)
