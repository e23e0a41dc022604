"""iCalendar rules in a time zone, expanded to instants. Here, and where a page or message shows a time, is the only
local time in the house: seven o'clock must stay seven o'clock when the clocks change.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, takewhile
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.rrule import rrule, rrulestr

from facilitator.ids import SeriesId

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
STEPS = {"DAILY": timedelta(days=1), "WEEKLY": timedelta(days=7)}
FREQUENCIES = frozenset({*STEPS, "MONTHLY", "YEARLY"})
PARTS = frozenset(
    {
        "FREQ",
        "INTERVAL",
        "COUNT",
        "UNTIL",
        "WKST",
        "BYDAY",
        "BYMONTHDAY",
        "BYMONTH",
        "BYSETPOS",
        "BYWEEKNO",
        "BYYEARDAY",
    }
)
"""Without BYHOUR and finer: a session has one wall time, and recurs daily at most."""
SLACK = timedelta(days=2)
"""Wall time and UTC never differ by more, not even where a zone leapt over the date line."""
SLACK_OF_CLOCKS = timedelta(hours=2)
"""More than clocks are ever put forward or back."""
FAR = timedelta(days=20 * 366)
"""Beyond this nobody looks; it ends the search for a date that never comes (30 February)."""


class UnknownZone(ValueError):
    """There is no such time zone."""


class BadRule(ValueError):
    """The recurrence rule cannot be understood, or asks for more than one session a day."""


@dataclass(frozen=True, kw_only=True)
class SeriesFacts:
    """What decides when a series meets. `starts`: the first session's wall time, naive, in `time_zone`.
    Sessions that would start before `since`, or at `ended` (both UTC) or later, do not take place."""

    id: SeriesId
    starts: datetime
    time_zone: str
    rrule: str
    minutes: int
    ended: datetime | None = None
    since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Occurrence:
    """One session of a series, known by its series and `original_start`, the naive wall time its rule gave.

    `starts` and `ends` are UTC. `shifted`: that wall time does not exist that day, and `starts` lies as much later
    as the clocks were put forward (RFC 5545 §3.3.5: it is read with the offset from before the gap). A wall time
    that comes twice means the first (same section).
    """

    series: SeriesId
    original_start: datetime
    starts: datetime
    ends: datetime
    shifted: bool
    time_zone: str


def weekly(weekday: int) -> str:
    """The rule "every week on this day"; 0 is Monday."""
    if not 0 <= weekday < len(WEEKDAYS):
        raise ValueError("weekdays run from 0, Monday, to 6, Sunday")
    return f"FREQ=WEEKLY;BYDAY={WEEKDAYS[weekday]}"


def zone(name: str) -> ZoneInfo:
    """The IANA time zone of this name. Raises UnknownZone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownZone("There is no such time zone.") from error


def wall_time(moment: datetime, time_zone: str) -> datetime:
    """What the clocks there show at this moment."""
    return _wall(moment, zone(time_zone))


def wait(series: SeriesFacts, wall: datetime) -> timedelta:
    """About how long it is from this wall time to its next session, or none while one may be held; for who has to
    choose among very many which to reckon. A change of the clocks is left out of account."""
    if series.rrule != weekly(series.starts.weekday()):
        return timedelta()
    since = (wall - series.starts) % timedelta(days=7)
    return timedelta() if since <= timedelta(minutes=series.minutes) + SLACK_OF_CLOCKS else timedelta(days=7) - since


def occurrences(series: SeriesFacts, *, after: datetime, before: datetime) -> list[Occurrence]:
    """The sessions that end after `after` and start before `before` (UTC both), in order."""
    require_utc(before)
    return list(takewhile(lambda each: each.starts < before, _expand(series, after)))


def upcoming(series: SeriesFacts, now: datetime, count: int) -> list[Occurrence]:
    """The next `count` sessions; one that is being held just now is the first of them."""
    return list(islice(_expand(series, now), count))


def following(series: SeriesFacts, moment: datetime) -> Occurrence | None:
    """The first session that starts after this moment (UTC)."""
    return next((each for each in _expand(series, moment) if each.starts > moment), None)


def require_utc(moment: datetime) -> datetime:
    """The moment itself. Raises ValueError when it is naive or in another zone: it might be somebody's wall time."""
    if moment.utcoffset() != timedelta(0):
        raise ValueError("an instant is needed: aware and UTC")
    return moment


