"""When a session is, as people say it: by the wall clock and the days of its own zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bridge.wording import Moment, moment_of
from tests.bridge.wording.speaking import BERLIN, Said, session


def told(starts: str, now: str, zone: str = BERLIN) -> Moment:
    """Both as wall time in the zone."""
    place = ZoneInfo(zone)
    first, second = (datetime.fromisoformat(wall).replace(tzinfo=place).astimezone(UTC) for wall in (starts, now))
    return moment_of(first, zone, language="en", now=second)


@pytest.mark.parametrize(
    ("starts", "now", "days", "minutes"),
    [
        ("2026-11-04 19:00", "2026-11-04 00:01", 0, 1139),
        ("2026-11-04 00:05", "2026-11-03 23:55", 1, 10),
        ("2026-11-04 23:55", "2026-11-03 00:05", 1, 2870),
        # the night the clocks go back: 25 hours lie between two noons, and it is tomorrow all the same
        ("2026-10-25 12:00", "2026-10-24 12:00", 1, 25 * 60),
        ("2026-10-25 23:30", "2026-10-24 23:45", 1, 24 * 60 + 45),
        ("2026-10-26 00:30", "2026-10-25 00:15", 1, 25 * 60 + 15),
        # and forward: 23
        ("2026-03-29 12:00", "2026-03-28 12:00", 1, 23 * 60),
        ("2026-03-30 00:10", "2026-03-28 23:50", 2, 23 * 60 + 20),
        ("2026-11-04 18:00", "2026-11-04 19:00", 0, -60),
        ("2026-11-03 23:30", "2026-11-04 00:10", -1, -40),
    ],
)  # fmt: skip
def test_tomorrow_is_the_zones_own_next_day(starts: str, now: str, days: int, minutes: int) -> None:
    moment = told(starts, now)
    assert (moment.days, moment.minutes) == (days, minutes)
    assert moment.time == starts[-5:]


@pytest.mark.parametrize(
    ("zone", "days"), [("Pacific/Kiritimati", 1), ("America/Los_Angeles", 0), ("Europe/Berlin", 0), ("Asia/Tokyo", 1)]
)
def test_the_same_instants_are_today_in_one_zone_and_tomorrow_in_another(zone: str, days: int) -> None:
    now, starts = datetime(2026, 11, 2, 9, 30, tzinfo=UTC), datetime(2026, 11, 2, 20, tzinfo=UTC)
    assert moment_of(starts, zone, language="en", now=now).days == days


def test_in_the_hour_that_comes_twice_both_are_told_by_the_same_wall_clock() -> None:
    now = datetime(2026, 10, 24, 12, tzinfo=UTC)
    first, second = (datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1))
    assert [moment_of(each, BERLIN, language="en", now=now).time for each in (first, second)] == ["02:30"] * 2
    assert second - first == timedelta(hours=1)


@pytest.mark.parametrize(
    ("zone", "city"),
    [
        ("Europe/Berlin", "Berlin"), ("Europe/Kiev", "Kyiv"), ("US/Eastern", "New York"), ("UTC", "UTC"),
        ("America/Argentina/Buenos_Aires", "Buenos Aires"), ("America/Kentucky/Louisville", "Louisville"),
    ],
)  # fmt: skip
def test_a_zone_is_told_by_its_city(zone: str, city: str) -> None:
    assert told("2026-11-04 19:00", "2026-11-04 18:00", zone).city == city


@given(
    zone=some.sampled_from(sorted(available_timezones())),
    starts=some.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=some.just(UTC)),
    away=some.timedeltas(timedelta(days=-400), timedelta(days=400)),
)
def test_every_instant_can_be_told_in_every_zone(zone: str, starts: datetime, away: timedelta) -> None:
    moment = moment_of(starts, zone, language="en", now=starts - away)
    local = starts.astimezone(ZoneInfo(zone))
    assert moment.time == f"{local:%H:%M}"
    assert moment.date == f"{local:%A} {local.day} {local:%B}"
    assert moment.city and "/" not in moment.city and "_" not in moment.city
    assert abs(moment.minutes - away / timedelta(minutes=1)) <= 0.5
    assert abs(moment.days - away / timedelta(days=1)) <= 2.1


@pytest.mark.parametrize(
    ("begins_in", "first"),
    [
        (timedelta(), "We have begun, at 13:00 (Berlin time)."),
        (-timedelta(minutes=6), "We have begun, at 12:54 (Berlin time)."),
        (timedelta(seconds=50), "We begin in one minute, at 13:00 (Berlin time)."),
        (timedelta(minutes=20), "We begin in 20 minutes, at 13:20 (Berlin time)."),
        (timedelta(minutes=60), "We begin in 60 minutes, at 14:00 (Berlin time)."),
        (timedelta(minutes=61), "See you today at 14:01, Berlin time."),
        (timedelta(hours=10, minutes=59), "See you today at 23:59, Berlin time."),
        (timedelta(hours=11), "See you tomorrow at 00:00, Berlin time."),
        (timedelta(hours=35), "See you on Wednesday 4 November at 00:00, Berlin time."),
    ],
)
def test_a_reminder_says_it_as_one_would(begins_in: timedelta, first: str) -> None:
    assert Said("reminder", "reminder", session(begins_in)).body().splitlines()[0] == first
