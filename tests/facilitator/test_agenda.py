"""What is due and what will be soon: the same answer as if everything were reckoned anew, without reckoning it."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import pytest

from facilitator import schedule
from facilitator.agenda import Agenda, Day
from facilitator.rules import reminders
from facilitator.rules.recurrence import SeriesFacts
from tests.facilitator.scene import NOW, Scene

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
OFFSETS = (DAY, 20 * MINUTE)
SESSION = datetime(2026, 11, 2, 18, tzinfo=UTC)
"""Nineteen o'clock in Berlin, on the Monday it is."""


async def look(agenda: Agenda, scene: Scene, now: datetime) -> Day:
    async with scene.database.reading() as db:
        return await agenda.look(db, now=now, ahead=5 * MINUTE)


async def put_all(scene: Scene, day: Day) -> None:
    async with scene.database.transaction() as db:
        for each in day.due:
            assert await schedule.put_reminder(db, each, now=NOW)


@pytest.fixture
def reckoned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The series reckoned so far."""
    found: list[str] = []
    due = reminders.due

    def counted(
        series: list[SeriesFacts], offsets: Collection[timedelta], now: datetime
    ) -> list[reminders.DueReminder]:
        found.extend(facts.id for facts in series)
        return due(series, offsets, now)

    monkeypatch.setattr(reminders, "due", counted)
    return found


async def test_the_next_reminder_is_known_before_it_is_due(scene: Scene) -> None:
    agenda = Agenda(scene.bot, OFFSETS)
    assert (await look(agenda, scene, NOW)).next_due is None
    await scene.schedule(weekday=0)
    day = await look(agenda, scene, NOW)
    assert day.next_due == SESSION - 20 * MINUTE
    assert day.soon == []


async def test_what_is_soon_is_told_with_its_room_and_moment(scene: Scene) -> None:
    await scene.schedule(weekday=0)
    moment = SESSION - 20 * MINUTE
    agenda = Agenda(scene.bot, OFFSETS)
    await put_all(scene, await look(agenda, scene, moment - 6 * MINUTE))
    assert (await look(agenda, scene, moment - 6 * MINUTE)).soon == []
    ((_, when),) = (await look(agenda, scene, moment - 5 * MINUTE)).soon
    assert when == moment


async def test_a_series_with_nothing_new_to_say_is_not_reckoned_again_until_it_has(
    scene: Scene, reckoned: list[str]
) -> None:
    series = await scene.schedule(weekday=0)
    agenda = Agenda(scene.bot, OFFSETS)
    await put_all(scene, await look(agenda, scene, NOW))
    await look(agenda, scene, NOW)
    reckoned.clear()
    for minutes in range(60):
        assert (await look(agenda, scene, NOW + minutes * MINUTE)).due == []
    assert reckoned == []
    (found,) = (await look(agenda, scene, SESSION - 20 * MINUTE)).due
    assert (found.reminder.series, reckoned) == (series, [series])


async def test_what_was_not_put_is_due_again(scene: Scene) -> None:
    await scene.schedule(weekday=0)
    agenda = Agenda(scene.bot, OFFSETS)
    first = await look(agenda, scene, NOW)
    assert first.due
    assert await look(agenda, scene, NOW) == first


async def test_a_clock_put_back_is_believed(scene: Scene) -> None:
    await scene.schedule(weekday=0)
    agenda = Agenda(scene.bot, OFFSETS)
    later = await look(agenda, scene, SESSION + 2 * HOUR)
    assert later.next_due is not None
    assert later.next_due > SESSION
    assert (await look(agenda, scene, SESSION - 10 * MINUTE)).due


async def test_a_new_series_is_seen_at_once(scene: Scene) -> None:
    agenda = Agenda(scene.bot, OFFSETS)
    assert (await look(agenda, scene, NOW)).due == []
    await scene.schedule(weekday=0)
    assert (await look(agenda, scene, NOW)).due
