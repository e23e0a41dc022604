"""The first session is the next one to come, wherever it is held; reminders are due once; an ended series is quiet."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

from facilitator import outbox, schedule
from facilitator.agenda import Agenda
from facilitator.errors import Invalid, NotFound
from facilitator.ids import BotId, SeriesId
from facilitator.schedule import RoomReminder
from tests.facilitator.scene import NOW, Scene

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
OFFSETS = (DAY, 20 * MINUTE)
BERLIN = ZoneInfo("Europe/Berlin")
SESSION = datetime(2026, 11, 2, 18, tzinfo=UTC)
"""Monday at seven in Berlin, six hours after noon in UTC."""


def first(weekday: int, at: str, *, time_zone: str = "Europe/Berlin", first_day: date | None = None) -> datetime:
    return schedule.first_start(weekday=weekday, at=at, time_zone=time_zone, minutes=60, now=NOW, first_day=first_day)


def day(number: int) -> date:
    return date(2026, 11, number)


# ------------------------------------------------------------------------------------------------ the first session


@pytest.mark.parametrize("weekday", range(7))
def test_the_first_session_is_within_a_week_and_on_its_day(weekday: int) -> None:
    found = first(weekday, "19:00")
    assert found == datetime.combine(day(2 + weekday), time(19))
    assert found.weekday() == weekday


@pytest.mark.parametrize(
    ("at", "on"),
    [
        ("13:01", 2),  # in a minute: it is one o'clock in Berlin
        ("13:00", 2),  # just now
        ("12:01", 2),  # it is being held for another minute
        ("12:00", 9),  # it is over
        ("00:00", 9),
        ("23:59", 2),
    ],
)
def test_today_counts_until_todays_session_is_over(at: str, on: int) -> None:
    assert first(0, at).date() == day(on)


@pytest.mark.parametrize(
    ("time_zone", "weekday", "on"),
    [
        ("Pacific/Auckland", 0, 9),  # there it is Tuesday already
        ("Pacific/Auckland", 1, 3),
        ("Pacific/Kiritimati", 1, 3),
        ("America/Los_Angeles", 0, 2),
        ("Pacific/Pago_Pago", 0, 2),  # one o'clock on Monday night
        ("Asia/Kathmandu", 0, 2),
    ],
)
def test_what_day_it_is_is_asked_of_the_groups_own_clock(time_zone: str, weekday: int, on: int) -> None:
    assert first(weekday, "19:00", time_zone=time_zone) == datetime.combine(day(on), time(19))


@pytest.mark.parametrize(
    ("first_day", "on"), [(day(1), 2), (day(2), 2), (day(3), 9), (day(9), 9), (day(10), 16), (None, 2)]
)
def test_a_first_day_is_the_earliest_and_the_past_is_past(first_day: date | None, on: int) -> None:
    assert first(0, "19:00", first_day=first_day).date() == day(on)


@pytest.mark.parametrize("at", ["19:00", "19.00", " 19:00 ", "19:0"])
def test_a_time_is_taken_as_people_write_it(at: str) -> None:
    assert first(0, at).time() == time(19)


@pytest.mark.parametrize(
    ("field", "given_"),
    [
        ("weekday", -1), ("weekday", 7),
        ("at", ""), ("at", "19"), ("at", "7 pm"), ("at", "24:00"), ("at", "19:60"), ("at", "-1:00"), ("at", ":"),
        ("at", "19:00:00"), ("at", "19:00\x00"), ("at", "9" * 5000 + ":00"),
        ("time_zone", ""), ("time_zone", "Mars/Base"), ("time_zone", "Europe"),
        ("minutes", 0), ("minutes", -60), ("minutes", 9), ("minutes", 481),
    ],
)  # fmt: skip
async def test_a_field_that_cannot_be_used_is_named_and_nothing_is_scheduled(
    scene: Scene, field: str, given_: str | int
) -> None:
    fields: dict[str, object] = {"weekday": 0, "at": "19:00", "time_zone": "UTC", "minutes": 60} | {field: given_}
    with pytest.raises(Invalid) as wrong:
        async with scene.database.transaction() as db:
            await schedule.schedule(db, by=scene.cast.ada, group_id=scene.group, now=NOW, **fields)  # type: ignore[arg-type]
    assert wrong.value.field == field
    assert (await scene.page()).series == ()


@pytest.mark.parametrize("minutes", [10, 480])
def test_the_shortest_and_the_longest_session_are_allowed(minutes: int) -> None:
    assert schedule.preview(weekday=0, at="19:00", time_zone="UTC", minutes=minutes, now=NOW)


@settings(max_examples=200, deadline=None)
@given(some.text(max_size=20) | some.text("0123456789:.", max_size=6), some.text(max_size=30))
@example("19:00", "\ud800")
@example("٧:٠٠", "UTC")
def test_whatever_is_typed_there_is_a_start_or_a_sentence(at: str, time_zone: str) -> None:
    for zone in (time_zone, "UTC"):
        try:
            assert first(0, at, time_zone=zone).weekday() == 0
        except Invalid as wrong:
            assert wrong.field in ("at", "time_zone") and wrong.sentence


@settings(max_examples=100, deadline=None)
@given(
    some.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Santiago"]),
    some.integers(0, 6), some.times().map(lambda at: at.strftime("%H:%M")), some.integers(10, 480),
    some.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=some.just(UTC)),
)  # fmt: skip
def test_what_is_previewed_is_not_over_and_a_week_apart(
    time_zone: str, weekday: int, at: str, minutes: int, now: datetime
) -> None:
    found = schedule.preview(weekday=weekday, at=at, time_zone=time_zone, minutes=minutes, now=now)
    assert len(found) == 6
    assert all(each.ends > now for each in found)
    walls = [each.original_start for each in found]
    assert walls == [walls[0] + week * 7 * DAY for week in range(6)]
    assert {(wall.weekday(), wall.strftime("%H:%M")) for wall in walls} == {(weekday, at)}


# ------------------------------------------------------------------------------------------------ on the page


async def test_a_series_is_shown_with_the_dates_that_were_previewed(any_scene: Scene) -> None:
    series = await any_scene.schedule(weekday=0)
    (line,) = (await any_scene.page()).series
    assert (line.id, line.weekday, line.at, line.time_zone, line.minutes) == (series, 0, time(19), "Europe/Berlin", 60)
    previewed = schedule.preview(weekday=0, at="19:00", time_zone="Europe/Berlin", minutes=60, now=NOW)
    assert [(o.starts, o.ends) for o in line.next] == [(o.starts, o.ends) for o in previewed]
    assert line.next[0].starts == SESSION


async def test_several_series_are_in_the_order_of_the_week(scene: Scene) -> None:
    for weekday, at in ((4, "10:00"), (0, "20:00"), (0, "09:00")):
        await scene.schedule(weekday=weekday, at=at)
    assert [(line.weekday, line.at.hour) for line in (await scene.page()).series] == [(0, 9), (0, 20), (4, 10)]
    async with scene.database.reading() as db:
        soon = await schedule.upcoming(db, scene.group, now=NOW, count=4)
    assert [each.starts.astimezone(BERLIN).strftime("%a %H") for each in soon] == [
        "Mon 20",
        "Fri 10",
        "Mon 09",
        "Mon 20",
    ]
    assert schedule.told(soon[:1]) == [{"starts": "2026-11-02T19:00:00+00:00", "time_zone": "Europe/Berlin"}]


# ------------------------------------------------------------------------------------------------ reminders


async def due(scene: Scene, now: datetime, *, bot: BotId | None = None) -> list[RoomReminder]:
    async with scene.database.reading() as db:
        return (await Agenda(bot or scene.bot, OFFSETS).look(db, now=now)).due


async def put(scene: Scene, reminder: RoomReminder, now: datetime) -> bool:
    async with scene.database.transaction() as db:
        return await schedule.put_reminder(db, reminder, now=now)


async def test_a_reminder_in_the_outbox_is_not_due_again(any_scene: Scene) -> None:
    scene, moment = any_scene, SESSION - 20 * MINUTE
    await scene.schedule(weekday=0)
    await scene.looked()
    (soon,) = await due(scene, moment)
    assert (soon.room_id, soon.reminder.starts, soon.reminder.not_after) == (scene.room, SESSION, SESSION + 60 * MINUTE)
    assert [await put(scene, soon, moment) for _ in range(3)] == [True, False, False]
    assert await due(scene, moment) == [] == await due(scene, SESSION + 59 * MINUTE)
    async with scene.database.reading() as db:
        (act,) = await outbox.next_acts(db, scene.bot, now=moment)
    assert (act.id, act.utterance, act.not_after) == (soon.act, "reminder", SESSION + 60 * MINUTE)
    told = (act.parameters["starts"], act.parameters["ends"], act.parameters["time_zone"])
    assert told == (SESSION.isoformat(), (SESSION + 60 * MINUTE).isoformat(), "Europe/Berlin")


async def test_every_session_and_every_offset_is_a_reminder_of_its_own(scene: Scene) -> None:
    await scene.schedule(weekday=0)
    acts = set()
    for week in (0, 7, 14):
        for offset in OFFSETS:
            (found,) = await due(scene, SESSION + week * DAY - offset)
            acts.add(found.act)
            assert await put(scene, found, NOW)
    assert len(acts) == 6


async def test_another_bots_rooms_are_reminded_by_that_bot(scene: Scene) -> None:
    await scene.schedule(weekday=0)
    assert await due(scene, SESSION - MINUTE, bot=BotId("other")) == []


# ------------------------------------------------------------------------------------------------ the end


async def end(scene: Scene, series: SeriesId, now: datetime = NOW) -> None:
    async with scene.database.transaction() as db:
        await schedule.end_series(db, by=scene.cast.ada, group_id=scene.group, series_id=series, now=now)


async def test_an_ended_series_is_neither_shown_nor_reminded_of(any_scene: Scene) -> None:
    ended, other = await any_scene.schedule(weekday=0), await any_scene.schedule(weekday=4)
    await end(any_scene, ended)
    assert [line.id for line in (await any_scene.page()).series] == [other]
    assert await due(any_scene, SESSION - MINUTE) == []
    async with any_scene.database.reading() as db:
        assert {o.series for o in await schedule.upcoming(db, any_scene.group, now=NOW, count=3)} == {other}


async def test_a_series_ends_once_and_only_in_its_own_group(scene: Scene) -> None:
    series = await scene.schedule()
    cedar, _ = await scene.another_group()
    with pytest.raises(NotFound):
        async with scene.database.transaction() as db:
            await schedule.end_series(db, by=scene.cast.ada, group_id=cedar, series_id=series, now=NOW)
    await end(scene, series)
    for gone in (series, SeriesId("none")):
        with pytest.raises(NotFound, match="no such series"):
            await end(scene, gone)
