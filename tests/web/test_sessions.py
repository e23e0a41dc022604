"""Planning a weekly series, right across daylight saving, and ending it."""

from datetime import UTC, datetime

import pytest

from facilitator.database.wakeup import Bell
from tests.clock import TurnedClock
from tests.web.conftest import rang
from tests.web.sample import Sample
from tests.web.visitor import Visitor, made_with

GOOD = {"weekday": "3", "at": "20:15", "minutes": "60", "time_zone": "Porto", "first_day": ""}


def form(cast: Sample) -> str:
    return f"/groups/{cast.new}/sessions/new"


async def test_the_form_begins_with_the_groups_own_city(ada: Visitor, cast: Sample) -> None:
    page = await ada.get(form(cast))
    assert 'value="Berlin (Germany)"' in page.text and 'value="19:00"' in page.text


async def test_planning_a_series_shows_its_next_dates(ada: Visitor, cast: Sample, bell: Bell) -> None:
    answer = await ada.post(form(cast), {**GOOD, "step": "schedule"})
    assert answer.status == 303 and await rang(bell)
    page = await ada.get(answer.location)
    assert "The sessions are planned. The bot reminds the room 1 day and 20 minutes before each." in page.words
    assert "Every Thursday at 20:15, Lisbon time, for 60 minutes" in page.words
    assert "Thursday, 5 November 2026, 20:15" in page.words and "21:15 in Berlin" in page.words
    assert page.text.count("<time ") == 6


async def test_a_form_sent_twice_plans_one_series(ada: Visitor, cast: Sample) -> None:
    filled = GOOD | {"step": "schedule", "series": made_with(await ada.get(form(cast)), "series")}
    first, second = await ada.post(form(cast), filled), await ada.post(form(cast), filled)
    assert first.status == second.status == 303 and first.location == second.location
    assert (await ada.get(f"/groups/{cast.new}")).words.count("Every Thursday at 20:15") == 1


async def test_a_time_at_which_the_group_meets_already_is_refused_kindly(ada: Visitor, cast: Sample) -> None:
    await ada.post(form(cast), {**GOOD, "step": "schedule"})
    page = await ada.post(form(cast), {**GOOD, "minutes": "90", "step": "schedule"})
    assert page.status == 422 and "meets at this time each week already" in page.words
    assert 'id="at-error"' in page.text and 'value="20:15"' in page.text
    assert (await ada.post(form(cast), {**GOOD, "weekday": "4", "step": "schedule"})).status == 303


async def test_the_id_of_another_groups_series_plans_nothing(ada: Visitor, cast: Sample) -> None:
    filled = GOOD | {"step": "schedule", "series": cast.series}
    assert (await ada.post(form(cast), filled)).status == 404
    assert "No session is planned yet." in (await ada.get(f"/groups/{cast.new}")).words


async def test_looking_at_the_dates_first_plans_nothing(ada: Visitor, cast: Sample, bell: Bell) -> None:
    page = await ada.post(form(cast), {**GOOD, "step": "preview"})
    assert page.status == 200 and not await rang(bell)
    assert "These would be the first dates" in page.words and page.text.count("<time ") == 6
    assert 'value="20:15"' in page.text and 'value="Porto"' in page.text
    assert "No session is planned yet." in (await ada.get(f"/groups/{cast.new}")).words


async def test_an_hour_the_clocks_skip_is_explained(ada: Visitor, cast: Sample) -> None:
    gap = {"weekday": "6", "at": "02:30", "minutes": "60", "time_zone": "New York", "first_day": "2027-03-10"}
    page = await ada.post(form(cast), {**gap, "step": "preview"})
    assert "Sunday, 14 March 2027, 03:30" in page.words
    assert "The clocks go forward on this day and 02:30 does not exist. The session starts at 03:30." in page.words
    assert page.words.count("does not exist") == 1


async def test_the_hour_stays_the_same_when_the_clocks_change(ada: Visitor, cast: Sample, clock: TurnedClock) -> None:
    page = await ada.post(form(cast), {**GOOD, "time_zone": "Berlin", "first_day": "2027-03-20", "step": "preview"})
    assert page.words.count(", 20:15") == 6
    assert "2027-03-25T19:15:00Z" in page.text and "2027-04-01T18:15:00Z" in page.text
    assert clock.now() == datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize("step", ["schedule", "preview"])
@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("weekday", "7", "Choose a day of the week."),
        ("weekday", "soon", "Please choose a number."),
        ("weekday", "9" * 5000, "Please choose a number."),
        ("at", "25:00", "like 19:00"),
        ("at", "", "Please fill this in."),
        ("minutes", "5", "between 10 minutes and 8 hours"),
        ("minutes", "-1", "between 10 minutes and 8 hours"),
        ("minutes", "1.5", "Please choose a number."),
        ("time_zone", "Xyzzy", "We do not know this city."),
        ("first_day", "soon", "choose a day, or leave this empty"),
        ("first_day", "9999-12-31", "within the next year"),
        ("first_day", "0001-01-01", "within the next year"),
    ],
)
async def test_what_cannot_be_used_is_explained_and_stays(
    ada: Visitor, cast: Sample, field: str, typed: str, sentence: str, step: str
) -> None:
    page = await ada.post(form(cast), {**GOOD, field: typed, "step": step})
    assert page.status == 422 and sentence in page.words and f'id="{field}-error"' in page.text
    if field not in ("weekday",):
        assert f'value="{typed}"' in page.text
    assert 'value="Porto"' in page.text or field == "time_zone"


async def test_ending_asks_first_and_says_what_it_means(ada: Visitor, cast: Sample) -> None:
    page = await ada.get(f"/groups/{cast.settled}/sessions/{cast.series}/end")
    assert "End these sessions?" in page.words and "Every Tuesday at 19:00, Berlin time" in page.words
    assert "reminds nobody of them" in page.words and "Keep them" in page.words
    assert "Every Tuesday" in (await ada.get(f"/groups/{cast.settled}")).words


async def test_an_ended_series_is_gone_and_ends_once(ada: Visitor, cast: Sample, bell: Bell) -> None:
    end = f"/groups/{cast.settled}/sessions/{cast.series}/end"
    answer = await ada.post(end)
    assert answer.status == 303 and await rang(bell)
    page = await ada.get(answer.location)
    assert "These sessions have ended." in page.words and "Every Tuesday" not in page.words
    assert (await ada.post(end)).status == 404 and (await ada.get(end)).status == 404
