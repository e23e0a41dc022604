"""Rooms side by side: one task to a room, so many at once and no more, some places for what is urgent alone."""

import asyncio
from datetime import timedelta

import pytest

from bridge.lanes import Lanes
from facilitator.ids import RoomId


def room(number: int) -> RoomId:
    return RoomId(f"room {number}")


async def hanging() -> str:
    await asyncio.Event().wait()
    return "never"


async def quick(outcome: str = "done") -> str:
    return outcome


async def failing(error: BaseException) -> str:
    raise error


async def test_the_last_places_are_for_what_is_urgent() -> None:
    lanes: Lanes[str] = Lanes(3)
    for number in range(3):
        assert (lanes.has_place(leaving=1), lanes.has_place()) == (number < 2, True)
        lanes.begin(room(number), hanging())
    assert not lanes.has_place()
    await lanes.stop(within=timedelta())
    lanes.take_ended()
    assert lanes.has_place(leaving=1)


def test_those_about_to_begin_take_places_too() -> None:
    lanes: Lanes[str] = Lanes(3)
    assert [lanes.has_place(leaving=1, beside=n) for n in range(3)] == [True, True, False]
    assert [lanes.has_place(beside=n) for n in range(4)] == [True, True, True, False]


async def test_a_room_has_one_task_at_a_time() -> None:
    lanes: Lanes[str] = Lanes(3)
    lanes.begin(room(1), hanging())
    assert room(1) in lanes and room(2) not in lanes
    second = hanging()
    with pytest.raises(AssertionError):
        lanes.begin(room(1), second)
    second.close()
    await lanes.stop(within=timedelta())


async def test_what_ended_is_told_once_and_its_end_wakes() -> None:
    lanes: Lanes[str] = Lanes(3)
    lanes.begin(room(1), quick())
    lanes.begin(room(2), hanging())
    assert not lanes.wake.is_set()
    await lanes.wake.wait()
    assert lanes.take_ended() == (["done"], [])
    assert lanes.take_ended() == ([], [])
    assert len(lanes) == 1
    await lanes.stop(within=timedelta())


async def test_one_that_failed_hides_nothing_of_the_others() -> None:
    lanes: Lanes[str] = Lanes(4)
    error = ValueError()
    lanes.begin(room(1), failing(error))
    lanes.begin(room(2), quick())
    lanes.begin(room(3), quick("too"))
    await lanes.all_ended()
    ended, errors = lanes.take_ended()
    assert (sorted(ended), errors) == (["done", "too"], [error])


async def test_at_a_stop_what_ends_soon_ends_and_the_rest_is_cut_off() -> None:
    lanes: Lanes[str] = Lanes(4)
    lanes.begin(room(1), quick())
    lanes.begin(room(2), hanging())
    await lanes.stop(within=timedelta(milliseconds=20))
    assert lanes.take_ended() == (["done"], [])
    assert len(lanes) == 0


async def test_whoever_takes_its_time_to_be_cut_off_is_waited_for() -> None:
    lanes: Lanes[str] = Lanes(4)
    let_go = []

    async def holding() -> str:
        try:
            return await hanging()
        finally:
            await asyncio.sleep(0)
            let_go.append("the lock")

    lanes.begin(room(1), holding())
    await asyncio.sleep(0)
    await lanes.stop(within=timedelta())
    assert let_go == ["the lock"]
