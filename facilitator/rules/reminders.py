"""Sessions and the present moment → the reminders that are due. Nothing is queued, so nothing is lost with a host
that was off, and moving a session cancels nothing."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from facilitator.ids import SeriesId
from facilitator.rules import recurrence
from facilitator.rules.recurrence import Occurrence, SeriesFacts


@dataclass(frozen=True, kw_only=True)
class DueReminder:
    """A reminder to post now. Series, `original_start` and `offset` are its cause: the same three are one reminder,
    however often it is due. All other moments are UTC; from `not_after` on it is of no use."""

    series: SeriesId
    original_start: datetime
    offset: timedelta
    due: datetime
    starts: datetime
    ends: datetime
    time_zone: str
    not_after: datetime


def due(series: Iterable[SeriesFacts], offsets: Collection[timedelta], now: datetime) -> list[DueReminder]:
    """What should have been said by now and is still of use, earliest session first.

    Of the offsets before a session whose moment has come only the latest counts: "in 20 minutes" makes "tomorrow"
    stale. It is of use until the next one's moment or, the last of them, until the session ends, so a late one is
    still posted. Asking again gives the same answer: whoever posts knows what was posted.
    """
    descending = _descending(offsets)
    found = [
        reminder
        for each in series
        for occurrence in _near(each, descending, now)
        if (reminder := _latest(occurrence, descending, now))
    ]
    return sorted(found, key=lambda reminder: (reminder.starts, reminder.series))


def next_due(series: Iterable[SeriesFacts], offsets: Collection[timedelta], now: datetime) -> datetime | None:
    """The first moment after now at which `due` has something new to say; None: never."""
    moments = [
        occurrence.starts - offset
        for each in series
        for offset in offsets
        if (occurrence := recurrence.following(each, now + offset))
    ]
    return min(moments, default=None)


def _descending(offsets: Collection[timedelta]) -> list[timedelta]:
    if any(offset < timedelta(0) for offset in offsets):
        raise ValueError("a reminder comes before its session: offsets are not negative")
    return sorted(set(offsets), reverse=True)


def _near(series: SeriesFacts, descending: list[timedelta], now: datetime) -> Iterator[Occurrence]:
    recurrence.require_utc(now)
    if descending:
        # `before` is exclusive, and a reminder is due at its very moment.
        yield from recurrence.occurrences(series, after=now, before=now + descending[0] + timedelta(microseconds=1))


def _latest(occurrence: Occurrence, descending: list[timedelta], now: datetime) -> DueReminder | None:
    ends = [occurrence.starts - offset for offset in descending[1:]] + [occurrence.ends]
    for offset, not_after in zip(descending, ends, strict=True):
        if occurrence.starts - offset <= now < not_after:
            return DueReminder(
                series=occurrence.series,
                original_start=occurrence.original_start,
                offset=offset,
                due=occurrence.starts - offset,
                starts=occurrence.starts,
                ends=occurrence.ends,
                time_zone=occurrence.time_zone,
                not_after=not_after,
            )
    return None
