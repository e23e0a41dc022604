"""Wall time is kept in every zone and across every change of clocks; nothing is doubled and nothing missing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, example, given, settings
from hypothesis import strategies as some

from facilitator.ids import SeriesId
from facilitator.rules.recurrence import (
    BadRule,
    Occurrence,
    SeriesFacts,
    UnknownZone,
    following,
    occurrences,
    upcoming,
    wait,
    wall_time,
    weekly,
)

NEW_YORK = "America/New_York"


def series(starts: datetime, *, rule: str, zone: str = NEW_YORK, minutes: int = 90) -> SeriesFacts:
    return SeriesFacts(id=SeriesId("s"), starts=starts, time_zone=zone, rrule=rule, minutes=minutes)


def wall(each: Occurrence) -> datetime:
    return each.starts.astimezone(ZoneInfo(each.time_zone)).replace(tzinfo=None)


def test_seven_o_clock_stays_seven_o_clock_when_the_clocks_change() -> None:
    tuesdays = series(datetime(2026, 3, 3, 19), rule=weekly(1))
    found = occurrences(tuesdays, after=datetime(2026, 3, 1, tzinfo=UTC), before=datetime(2026, 3, 18, tzinfo=UTC))
    assert [each.starts for each in found] == [
        datetime(2026, 3, 4, 0, tzinfo=UTC),
        datetime(2026, 3, 10, 23, tzinfo=UTC),
        datetime(2026, 3, 17, 23, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("zone", "starts", "moved_to"),
    [
        (NEW_YORK, datetime(2026, 3, 8, 2, 30), datetime(2026, 3, 8, 3, 30)),
        ("Europe/Berlin", datetime(2026, 3, 29, 2, 0), datetime(2026, 3, 29, 3, 0)),
        ("Australia/Sydney", datetime(2026, 10, 4, 2, 15), datetime(2026, 10, 4, 3, 15)),
        ("Australia/Lord_Howe", datetime(2026, 10, 4, 2, 10), datetime(2026, 10, 4, 2, 40)),
        ("America/Santiago", datetime(2026, 9, 6, 0, 30), datetime(2026, 9, 6, 1, 30)),
        ("Pacific/Apia", datetime(2011, 12, 30, 19, 0), datetime(2011, 12, 31, 19, 0)),
    ],
)
def test_a_time_that_does_not_exist_is_moved_by_as_much_as_the_clocks(
    zone: str, starts: datetime, moved_to: datetime
) -> None:
    (each,) = upcoming(series(starts, rule="FREQ=DAILY", zone=zone), starts.replace(tzinfo=UTC) - timedelta(days=1), 1)
    assert (each.original_start, each.shifted, wall(each)) == (starts, True, moved_to)


def test_a_time_that_comes_twice_means_the_first() -> None:
    (each,) = upcoming(series(datetime(2026, 11, 1, 1, 30), rule=weekly(6)), datetime(2026, 10, 31, tzinfo=UTC), 1)
    assert (each.starts, each.shifted) == (datetime(2026, 11, 1, 5, 30, tzinfo=UTC), False)


def test_the_length_is_real_time_even_across_the_gap() -> None:
    (each,) = upcoming(series(datetime(2026, 3, 8, 1, 30), rule=weekly(6)), datetime(2026, 3, 8, tzinfo=UTC), 1)
    assert each.ends - each.starts == timedelta(minutes=90)


def test_a_window_holds_what_touches_it() -> None:
    tuesdays = series(datetime(2026, 6, 2, 19), rule=weekly(1), zone="UTC")
    start, end = datetime(2026, 6, 9, 19, tzinfo=UTC), datetime(2026, 6, 9, 20, 30, tzinfo=UTC)
    day, instant = timedelta(days=1), timedelta(microseconds=1)
    assert len(occurrences(tuesdays, after=end - instant, before=end + day)) == 1
    assert occurrences(tuesdays, after=end, before=end + day) == []
    assert occurrences(tuesdays, after=start - day, before=start) == []
    assert len(occurrences(tuesdays, after=start - day, before=start + instant)) == 1


def test_a_session_being_held_is_the_first_of_the_next_ones() -> None:
    tuesdays = series(datetime(2026, 6, 2, 19), rule=weekly(1), zone="UTC")
    now = datetime(2026, 6, 9, 20, tzinfo=UTC)
    assert [each.starts.day for each in upcoming(tuesdays, now, 3)] == [9, 16, 23]
    after = following(tuesdays, now)
    assert after is not None
    assert after.starts.day == 16


def test_an_ended_series_keeps_what_had_begun_and_nothing_after() -> None:
    ended = datetime(2026, 6, 9, 19, 30, tzinfo=UTC)
    facts = replace(series(datetime(2026, 6, 2, 19), rule=weekly(1), zone="UTC"), ended=ended)
    assert [each.starts.day for each in upcoming(facts, datetime(2026, 6, 1, tzinfo=UTC), 9)] == [2, 9]
    assert following(facts, ended) is None


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=MONTHLY;BYDAY=1TU", [(1, 6), (2, 3), (3, 3)]),
        ("FREQ=MONTHLY;BYDAY=-1SU", [(1, 25), (2, 22), (3, 29)]),
        ("FREQ=MONTHLY;BYDAY=5FR", [(1, 30), (5, 29), (7, 31)]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE", [(1, 12), (1, 14), (1, 26)]),
        ("FREQ=MONTHLY;BYDAY=WE;BYMONTHDAY=3,4,5,6,7,8,9", [(1, 7), (2, 4), (3, 4)]),
        ("FREQ=WEEKLY;BYDAY=TU;UNTIL=20260114T000000Z", [(1, 6), (1, 13)]),
        ("FREQ=WEEKLY;BYDAY=TU;UNTIL=20260113T235959Z", [(1, 6)]),
        ("FREQ=WEEKLY;BYDAY=TU;UNTIL=20260113", [(1, 6), (1, 13)]),
        ("FREQ=WEEKLY;BYDAY=TU;UNTIL=20260113T190000", [(1, 6), (1, 13)]),
        ("FREQ=WEEKLY;BYDAY=TU;COUNT=1", [(1, 6)]),
    ],
)
def test_the_patterns_groups_use(rule: str, days: list[tuple[int, int]]) -> None:
    found = upcoming(series(datetime(2026, 1, 1, 19), rule=rule), datetime(2026, 1, 2, 6, tzinfo=UTC), 3)
    assert [(wall(each).month, wall(each).day) for each in found] == days


@pytest.mark.parametrize("name", ["", "Nowhere/Land", "../etc/passwd", "/etc/passwd", "Europe", "a\0b", "x" * 5_000])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(UnknownZone):
        upcoming(series(datetime(2026, 1, 1, 19), rule=weekly(1), zone=name), datetime(2026, 1, 1, tzinfo=UTC), 1)


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "weekly",
        "FREQ=HOURLY",
        "FREQ=WEEKLY;BYHOUR=1,2,3",
        "FREQ=WEEKLY;INTERVAL=0",
        "FREQ=WEEKLY;INTERVAL=-1",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=WEEKLY;UNTIL=soon",
        "FREQ=WEEKLY;FREQ=DAILY",
        "FREQ=WEEKLY\nEXDATE:20260101T190000",
        "FREQ=MONTHLY;BYMONTHDAY=x",
        "FREQ=WEEKLY;COUNT=x",
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(rule: str) -> None:
    with pytest.raises(BadRule):
        upcoming(series(datetime(2026, 1, 1, 19), rule=rule), datetime(2026, 1, 1, tzinfo=UTC), 1)


def test_moments_that_are_not_utc_are_refused() -> None:
    facts = series(datetime(2026, 1, 1, 19), rule=weekly(1))
    for moment in (datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=ZoneInfo(NEW_YORK))):
        with pytest.raises(ValueError, match="UTC"):
            upcoming(facts, moment, 1)
        with pytest.raises(ValueError, match="UTC"):
            occurrences(facts, after=datetime(2026, 1, 1, tzinfo=UTC), before=moment)
    with pytest.raises(ValueError, match="naive"):
        upcoming(series(datetime(2026, 1, 1, tzinfo=UTC), rule=weekly(1)), datetime(2026, 1, 1, tzinfo=UTC), 1)
    with pytest.raises(ValueError, match="weekdays"):
        weekly(7)


def test_a_session_moved_over_the_gap_is_found_while_it_is_held() -> None:
    facts = series(datetime(2026, 3, 8, 2, 30), rule=weekly(6), minutes=30)
    held = datetime(2026, 3, 8, 7, 45, tzinfo=UTC)
    (each,) = occurrences(facts, after=held, before=held + timedelta(hours=1))
    assert (each.shifted, each.starts < held < each.ends) == (True, True)


def test_a_daily_series_ends_at_its_very_moment() -> None:
    ended = datetime(2026, 6, 9, 19, tzinfo=UTC)
    facts = replace(series(datetime(2026, 6, 7, 19), rule="FREQ=DAILY", zone="UTC"), ended=ended)
    assert [each.starts.day for each in upcoming(facts, datetime(2026, 6, 1, tzinfo=UTC), 9)] == [7, 8]


def test_a_date_that_never_comes_ends_the_search() -> None:
    never = series(datetime(2026, 1, 1, 19), rule="FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")
    assert following(never, datetime(2026, 1, 1, tzinfo=UTC)) is None


# ------------------------------------------------------------------------------------------- any series at all

ZONES = some.sampled_from(sorted(available_timezones() - {"Factory", "localtime"}))
WALLS = some.datetimes(datetime(2005, 1, 1), datetime(2026, 12, 31)).map(lambda at: at.replace(second=0, microsecond=0))


@some.composite
def rules(draw: some.DrawFn) -> str:
    frequency, interval = draw(some.sampled_from(("DAILY", "WEEKLY"))), draw(some.integers(1, 4))
    days = draw(some.frozensets(some.sampled_from(("MO", "TU", "FR", "SU")), max_size=3))
    count = draw(some.none() | some.integers(1, 300))
    text = f"FREQ={frequency};INTERVAL={interval}"
    return text + (f";BYDAY={','.join(sorted(days))}" if days else "") + (f";COUNT={count}" if count else "")


RULES = rules()


@settings(max_examples=250, deadline=None)
@given(ZONES, WALLS, some.integers(0, 6))
@example("Australia/Lord_Howe", datetime(2026, 4, 5, 1, 45), 6)
@example("Africa/Casablanca", datetime(2026, 2, 15, 2, 30), 6)
@example("Pacific/Apia", datetime(2011, 12, 2, 19, 0), 4)
def test_a_year_of_a_weekly_series_keeps_its_wall_time(zone: str, starts: datetime, weekday: int) -> None:
    facts = series(starts, rule=weekly(weekday), zone=zone)
    after = starts.replace(tzinfo=UTC) - timedelta(days=2)
    found = occurrences(facts, after=after, before=after + timedelta(days=366))
    first = starts + timedelta(days=(weekday - starts.weekday()) % 7)
    assert [each.original_start for each in found] == [first + timedelta(weeks=n) for n in range(len(found))]
    assert 52 <= len(found) <= 53
    for each in found:
        if each.shifted:
            assert timedelta(0) < wall(each) - each.original_start <= timedelta(days=1)
        else:
            assert wall(each) == each.original_start
            earlier = each.starts - timedelta(hours=3)
            assert wall(each) not in {
                (earlier + timedelta(minutes=m)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
                for m in range(0, 180, 5)
            }, "of a time that comes twice the first counts"


@settings(max_examples=250, deadline=None)
@given(ZONES, WALLS, RULES, some.timedeltas(timedelta(0), timedelta(days=3_000)), some.integers(1, 24 * 60))
def test_entering_a_rule_late_finds_what_walking_it_from_the_start_finds(
    zone: str, starts: datetime, rule: str, later: timedelta, minutes: int
) -> None:
    facts = series(starts, rule=rule, zone=zone, minutes=minutes)
    after = starts.replace(tzinfo=UTC) + later
    before = after + timedelta(days=40)
    place, length = ZoneInfo(zone), timedelta(minutes=minutes)
    walked = []
    for at in rrulestr(rule, dtstart=starts):
        moment = at.replace(tzinfo=place).astimezone(UTC)
        if at > before.replace(tzinfo=None) + timedelta(days=3):
            break
        if moment + length > after and moment < before:
            walked.append((at, moment))
    assert [(each.original_start, each.starts) for each in occurrences(facts, after=after, before=before)] == walked


@settings(max_examples=200, deadline=None)
@given(ZONES, WALLS, RULES, some.lists(some.integers(1, 400), min_size=2, max_size=6), some.integers(1, 600))
def test_windows_laid_end_to_end_hold_every_session_once(
    zone: str, starts: datetime, rule: str, hours: list[int], minutes: int
) -> None:
    facts = series(starts, rule=rule, zone=zone, minutes=minutes)
    edges = [starts.replace(tzinfo=UTC)]
    for step in hours:
        edges.append(edges[-1] + timedelta(hours=step))
    whole = occurrences(facts, after=edges[0], before=edges[-1])
    pieces = [
        each
        for after, before in pairwise(edges)
        for each in occurrences(facts, after=after, before=before)
        if after <= each.starts or after == edges[0]
    ]
    assert pieces == whole
    assume(whole)
    assert upcoming(facts, edges[0], len(whole)) == whole
    assert len({each.original_start for each in whole}) == len(whole)


@given(
    some.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)),
    some.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1)),
    some.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "America/New_York", "Asia/Kolkata", "UTC"]),
    some.integers(10, 480),
)
def test_about_how_long_a_weekly_series_waits_is_never_too_long(
    moment: datetime, first: datetime, time_zone: str, minutes: int
) -> None:
    """Whoever leaves out what waits for longer than they look ahead, and two hours, leaves out no session."""
    now = moment.replace(tzinfo=UTC)
    starts = first.replace(second=0, microsecond=0)
    each = series(starts, rule=weekly(starts.weekday()), zone=time_zone, minutes=minutes)
    waits = wait(each, wall_time(now, time_zone))
    for session in upcoming(each, now, 1):
        assert waits <= max(session.starts - now, timedelta()) + timedelta(hours=2)