def _expand(series: SeriesFacts, after: datetime) -> Iterator[Occurrence]:
    """Every session that ends after `after`, in order, without end unless the rule or the series has one."""
    if series.starts.tzinfo is not None:
        raise ValueError("the first session's start is a wall time: naive")
    place, parts = zone(series.time_zone), _parts(series.rrule)
    earliest = _wall(require_utc(after), place) - timedelta(minutes=series.minutes) - SLACK
    until = _until(parts, place)
    for wall in takewhile(_within(series, earliest, place), _walls(series, parts, earliest)):
        each = _occurrence(series, wall, place)
        held = (series.ended is None or each.starts < series.ended) and (until is None or each.starts <= until)
        begun = series.since is None or each.starts >= series.since
        if held and begun and each.ends > after:
            yield each


def _occurrence(series: SeriesFacts, wall: datetime, place: ZoneInfo) -> Occurrence:
    starts = wall.replace(tzinfo=place).astimezone(UTC)
    return Occurrence(
        series=series.id,
        original_start=wall,
        starts=starts,
        ends=starts + timedelta(minutes=series.minutes),
        shifted=_wall(starts, place) != wall,
        time_zone=series.time_zone,
    )


def _wall(moment: datetime, place: ZoneInfo) -> datetime:
    return moment.astimezone(place).replace(tzinfo=None, fold=0)


def _within(series: SeriesFacts, earliest: datetime, place: ZoneInfo) -> Callable[[datetime], bool]:
    limit = max(earliest, series.starts) + FAR
    if series.ended is not None:
        limit = min(limit, _wall(require_utc(series.ended), place) + SLACK)
    return lambda wall: wall <= limit


def _walls(series: SeriesFacts, parts: Mapping[str, str], earliest: datetime) -> Iterator[datetime]:
    """The wall times from `earliest` on, as the rule gives them. A rule without COUNT is entered near `earliest`,
    whole intervals later, so that an old series costs no more than a young one."""
    start, interval = series.starts, _interval(parts)
    if "COUNT" not in parts and parts["FREQ"] in STEPS:
        start += max((earliest - start) // (STEPS[parts["FREQ"]] * interval), 0) * STEPS[parts["FREQ"]] * interval
    text = ";".join(f"{name}={value}" for name, value in parts.items() if name != "UNTIL")
    return iter(_rule(text, start).xafter(earliest, inc=True))


@lru_cache(maxsize=4096)
def _rule(text: str, start: datetime) -> rrule:
    """Kept, because reading the text costs more than all else on a page with two hundred series."""
    try:
        rule = rrulestr(text, dtstart=start)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadRule("The recurrence rule cannot be understood.") from error
    if not isinstance(rule, rrule):
        raise BadRule("A series has one recurrence rule.")
    return rule


def _parts(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.upper().split(";") if part]
    parts = {name: value for name, _, value in pairs}
    if len(parts) != len(pairs) or not parts.keys() <= PARTS or parts.get("FREQ") not in FREQUENCIES:
        raise BadRule("The recurrence rule cannot be understood.")
    return parts


def _interval(parts: Mapping[str, str]) -> int:
    text = parts.get("INTERVAL", "1")
    if not text.isdecimal() or int(text) < 1:
        raise BadRule("The interval of the recurrence rule must be 1 or more.")
    return int(text)


def _until(parts: Mapping[str, str], place: ZoneInfo) -> datetime | None:
    """The last moment a session may start at. UTC where the rule says so, as RFC 5545 §3.3.10 wants it of a start
    with a zone; a plain wall time or date, which many calendars write, is read in the series' own zone."""
    text = parts.get("UNTIL")
    if text is None:
        return None
    for shape, moment_of in _UNTIL_SHAPES.items():
        with suppress(ValueError):
            return moment_of(datetime.strptime(text, shape), place)  # noqa: DTZ007 - the shape's function adds the zone
    raise BadRule("The end of the recurrence rule cannot be understood.")


_UNTIL_SHAPES: Mapping[str, Callable[[datetime, ZoneInfo], datetime]] = {
    "%Y%m%dT%H%M%SZ": lambda moment, _: moment.replace(tzinfo=UTC),
    "%Y%m%dT%H%M%S": lambda wall, place: wall.replace(tzinfo=place).astimezone(UTC),
    "%Y%m%d": lambda day, place: (day + timedelta(hours=24, seconds=-1)).replace(tzinfo=place).astimezone(UTC),
}
