"""The example's next session is always such that a reminder is due, and only the first of them."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from deploy.demo.example import soon
from facilitator.ids import SeriesId
from facilitator.rules import recurrence, reminders
from facilitator.rules.recurrence import SeriesFacts

NOW = datetime(2026, 11, 22, 7, 8, 31, tzinfo=UTC)
DEFAULT = (timedelta(hours=24), timedelta(minutes=20))


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)))
def test_with_the_usual_offsets_a_reminder_is_due_at_once(now: datetime) -> None:
    starts = soon(now, DEFAULT)
    series = SeriesFacts(
        id=SeriesId("example"),
        starts=starts.replace(tzinfo=None),
        time_zone="UTC",
        rrule=recurrence.weekly(starts.weekday()),
        minutes=60,
    )
    assert [due.offset for due in reminders.due([series], DEFAULT, now)] == [timedelta(hours=24)]


def test_a_short_offset_is_waited_for_a_minute_and_a_half_at_most() -> None:
    assert soon(NOW, (timedelta(seconds=30),)) - NOW <= timedelta(minutes=2)


def test_a_session_is_never_planned_further_than_its_week() -> None:
    assert soon(NOW, (timedelta(days=60),)) - NOW < timedelta(days=7)
