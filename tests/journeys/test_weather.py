"""Bad weather: the homeserver is down, slow or faulty, signs us out; a second bridge comes along."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from bridge import account, service
from bridge.house import LeaseLost
from bridge.matrix.homeserver import Rejected, SignedOut, SlowDown, TryLater
from bridge.settings import Settings
from facilitator import bots
from facilitator.database import Database, Unavailable
from facilitator.errors import ForNow, Misconfigured
from tests.cast import BEN, BOT, EVE
from tests.clock import TurnedClock
from tests.fake_weather import dead_line, fault, rate_limited
from tests.journeys.running import Running

SETTINGS = Settings(homeserver="http://test", user_id="@hearth:test")


async def test_after_an_hour_without_a_homeserver_everything_due_goes_out_at_once_and_in_order(
    any_house: Running,
) -> None:
    house = any_house
    group = await house.open_group()
    ben = await house.member(group, BEN)
    await house.schedule(group, weekday=0, at="13:00", zone="UTC")
    room = await house.matrix_room(group)
    await ben.say(room, "!sessions")
    house.server.weather.down = True
    await house.wait(timedelta(hours=1), step=timedelta(minutes=5))
    await ben.say(room, "!help")
    assert (await house.page(group)).room.state == "in_trouble"
    assert len(house.said(room)) == 1
    house.server.weather.down = False
    await house.settle()
    assert [text.split()[0] for text in house.said(room)[1:]] == ["Thank", "When", "We"]
    await house.wait(timedelta(hours=2), step=timedelta(minutes=10))
    assert len(house.said(room)) == 4


async def test_an_act_waits_as_long_as_the_homeserver_asks_and_is_then_said(house: Running) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    room = await house.matrix_room(group)
    house.server.weather.strike(SlowDown("M_LIMIT_EXCEEDED", timedelta(seconds=61)), on="send")
    await ben.say(room, "!sessions")
    await house.settle()
    tried = house.server.weather.calls["send"]
    await house.wait(timedelta(seconds=60), step=timedelta(seconds=10))
    assert house.server.weather.calls["send"] == tried
    await house.wait(timedelta(seconds=1))
    assert len(house.said(room)) == 2


async def test_a_room_waits_as_long_as_the_homeserver_asks(house: Running) -> None:
    house.server.weather.strike(SlowDown("M_LIMIT_EXCEEDED", timedelta(seconds=61)), on="create")
    group = await house.open_group()
    await house.settle()
    assert (await house.page(group)).room.trouble == "homeserver_slow_down"
    await house.wait(timedelta(seconds=60), step=timedelta(seconds=10))
    assert house.all_marked(await house.room_id(group)) == []
    await house.wait(timedelta(seconds=1))
    assert (await house.page(group)).room.state == "up_to_date"


async def test_a_fault_after_the_deed_is_one_event_all_the_same(any_house: Running) -> None:
    group = await any_house.open_group()
    ben = await any_house.member(group, BEN)
    room = await any_house.matrix_room(group)
    any_house.server.weather.strike(fault(), on="send", times=3, done=True)
    await ben.say(room, "!sessions")
    await any_house.settle()
    await any_house.start()
    await any_house.wait(timedelta(minutes=2), step=timedelta(seconds=10))
    assert len(any_house.said(room)) == 2
    assert await any_house.waiting() == []


async def test_an_act_tried_a_day_ago_is_looked_for_before_it_is_tried_again(any_house: Running) -> None:
    group = await any_house.open_group()
    ben = await any_house.member(group, BEN)
    room = await any_house.matrix_room(group)
    await ben.say(room, "!help")
    any_house.server.weather.strike(fault(), on="send", done=True)
    await any_house.settle()
    any_house.clock.turn(timedelta(hours=25))
    await any_house.start()
    await any_house.settle()
    assert len(any_house.said(room)) == 2
    assert any_house.server.weather.calls["find_sent"] == 1


async def test_a_refused_act_does_not_stop_the_next(house: Running, log: list[dict[str, object]]) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    room = await house.matrix_room(group)
    house.server.weather.strike(Rejected("M_TOO_LARGE"), on="send")
    await ben.say(room, "!sessions")
    await ben.say(room, "!commands")
    await house.settle()
    assert [text.split()[0] for text in house.said(room)[1:]] == ["What"]
    assert [entry["code"] for entry in log if entry["log_level"] == "error"] == ["M_TOO_LARGE"]
    log.clear()


async def test_a_busy_database_fails_no_act_and_sets_no_event_aside(
    house: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    room = await house.matrix_room(group)
    await ben.say(room, "!sessions")
    for number in (0, 2, 3):
        with monkeypatch.context() as patched:
            patched.setattr("facilitator.outbox.next_acts", busy)
            patched.setattr("facilitator.rooms.place_at", busy)
            patched.setattr("facilitator.rooms.wanted", busy)
            if number == 2:
                await house.invite(group, BEN.replace("ben", "cleo"))  # type: ignore[arg-type]
            for _ in range(4 if number != 2 else 1):
                with pytest.raises(Unavailable):
                    await house.passes[number]()
        await house.passes[number]()
    await house.settle()
    assert [text.split()[0] for text in house.said(room)] == ["Hello,", "No"]
    assert (await house.page(group)).room.state == "up_to_date"


async def busy(*_: object, **__: object) -> None:
    raise Unavailable("busy")


async def test_a_revoked_token_stops_the_loops_and_says_what_to_do(house: Running) -> None:
    await house.open_group()
    await house.settle()
    house.client.device.signed_out = True
    with pytest.raises(SignedOut):
        await house.settle()

    async def loops() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(house.settle())

    with pytest.raises(BaseExceptionGroup) as caught:
        await loops()
    told = service.for_people(caught.value)
    assert isinstance(told, Misconfigured)
    assert told.sentence.startswith("The homeserver has signed Hearth's account out")
    lost = service.for_people(ExceptionGroup("", [ExceptionGroup("", [LeaseLost()])]))
    assert isinstance(lost, ForNow)
    assert isinstance(service.for_people(KeyError()), KeyError)


async def test_a_second_bridge_on_this_machine_is_refused(tmp_path: Path) -> None:
    with (
        account.only_one(tmp_path),
        pytest.raises(Misconfigured, match="Another bridge is running"),
        account.only_one(tmp_path),
    ):
        pass
    with account.only_one(tmp_path):
        pass


async def test_a_second_bridge_on_another_machine_is_refused_until_the_first_lets_go(
    any_database: Database, clock: TurnedClock
) -> None:
    _, held = await account.claim(any_database, SETTINGS, machine="here:1", clock=clock)
    with pytest.raises(ForNow, match="on another machine"):
        await account.claim(any_database, SETTINGS, machine="there:1", clock=clock)
    _, again = await account.claim(any_database, SETTINGS, machine="here:1", clock=clock)
    assert again.epoch == held.epoch
    await account.let_go(any_database, held.bot, held.holder)
    _, other = await account.claim(any_database, SETTINGS, machine="there:1", clock=clock)
    assert other.epoch == held.epoch + 1


async def test_who_does_not_hold_the_account_any_more_says_nothing(any_house: Running) -> None:
    group = await any_house.open_group()
    ben = await any_house.member(group, BEN)
    room = await any_house.matrix_room(group)
    await ben.say(room, "!help")
    await any_house.passes[0]()
    async with any_house.database.transaction() as db:
        await bots.hold(db, any_house.house.bot, holder="here:99", lasts=timedelta(hours=1), takes_over="here:")
    with pytest.raises(LeaseLost):
        await any_house.passes[3]()
    assert len(any_house.said(room)) == 1


async def test_an_invitation_that_cannot_be_answered_is_given_up_after_three_tries(
    house: Running, log: list[dict[str, object]]
) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    house.server.weather.strike(fault(), on="accept", times=9)
    stuck = await ben.make_room("@hearth:test", direct=True)  # type: ignore[arg-type]
    room = await house.matrix_room(group)
    await ben.say(room, "!help")
    for _ in range(5):
        await house.settle()
    assert house.server.weather.calls["accept"] == 3
    assert [entry["event"] for entry in log if entry["log_level"] == "error"] == ["invitation set aside"]
    log.clear()
    assert len(house.said(room)) == 2
    assert house.server.rooms[stuck].membership("@hearth:test") == "invite"  # type: ignore[arg-type]


@pytest.mark.parametrize("on", ["look", "decline"])
@pytest.mark.parametrize(
    "error", [fault(), dead_line(), ValueError("x"), KeyError("x")], ids=lambda e: type(e).__name__
)
async def test_a_room_that_cannot_be_taken_in_or_left_is_given_up_after_three_tries(
    house: Running, log: list[dict[str, object]], on: str, error: Exception
) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    room = await house.matrix_room(group)
    for _ in range(2):
        stuck = await house.person(EVE).make_room(BOT, direct=True)
        await house.client.accept(stuck)
    await ben.say(room, "!help")
    before = house.server.weather.calls[on]
    house.server.weather.strike(error, on=on, times=99)  # type: ignore[arg-type]
    for _ in range(4):
        with suppress(TryLater):
            await house.passes[0]()
    assert house.server.weather.calls[on] == before + 6, "three tries for each of two rooms"
    assert [entry["event"] for entry in log if entry["log_level"] == "error"] == ["room set aside"] * 2
    log.clear()
    house.server.weather.storms.clear()
    await house.settle()
    assert len(house.said(room)) == 2


async def test_a_homeserver_that_asks_for_a_pause_does_not_use_the_tries_up(house: Running) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    direct = await ben.make_room(BOT, direct=True)
    await house.client.accept(direct)
    house.server.weather.strike(rate_limited(), on="look", times=5)
    for _ in range(5):
        with pytest.raises(TryLater):
            await house.passes[0]()
    await house.settle()
    await ben.say(direct, "help")
    await house.settle()
    assert len(house.said(direct)) == 1


async def test_an_older_room_that_cannot_be_left_keeps_nobody_from_the_newer_one(
    house: Running, log: list[dict[str, object]]
) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    await ben.make_room(BOT, direct=True)
    await house.settle()
    newer = await ben.make_room(BOT, direct=True)
    house.server.weather.strike(fault(), on="decline", times=9)
    for _ in range(5):
        await house.settle()
    await ben.say(newer, "help")
    await house.settle()
    assert (house.server.weather.calls["decline"], len(house.said(newer))) == (3, 1)
    assert [entry["event"] for entry in log if entry["log_level"] == "error"] == ["room set aside"]
    log.clear()


async def test_a_bug_in_saying_something_is_tried_three_times_and_then_does_not_stop_the_next(
    house: Running, log: list[dict[str, object]]
) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    room = await house.matrix_room(group)
    house.server.weather.strike(KeyError("event_id"), on="send", times=2)  # type: ignore[arg-type]
    await ben.say(room, "!help")
    await house.wait(timedelta(seconds=10), step=timedelta(seconds=1))
    assert house.said(room)[-1].startswith("Thank you for writing.")
    house.server.weather.strike(KeyError("event_id"), on="send", times=3)  # type: ignore[arg-type]
    await ben.say(room, "!sessions")
    await ben.say(room, "!commands")
    await house.wait(timedelta(seconds=30), step=timedelta(seconds=1))
    assert house.said(room)[-1].startswith("What you can write to me:")
    assert [entry["error"] for entry in log] == ["KeyError"] * 5
    log.clear()


async def test_after_many_tries_a_pause_that_was_asked_for_is_no_longer_than_asked(house: Running) -> None:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    room = await house.matrix_room(group)
    house.server.weather.strike(SlowDown("M_LIMIT_EXCEEDED", timedelta(seconds=1)), on="send", times=8)
    await ben.say(room, "!help")
    await house.wait(timedelta(seconds=20), step=timedelta(seconds=1))
    assert house.said(room)[-1].startswith("Thank you for writing.")
