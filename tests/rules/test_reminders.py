"""A reminder is due once, at its moment; a late one while it is of use; a stale one never."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from facilitator.ids import SeriesId, because
from facilitator.rules.recurrence import SeriesFacts, occurrences, weekly
from facilitator.rules.reminders import DueReminder, due, next_due

DAY, TWENTY = timedelta(days=1), timedelta(minutes=20)
OFFSETS = (DAY, TWENTY)
START = datetime(2026, 6, 9, 19, tzinfo=UTC)
END = START + timedelta(minutes=90)
INSTANT = timedelta(microseconds=1)
TUESDAYS = SeriesFacts(id=SeriesId("s"), starts=datetime(2026, 6, 2, 19), time_zone="UTC", rrule=weekly(1), minutes=90)


def due_at(now: datetime) -> list[timedelta]:
    return [each.offset for each in due([TUESDAYS], OFFSETS, now) if each.starts == START]


def test_nothing_is_due_before_the_first_moment() -> None:
    assert due_at(START - DAY - INSTANT) == []


def test_a_reminder_is_due_at_its_very_moment() -> None:
    assert due_at(START - DAY) == [DAY]
    assert due_at(START - TWENTY) == [TWENTY]


def test_a_late_reminder_is_still_posted_until_the_next_one_takes_its_place() -> None:
    assert due_at(START - TWENTY - INSTANT) == [DAY]


def test_a_late_reminder_is_still_posted_while_the_session_runs() -> None:
    assert due_at(END - INSTANT) == [TWENTY]
    assert due_at(END) == []


def test_a_reminder_says_what_it_is_about_and_until_when_it_is_of_use() -> None:
    (tomorrow,) = due([TUESDAYS], OFFSETS, START - timedelta(hours=3))
    assert tomorrow == DueReminder(
        series=SeriesId("s"),
        original_start=datetime(2026, 6, 9, 19),
        offset=DAY,
        due=START - DAY,
        starts=START,
        ends=END,
        time_zone="UTC",
        not_after=START - TWENTY,
    )
    (soon,) = due([TUESDAYS], OFFSETS, START - TWENTY)
    assert (soon.due, soon.not_after) == (START - TWENTY, END)


def test_one_offset_alone_is_of_use_until_the_end_and_none_at_all_is_never_due() -> None:
    (only,) = due([TUESDAYS], [DAY], START)
    assert (only.offset, only.not_after) == (DAY, END)
    assert due([TUESDAYS], [], START) == []
    assert next_due([TUESDAYS], [], START) is None


def test_the_next_moment_is_the_earliest_after_now() -> None:
    assert next_due([TUESDAYS], OFFSETS, START - DAY - INSTANT) == START - DAY
    assert next_due([TUESDAYS], OFFSETS, START - DAY) == START - TWENTY
    assert next_due([TUESDAYS], OFFSETS, START - TWENTY) == START + timedelta(days=6)
    assert next_due([], OFFSETS, START) is None


def test_naive_moments_and_negative_offsets_are_refused() -> None:
    with pytest.raises(ValueError, match="UTC"):
        due([TUESDAYS], OFFSETS, datetime(2026, 6, 9))
    with pytest.raises(ValueError, match="UTC"):
        next_due([TUESDAYS], OFFSETS, datetime(2026, 6, 9))
    with pytest.raises(ValueError, match="negative"):
        due([TUESDAYS], [-DAY], START)


def test_an_overlapping_daily_series_reminds_of_each_session() -> None:
    daily = SeriesFacts(
        id=SeriesId("d"), starts=datetime(2026, 6, 2, 19), time_zone="UTC", rrule="FREQ=DAILY", minutes=60
    )
    found = due([daily], (timedelta(days=2), TWENTY), datetime(2026, 6, 9, 19, tzinfo=UTC))
    assert [(each.starts.day, each.offset) for each in found] == [
        (9, TWENTY),
        (10, timedelta(days=2)),
        (11, timedelta(days=2)),
    ]


# ------------------------------------------------------------------------------------------- any clock at all

ZONES = some.sampled_from(
    (
        "UTC",
        "America/New_York",
        "Europe/Berlin",
        "Australia/Lord_Howe",
        "America/Santiago",
        "Asia/Kathmandu",
        "Pacific/Apia",
    )
)
NEAR_A_CHANGE = some.sampled_from(
    (datetime(2026, 3, 8), datetime(2026, 3, 29), datetime(2026, 4, 5), datetime(2026, 10, 4), datetime(2026, 11, 1))
)
TIMES = some.timedeltas(timedelta(0), timedelta(hours=23, minutes=59)).map(
    lambda t: timedelta(minutes=t // timedelta(minutes=1))
)


@some.composite
def any_series(draw: some.DrawFn) -> SeriesFacts:
    return SeriesFacts(
        id=SeriesId(draw(some.sampled_from("ab"))),
        starts=draw(NEAR_A_CHANGE) - timedelta(days=7) + draw(TIMES),
        time_zone=draw(ZONES),
        rrule=draw(some.sampled_from(("FREQ=DAILY", "FREQ=DAILY;INTERVAL=3", weekly(6), weekly(2)))),
        minutes=draw(some.sampled_from((20, 90, 300))),
    )


def posted_by(series: SeriesFacts, ticks: list[datetime]) -> dict[str, tuple[DueReminder, datetime]]:
    """What a timer with an outbox posts: a cause it knows is not posted again."""
    outbox: dict[str, tuple[DueReminder, datetime]] = {}
    for now in ticks:
        for each in due([series], OFFSETS, now):
            outbox.setdefault(because("reminder", each.series, each.original_start, each.offset), (each, now))
    return outbox


@settings(max_examples=25, deadline=None)
@given(any_series(), some.lists(some.integers(6, 19), min_size=5, max_size=60))
def test_with_a_ticking_clock_every_reminder_is_posted_once_and_in_time(series: SeriesFacts, steps: list[int]) -> None:
    ticks = [series.starts.replace(tzinfo=UTC) - timedelta(days=2)]
    while ticks[-1] < ticks[0] + timedelta(days=9):
        ticks.append(ticks[-1] + timedelta(minutes=steps[len(ticks) % len(steps)]))
    expected = {
        (each.original_start, offset)
        for each in occurrences(series, after=ticks[0], before=ticks[-1] + DAY + INSTANT)
        for offset in OFFSETS
        if ticks[0] <= each.starts - offset <= ticks[-1]
    }
    outbox = posted_by(series, ticks)
    posted = [(each.original_start, each.offset) for each, now in outbox.values() if each.due >= ticks[0]]
    assert sorted(posted) == sorted(expected)
    assert all(now - each.due < timedelta(minutes=20) for each, now in outbox.values() if each.due >= ticks[0])


@settings(max_examples=150, deadline=None)
@given(any_series(), some.lists(some.integers(-60, 36 * 60), min_size=2, max_size=60))
def test_after_an_outage_or_a_wrong_clock_nothing_stale_or_doubled_is_posted(
    series: SeriesFacts, steps: list[int]
) -> None:
    ticks = [series.starts.replace(tzinfo=UTC) - timedelta(days=2)]
    for step in steps:
        ticks.append(ticks[-1] + timedelta(minutes=step))
    for each, now in posted_by(series, ticks).values():
        assert each.due <= now < each.not_after <= each.ends
    for now in ticks:
        found = due([series], OFFSETS, now)
        assert len({each.original_start for each in found}) == len(found), "one reminder for each session at a time"
        running = occurrences(series, after=now, before=now + TWENTY)
        assert {each.original_start for each in running} <= {each.original_start for each in found}, "none is missing"


@settings(max_examples=150, deadline=None)
@given(any_series(), some.timedeltas(timedelta(0), timedelta(days=9)))
def test_between_now_and_the_next_moment_nothing_new_is_due(series: SeriesFacts, later: timedelta) -> None:
    now = series.starts.replace(tzinfo=UTC) - timedelta(days=2) + later
    moment = next_due([series], OFFSETS, now)
    assert moment is not None
    assert moment > now
    known = set(due([series], OFFSETS, now))
    assert set(due([series], OFFSETS, moment - INSTANT)) <= known
    assert set(due([series], OFFSETS, moment)) - known
