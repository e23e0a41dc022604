"""Faults of the machine, not of the homeserver: a clock that is set, a disk that is full, a database that is locked, a
device that was lost. Nothing is lost, nothing is said twice, and what cannot be known is shown to a person."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from structlog.types import EventDict

from bridge.matrix.homeserver import SlowDown
from facilitator import bots, unsaid
from facilitator.database import Database, Unavailable, in_loop
from facilitator.ids import GroupId, MatrixRoomId
from tests.cast import BEN
from tests.fake_people import FakePerson
from tests.fake_weather import dead_line, fault
from tests.journeys.running import Running

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


async def room_with_ben(house: Running) -> tuple[GroupId, MatrixRoomId, FakePerson]:
    group = await house.open_group()
    ben = await house.member(group, BEN)
    return group, await house.matrix_room(group), ben


# ------------------------------------------------------------------------------------------------- the clock


@pytest.mark.parametrize("first", [HOUR, -HOUR], ids=["on and back", "back and on"])
async def test_a_clock_that_is_set_and_set_back_doubles_and_loses_no_reminder(any_house: Running, first: Any) -> None:
    house = any_house
    group, room, _ = await room_with_ben(house)
    await house.schedule(group, weekday=0, at="15:00", zone="UTC")
    await house.wait(2 * HOUR + 35 * MINUTE, step=5 * MINUTE)
    assert len(house.said(room)) == 2, "the reminder of the day before, late"
    for by in (first, -first):
        house.clock.set_wall(by)
        await house.wait(2 * MINUTE)
    await house.wait(10 * MINUTE)
    assert len(house.said(room)) == 3
    await house.wait(2 * HOUR, step=5 * MINUTE)
    assert len(house.said(room)) == 3


async def test_what_waits_for_a_moment_of_the_old_clock_does_not_wait_an_hour_more(
    house: Running, log: list[EventDict]
) -> None:
    _, room, ben = await room_with_ben(house)
    await house.wait(MINUTE)
    house.server.weather.strike(SlowDown("M_LIMIT_EXCEEDED", timedelta(seconds=30)), on="send")
    await ben.say(room, "!sessions")
    await house.settle()
    house.clock.set_wall(-HOUR)
    await house.wait(MINUTE, step=timedelta(seconds=10))
    assert len(house.said(room)) == 2
    assert [entry["event"] for entry in log if entry["log_level"] == "warning"] == ["clock was set"]


async def test_what_was_put_by_a_clock_an_hour_ahead_is_said_at_once(house: Running) -> None:
    _, room, ben = await room_with_ben(house)
    await ben.say(room, "!help")
    house.clock.set_wall(HOUR)
    await house.passes[0]()
    house.clock.set_wall(-HOUR)
    await house.settle()
    assert len(house.said(room)) == 2


async def test_a_lease_that_ran_out_by_a_clock_that_was_set_and_that_nobody_took_is_still_ours(
    any_house: Running,
) -> None:
    house = any_house
    _, room, ben = await room_with_ben(house)
    async with house.database.transaction() as db:
        await bots.hold(db, house.house.bot, holder=house.house.held.holder, lasts=-HOUR)
    await ben.say(room, "!help")
    await house.settle()
    assert len(house.said(room)) == 2


# ------------------------------------------------------------------------------------------------- another device


def new_device(house: Running) -> None:
    """The key store was lost: the bot came back as another device, and cannot read what the old one said."""
    house.device = "ANOTHER"


async def test_what_was_tried_on_a_lost_device_and_may_be_in_the_room_is_shown_to_a_person(
    any_house: Running,
) -> None:
    house = any_house
    group, room, ben = await room_with_ben(house)
    house.server.weather.strike(fault(), on="send", done=True)
    await ben.say(room, "!sessions")
    await house.settle()
    new_device(house)
    await house.start()
    await house.wait(MINUTE, step=timedelta(seconds=10))
    assert len(house.said(room)) == 2, "not again: it is there, though we cannot read it"
    async with house.database.reading() as db:
        (found,) = await unsaid.stuck(db, now=house.clock.now(), group_id=group)
    assert (found.outcome, found.why, found.number) == ("uncertain", "unread", 1)
    await ben.say(room, "!commands")
    await house.settle()
    assert len(house.said(room)) == 3, "and it holds up nothing"


async def test_a_call_for_help_of_which_that_is_not_known_is_answered_again(any_house: Running) -> None:
    house = any_house
    _, room, ben = await room_with_ben(house)
    house.server.weather.strike(fault(), on="send", done=True)
    await ben.say(room, "!help")
    await house.settle()
    new_device(house)
    await house.start()
    await house.wait(MINUTE, step=timedelta(seconds=10))
    assert [text.split()[0] for text in house.said(room)[1:]] == ["Thank", "Thank"]
    await house.wait(HOUR, step=10 * MINUTE)
    assert len(house.said(room)) == 3


async def test_what_was_tried_on_a_lost_device_and_is_not_in_the_room_is_said(any_house: Running) -> None:
    house = any_house
    _, room, ben = await room_with_ben(house)
    await ben.say(room, "!commands")  # said and written down: words of ours that can be named
    await house.settle()
    house.server.weather.strike(dead_line(), on="send")
    await ben.say(room, "!sessions")
    await house.settle()
    new_device(house)
    await house.start()
    await house.wait(MINUTE, step=timedelta(seconds=10))
    assert len(house.said(room)) == 3
    assert house.server.weather.calls["find_sent"] == 1


async def test_after_a_loss_on_the_new_device_it_is_found_in_the_room(any_house: Running) -> None:
    house = any_house
    _, room, ben = await room_with_ben(house)
    house.server.weather.strike(dead_line(), on="send")
    await ben.say(room, "!sessions")
    await house.settle()
    new_device(house)
    await house.start()
    house.server.weather.strike(fault(), on="send", done=True)
    await house.wait(MINUTE, step=timedelta(seconds=10))
    assert len(house.said(room)) == 2


# ------------------------------------------------------------------------------------------------- the database


@contextmanager
def full(database: Database) -> Iterator[None]:
    """The disk has no room for another page."""
    engine = database._engine.sync_engine
    assert database.file is not None

    def limit(connection: Any, _record: Any, _proxy: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA max_page_count = 1")  # SQLite takes it for as many as there are
        cursor.close()

    def lift(connection: Any, _record: Any, _proxy: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA max_page_count = 1073741823")
        cursor.close()

    event.listen(engine, "checkout", limit)
    try:
        yield
    finally:
        event.remove(engine, "checkout", limit)
        event.listen(engine, "checkout", lift)


async def test_on_a_full_disk_nothing_is_lost_and_with_space_everything_goes_on(house: Running) -> None:
    group, room, ben = await room_with_ben(house)
    for number in range(60):
        await house.schedule(group, weekday=1, at=f"11:{number:02}", zone="UTC")
    await ben.say(room, "!help")
    fails = 0
    with full(house.database):
        for _ in range(3):
            for pass_once in house.passes:
                try:
                    await pass_once()
                except Unavailable as error:
                    assert error.why == "full"
                    fails += 1
    assert fails >= 3
    await house.settle()
    said = [text.split()[0] for text in house.said(room)]
    assert (said.count("Thank"), said.count("See"), len(said)) == (1, 60, 62)
    assert house.database.file is not None
    with closing(sqlite3.connect(house.database.file)) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_database_locked_for_longer_than_we_wait_costs_time_and_nothing_else(
    house: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, room, ben = await room_with_ben(house)
    assert house.database.file is not None
    await ben.say(room, "!help")
    monkeypatch.setattr(in_loop, "BUSY_SECONDS", 0.05)
    await house.database.close()  # connections that wait so long, and no longer
    with closing(sqlite3.connect(house.database.file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for pass_once in house.passes[:4]:
            with pytest.raises(Unavailable):
                await pass_once()
        assert len(house.said(room)) == 1
    monkeypatch.undo()
    await house.settle()
    assert len(house.said(room)) == 2


async def test_what_was_said_while_the_database_could_not_be_written_is_written_down_when_it_can(
    house: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, room, ben = await room_with_ben(house)
    await ben.say(room, "!sessions")
    await house.passes[0]()
    assert house.sender is not None and house.database.file is not None
    await house.sender.pass_once()
    await house.sender.lanes.all_ended()
    monkeypatch.setattr(in_loop, "BUSY_SECONDS", 0.05)
    await house.database.close()
    with closing(sqlite3.connect(house.database.file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for _ in range(2):
            with pytest.raises(Unavailable):
                await house.sender.pass_once()
    tried = house.server.weather.calls["send"]
    assert await house.sender.pass_once()
    await house.settle()
    assert (len(house.said(room)), house.server.weather.calls["send"]) == (2, tried)
    assert await house.waiting() == []
