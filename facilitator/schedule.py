"""Sessions of a group: a weekly series in local wall time. Reminders are computed from it, never queued."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import journal, outbox, ownership
from facilitator.database.tables import Group, Room, Series, plain
from facilitator.errors import N_, Invalid, NotFound
from facilitator.ids import AccountId, ActId, BotId, GroupId, RoomId, SeriesId, because, new_id
from facilitator.rules import life, recurrence, reminders
from facilitator.rules.recurrence import Occurrence, SeriesFacts

SHOWN = 6
SHORTEST, LONGEST = 10, 480
NO_SERIES = N_("There is no such series in this group.")
MEETS_THEN = N_("The group meets at this time each week already. Choose another time, or another day.")


SERIES, GROUP = plain(Series).c, plain(Group).c
OF_GROUPS = (
    select(
        SERIES.group_id, GROUP.state, SERIES.id, SERIES.starts, SERIES.time_zone, SERIES.rrule, SERIES.minutes,
        GROUP.opened, GROUP.closes,
    )
    .join_from(plain(Series), plain(Group), GROUP.id == SERIES.group_id)
    .where(
        SERIES.group_id.in_(bindparam("groups", expanding=True)), SERIES.ended.is_(None), GROUP.closed.is_(None)
    )
)  # fmt: skip


@dataclass(frozen=True)
class SeriesLine:
    """A weekly series as the panel shows it. `weekday`: 0 is Monday; `at` and `next` in its own zone."""

    id: SeriesId
    weekday: int
    at: time
    time_zone: str
    minutes: int
    next: tuple[Occurrence, ...]


async def schedule(
    db: AsyncSession,
    *,
    by: AccountId,
    group_id: GroupId,
    weekday: int,
    at: str,
    time_zone: str,
    minutes: int,
    now: datetime,
    first_day: date | None = None,
    series_id: SeriesId | None = None,
) -> SeriesId:
    """Meet every week. `at` is "HH:MM" on the zone's wall clocks; the first session is the next one to come, or the
    first on or after `first_day`. `series_id`: made with the form, so that a form sent twice plans one series. Raises
    NotFound, Invalid("weekday" | "at" | "time_zone" | "minutes" | "first_day"), of "at" also when the group meets at
    this time already: its room would be told of each session twice.
    """
    await db.execute(select(Group.id).where(Group.id == group_id).with_for_update(key_share=True))
    await ownership.group(db, by=by, group_id=group_id)
    starts = first_start(weekday=weekday, at=at, time_zone=time_zone, minutes=minutes, now=now, first_day=first_day)
    if series_id is not None and await _planned(db, series_id, group_id):
        return series_id
    if await _meets_then(db, group_id, starts, time_zone):
        raise Invalid("at", MEETS_THEN)
    series_id = series_id or SeriesId(new_id())
    db.add(
        Series(
            id=series_id, group_id=group_id, starts=starts, time_zone=time_zone, rrule=recurrence.weekly(weekday),
            minutes=minutes, created=now,
        )
    )  # fmt: skip
    await journal.note(db, "series scheduled", actor=by, group_id=group_id, subject=series_id, now=now)
    await db.flush()
    return series_id


async def _planned(db: AsyncSession, series_id: SeriesId, group_id: GroupId) -> bool:
    """Whether this form has planned its series already. Raises NotFound when that is another group's."""
    of = await db.scalar(select(Series.group_id).where(Series.id == series_id))
    if of not in (None, group_id):
        raise NotFound(NO_SERIES)
    return of is not None


async def _meets_then(db: AsyncSession, group_id: GroupId, starts: datetime, time_zone: str) -> bool:
    going_on = await db.scalars(
        select(Series.starts).where(Series.group_id == group_id, Series.ended.is_(None), Series.time_zone == time_zone)
    )
    return any((each.weekday(), each.time()) == (starts.weekday(), starts.time()) for each in going_on)


def preview(
    *, weekday: int, at: str, time_zone: str, minutes: int, now: datetime, first_day: date | None = None
) -> tuple[Occurrence, ...]:
    """The dates such a series would have, without scheduling it. Raises Invalid."""
    starts = first_start(weekday=weekday, at=at, time_zone=time_zone, minutes=minutes, now=now, first_day=first_day)
    facts = SeriesFacts(
        id=SeriesId("preview"), starts=starts, time_zone=time_zone, rrule=recurrence.weekly(weekday), minutes=minutes
    )
    return tuple(recurrence.upcoming(facts, now, SHOWN))


def first_start(
    *, weekday: int, at: str, time_zone: str, minutes: int, now: datetime, first_day: date | None = None
) -> datetime:
    """The first session's wall time. Raises Invalid."""
    if not 0 <= weekday <= 6:
        raise Invalid("weekday", N_("Choose a day of the week."))
    check_zone(time_zone)
    if not SHORTEST <= minutes <= LONGEST:
        raise Invalid("minutes", N_("A session lasts between 10 minutes and 8 hours."))
    wall = _wall_time(at)
    local_now = now.astimezone(ZoneInfo(time_zone)).replace(tzinfo=None)
    earliest = max(first_day, local_now.date()) if first_day else local_now.date()
    start = datetime.combine(earliest + timedelta(days=(weekday - earliest.weekday()) % 7), wall)
    return start if start + timedelta(minutes=minutes) > local_now else start + timedelta(days=7)


def check_zone(time_zone: str) -> None:
    """Raises Invalid when there is no such IANA zone."""
    try:
        recurrence.zone(time_zone)
    except recurrence.UnknownZone:
        raise Invalid("time_zone", N_("We do not know this time zone. Choose a city in the same zone.")) from None


