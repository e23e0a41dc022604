"""Months that are over, who was there when they ended, and which sessions took place in them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from facilitator.ids import SeriesId
from facilitator.rules import counting
from facilitator.rules.counting import Spell, Step
from facilitator.rules.recurrence import SeriesFacts

BERLIN = "Europe/Berlin"


def at(month: int, day: int, hour: int = 12, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def test_twelve_months_are_counted_and_the_one_that_goes_on_is_not() -> None:
    months = counting.months(at(11, 22))
    assert (months[0], months[-1], len(months)) == (date(2025, 11, 1), date(2026, 10, 1), 12)
    assert counting.months(at(1, 5), 2) == (date(2025, 11, 1), date(2025, 12, 1))


@pytest.mark.parametrize(("now", "last"), [(at(11, 1, 11), date(2026, 9, 1)), (at(11, 1, 12), date(2026, 10, 1))])
def test_a_month_is_over_when_it_is_over_everywhere(now: datetime, last: date) -> None:
    assert counting.months(now)[-1] == last


def test_months_end_by_the_clocks_of_the_place() -> None:
    assert counting.ends([date(2026, 3, 1), date(2026, 12, 1)], BERLIN) == (
        datetime(2026, 3, 31, 22, tzinfo=UTC),  # summer time has begun
        datetime(2026, 12, 31, 23, tzinfo=UTC),
    )


def test_a_size_is_of_those_who_had_joined_and_not_gone_again() -> None:
    steps = [
        Step(at(1, 1), "ben", "invited"), Step(at(1, 2), "ben", "joined"), Step(at(1, 3), "cleo", "joined"),
        Step(at(2, 3), "ben", "left"), Step(at(3, 3), "ben", "joined"), Step(at(3, 4), "ben", "joined"),
        Step(at(3, 5), "eli", "invited"), Step(at(3, 6), "eli", "left"), Step(at(3, 7), "cleo", "removed"),
    ]  # fmt: skip
    moments = [at(1, 1, 0), at(2, 1), at(3, 1), at(4, 1)]
    assert counting.sizes(reversed(steps), moments) == (0, 2, 1, 1)
    assert counting.standings(steps, at(4, 1)) == {"joined": 1, "left": 1, "removed": 1}


def test_a_step_at_the_very_end_of_a_month_belongs_to_the_next() -> None:
    assert counting.sizes([Step(at(2, 1), "ben", "joined")], [at(2, 1), at(2, 1) + timedelta(seconds=1)]) == (0, 1)


def test_spells_begin_and_end_with_the_turns_of_a_groups_life() -> None:
    turns = [(at(1, 1), False), (at(2, 1), True), (at(2, 2), True), (at(3, 1), False), (at(4, 1), True)]
    assert counting.spells(turns) == (Spell(at(2, 1), at(3, 1)), Spell(at(4, 1)))
    assert counting.spells([]) == ()
    assert not Spell(at(2, 1), at(3, 1)).has(at(3, 1))


def series(**values: object) -> SeriesFacts:
    facts = {"id": SeriesId("s"), "time_zone": BERLIN, "rrule": "FREQ=WEEKLY;BYDAY=TU", "minutes": 90}
    return SeriesFacts(**{**facts, "starts": datetime(2026, 1, 6, 19), **values})  # type: ignore[arg-type]


def test_sessions_count_for_the_month_they_were_in_where_they_were() -> None:
    months = [date(2026, 2, 1), date(2026, 3, 1)]
    always = [Spell(at(1, 1))]
    assert counting.held([series()], always, months) == [4, 5]
    late = series(starts=datetime(2026, 1, 6, 23, 30))  # in Berlin still the 31st of March
    assert counting.held([late], always, months) == [4, 5]
    assert counting.held([series(), series()], always, months) == [8, 10]


def test_sessions_of_a_pause_or_after_an_end_were_not_held() -> None:
    months = [date(2026, 2, 1), date(2026, 3, 1)]
    paused = [Spell(at(1, 1), at(2, 9)), Spell(at(3, 16))]
    assert counting.held([series()], paused, months) == [1, 3]
    assert counting.held([series(ended=at(2, 15))], [Spell(at(1, 1))], months) == [2, 0]
    assert counting.held([series()], [], months) == [0, 0]
