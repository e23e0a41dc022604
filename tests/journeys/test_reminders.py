"""A weekly session is reminded of 24 hours and 20 minutes before, once each, whatever the clocks and the weather do."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from facilitator.ids import GroupId, SeriesId
from tests.journeys.running import Running

DAY, TWENTY = timedelta(days=1), timedelta(minutes=20)
WEEKLY = [
    ("Europe/Berlin", datetime(2026, 10, 18, 19), datetime(2026, 10, 25, 19)),
    ("Europe/Berlin", datetime(2027, 3, 21, 19), datetime(2027, 3, 28, 19)),
    ("Europe/Berlin", datetime(2027, 3, 28, 2, 30), datetime(2027, 4, 4, 2, 30)),
    ("America/New_York", datetime(2026, 10, 25, 19), datetime(2026, 11, 1, 19)),
    ("America/New_York", datetime(2027, 3, 7, 19), datetime(2027, 3, 14, 19)),
    ("Australia/Lord_Howe", datetime(2026, 9, 27, 19), datetime(2026, 10, 4, 19)),
    ("Australia/Lord_Howe", datetime(2027, 3, 28, 19), datetime(2027, 4, 4, 19)),
]
"""Zone, and two sessions of a week apart with a change of the clocks before, between or in them."""


async def a_session(
    house: Running, *, weekday: int = 2, at: str = "19:00", zone: str = "UTC"
) -> tuple[GroupId, SeriesId]:
    """Every Wednesday at seven, one hour, unless said otherwise; the house stands at a Monday noon."""
    group = await house.open_group(zone=zone)
    series = await house.schedule(group, weekday=weekday, at=at, zone=zone)
    await house.settle()
    return group, series


async def said_at(house: Running, group: GroupId) -> list[datetime]:
    return [event.sent_at for event in house.messages(await house.matrix_room(group))]


@pytest.mark.parametrize(("zone", "first", "second"), WEEKLY)
async def test_reminders_keep_the_wall_clock_across_a_change_of_the_clocks(
    house: Running, zone: str, first: datetime, second: datetime
) -> None:
    place = ZoneInfo(zone)
    starts = [wall.replace(tzinfo=place).astimezone(UTC) for wall in (first, second)]
    house.clock.turn_to(starts[0] - timedelta(days=3))
    group = await house.open_group(zone=zone)
    await house.schedule(
        group, weekday=first.weekday(), at=f"{first:%H:%M}", zone=zone, first_day=date.fromisoformat(f"{first:%F}")
    )
    await house.settle()
    wanted = sorted(start - offset for start in starts for offset in (DAY, TWENTY))
    for moment in wanted:
        house.clock.turn_to(moment - timedelta(seconds=1))
        await house.settle()
        house.clock.turn_to(moment)
        await house.settle()
    assert await said_at(house, group) == wanted
    assert f"{second:%H:%M}" in house.said(await house.matrix_room(group))[-1].splitlines()[0]


async def test_each_is_said_once_however_often_the_bridge_looks_and_starts(any_house: Running) -> None:
    group, _ = await a_session(any_house)
    start = datetime(2026, 11, 4, 19, tzinfo=UTC)
    for moment in (start - DAY, start - TWENTY, start, start + timedelta(minutes=59)):
        any_house.clock.turn_to(moment)
        for _ in range(2):
            await any_house.settle()
            await any_house.start()
    assert await said_at(any_house, group) == [start - DAY, start - TWENTY]


async def test_after_downtime_the_latest_that_is_of_use_is_said_and_no_stale_one(house: Running) -> None:
    group, _ = await a_session(house)
    house.clock.turn_to(datetime(2026, 11, 4, 18, 55, tzinfo=UTC))
    await house.start()
    await house.settle()
    (only,) = house.said(await house.matrix_room(group))
    assert only.startswith("We begin in 5 minutes, at 19:00")


async def test_a_late_one_is_still_said_while_the_session_runs_and_then_no_more(house: Running) -> None:
    group, _ = await a_session(house)
    house.clock.turn_to(datetime(2026, 11, 4, 19, 30, tzinfo=UTC))
    await house.settle()
    (only,) = house.said(await house.matrix_room(group))
    assert only.startswith("We have begun, at 19:00")
    house.clock.turn_to(datetime(2026, 11, 11, 20, 0, tzinfo=UTC))
    await house.settle()
    assert len(house.said(await house.matrix_room(group))) == 1


async def test_what_waited_too_long_for_the_homeserver_is_not_said_any_more(any_house: Running) -> None:
    group, _ = await a_session(any_house)
    any_house.server.weather.down = True
    any_house.clock.turn_to(datetime(2026, 11, 3, 19, tzinfo=UTC))
    await any_house.settle()
    any_house.clock.turn_to(datetime(2026, 11, 4, 18, 45, tzinfo=UTC))
    await any_house.settle()
    any_house.server.weather.down = False
    any_house.clock.turn(timedelta(minutes=5))
    await any_house.settle()
    (only,) = any_house.said(await any_house.matrix_room(group))
    assert only.startswith("We begin in 10 minutes")


async def test_a_series_that_has_ended_reminds_no_more(any_house: Running) -> None:
    group, series = await a_session(any_house)
    await any_house.end_series(group, series)
    any_house.clock.turn_to(datetime(2026, 11, 4, 18, 40, tzinfo=UTC))
    await any_house.settle()
    assert any_house.said(await any_house.matrix_room(group)) == []


async def test_a_reminder_that_waits_is_not_said_once_its_series_has_ended(any_house: Running) -> None:
    group, series = await a_session(any_house)
    any_house.clock.turn_to(datetime(2026, 11, 4, 18, 40, tzinfo=UTC))
    any_house.server.weather.down = True
    await any_house.settle()
    await any_house.end_series(group, series)
    any_house.server.weather.down = False
    any_house.clock.turn(timedelta(minutes=5))
    await any_house.settle()
    assert any_house.said(await any_house.matrix_room(group)) == []


async def test_two_groups_are_reminded_each_in_its_own_room(house: Running) -> None:
    one, other = (await a_session(house))[0], await house.open_group("Harbour room")
    await house.schedule(other, weekday=2, at="20:00", zone="UTC")
    await house.settle()
    await house.wait(timedelta(days=3), step=timedelta(minutes=20))
    assert len(await said_at(house, one)) == len(await said_at(house, other)) == 2
    assert "20:00" in house.said(await house.matrix_room(other))[0]