async def end_series(db: AsyncSession, *, by: AccountId, group_id: GroupId, series_id: SeriesId, now: datetime) -> None:
    """No session of it takes place from now on. Raises NotFound when it is not theirs."""
    await ownership.group(db, by=by, group_id=group_id)
    row = await db.scalar(
        select(Series).where(Series.id == series_id, Series.group_id == group_id, Series.ended.is_(None))
    )
    if row is None:
        raise NotFound(NO_SERIES)
    row.ended = now
    await journal.note(db, "series ended", actor=by, group_id=group_id, subject=series_id, now=now)


async def lines(db: AsyncSession, group_id: GroupId, *, now: datetime) -> tuple[SeriesLine, ...]:
    """The series of a group that go on, with their next sessions, as they are planned, also in a draft or a pause."""
    found = [
        SeriesLine(
            facts.id, facts.starts.weekday(), facts.starts.time(), facts.time_zone, facts.minutes,
            tuple(recurrence.upcoming(facts, now, SHOWN)),
        )
        for facts in (await of_groups(db, [group_id], resting=True)).get(group_id, ())
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda line: (line.weekday, line.at, line.id)))


async def of_groups(
    db: AsyncSession, group_ids: Sequence[GroupId], *, resting: bool = False
) -> dict[GroupId, list[SeriesFacts]]:
    """The series of these groups that go on, in one statement. `resting`: also of those that do not meet for now."""
    found: dict[GroupId, list[SeriesFacts]] = {}
    for group_id, state, *facts in await db.execute(OF_GROUPS, {"groups": group_ids}):
        series, starts, zone, rule, minutes, opened, closes = facts
        if resting or life.meets(state, opened):
            found.setdefault(group_id, []).append(
                SeriesFacts(
                    id=series, starts=starts, time_zone=zone, rrule=rule, minutes=minutes, ended=closes, since=opened
                )
            )
    return found


async def upcoming(db: AsyncSession, group_id: GroupId, *, now: datetime, count: int) -> list[Occurrence]:
    """The group's next sessions, soonest first; none while it is a draft or pauses."""
    facts = (await of_groups(db, [group_id])).get(group_id, ())
    sessions = [o for each in facts for o in recurrence.upcoming(each, now, count)]
    return sorted(sessions, key=lambda o: (o.starts, o.series))[:count]


@dataclass(frozen=True)
class RoomReminder:
    """A reminder that is due, the room it is for and the act it is."""

    act: ActId
    room_id: RoomId
    reminder: reminders.DueReminder


def told(sessions: Iterable[Occurrence]) -> list[dict[str, str]]:
    """Sessions as an utterance is told of them: start in UTC, and the zone to say it in."""
    return [{"starts": s.starts.isoformat(), "time_zone": s.time_zone} for s in sessions]


async def put_reminder(db: AsyncSession, due: RoomReminder, *, now: datetime) -> bool:
    """Put it into the outbox, to be said while it is of use. Returns whether it was new."""
    reminder = due.reminder
    return await outbox.put(
        db,
        due.act,
        due.room_id,
        utterance="reminder",
        parameters={
            "series": reminder.series,
            "starts": reminder.starts.isoformat(),
            "ends": reminder.ends.isoformat(),
            "time_zone": reminder.time_zone,
        },
        priority=outbox.Priority.REMINDER,
        not_after=reminder.not_after,
        now=now,
    )


async def takes_place(db: AsyncSession, series_id: SeriesId, *, starts: datetime) -> bool:
    """Whether a session a reminder speaks of is still to be: the series may have ended, or the group pause or have
    closed, while the reminder waited."""
    found = await db.execute(
        select(Series.ended, Group.closes, Group.state, Group.opened)
        .join(Group, Group.id == Series.group_id)
        .where(Series.id == series_id)
    )
    for ended, closes, state, opened in found:
        over = min((moment for moment in (ended, closes) if moment is not None), default=None)
        begun = opened is not None and opened <= starts
        return life.meets(state, opened) and begun and (over is None or starts < over)
    return True  # whose series it was is not known any more, and nobody has said that it is over


async def going_on(db: AsyncSession, bot: BotId) -> dict[SeriesFacts, RoomId]:
    """Every series of this account's rooms that goes on, and its room."""
    rows = await db.execute(
        select(
            Series.id, Series.starts, Series.time_zone, Series.rrule, Series.minutes, Room.id, Group.state,
            Group.opened, Group.closes,
        )
        .join(Room, Room.group_id == Series.group_id)
        .join(Group, Group.id == Series.group_id)
        .where(
            Room.bot_account_id == bot, Room.kind == "group", Series.ended.is_(None), Group.closed.is_(None),
            Group.deleted.is_(None), Group.opened.is_not(None),
        )
    )  # fmt: skip
    return {
        SeriesFacts(
            id=series, starts=starts, time_zone=zone, rrule=rrule, minutes=minutes, ended=closes, since=opened
        ): room
        for series, starts, zone, rrule, minutes, room, state, opened, closes in rows
        if life.meets(state, opened)
    }


def cause(reminder: reminders.DueReminder) -> ActId:
    return because("reminder", reminder.series, reminder.original_start, reminder.offset)


def _wall_time(at: str) -> time:
    hours, colon, minutes = at.strip().replace(".", ":").partition(":")
    try:
        if not colon:
            raise ValueError
        return time(int(hours), int(minutes))
    except ValueError:
        raise Invalid("at", N_("Write the time with hours and minutes, like 19:00.")) from None
