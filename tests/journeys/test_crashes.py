"""Killed anywhere while groups come to life and reminders go out: nothing lost, nothing doubled, all of it in order.

A death falls before or after every effect on the homeserver and before, in and after every transaction. What failed is
printed as the trial to play again: `play_share([Trial(…)])` in `theatre` does so alone.
"""

import os
from collections.abc import Sequence

import pytest

from tests.journeys.theatre import Outcome, Trial, play_all

SOAK = os.environ.get("HEARTH_SOAK") == "1"
RUNS = 160 if SOAK else 9
STEP = 19
LONGER_THAN_IT_TAKES = 160
TALK_BEGINS = 75
"""Before it the group comes to life, as in the other stories."""

AT_EVERY_POINT = [Trial("coming_to_life", at=point) for point in range(1, LONGER_THAN_IT_TAKES)]
AGAIN_AND_AGAIN = [
    Trial(story, at=first, then=step)
    for story in ("reminding", "two_at_once")
    for step in (range(STEP, STEP + 10) if SOAK else [STEP])
    for first in range(1, step + 1)
]
WHILE_PEOPLE_TALK = [Trial("talking", at=point) for point in range(TALK_BEGINS, LONGER_THAN_IT_TAKES, 1 if SOAK else 9)]
PARTING_BEGINS = 60
"""Before it the group comes to life."""
ON_THE_LAST_DAY = [
    Trial(story, at=point)
    for story in ("left_to_nobody", "left_to_members")
    for point in range(PARTING_BEGINS, 184, 1 if SOAK else 8)
]
BY_CHANCE = [Trial("two_at_once", seed=seed, mean_life=14 + 4 * (seed % 4)) for seed in range(1, RUNS + 1)]


@pytest.fixture(scope="module")
def outcomes() -> Sequence[Outcome]:
    """All trials, side by side on all processors."""
    return play_all([*AT_EVERY_POINT, *AGAIN_AND_AGAIN, *WHILE_PEOPLE_TALK, *ON_THE_LAST_DAY, *BY_CHANCE])


def failures(outcomes: Sequence[Outcome], trials: Sequence[Trial]) -> list[tuple[Trial, tuple[str, ...]]]:
    return [(each.trial, each.wrongs) for each in outcomes if each.wrongs and each.trial in trials]


def test_killed_at_any_one_point_a_group_still_comes_to_life_once(outcomes: Sequence[Outcome]) -> None:
    assert failures(outcomes, AT_EVERY_POINT) == []
    lived = [each for each in outcomes if each.trial in AT_EVERY_POINT and not each.deaths]
    assert lived, "the story has more points than were tried: raise LONGER_THAN_IT_TAKES"


def test_killed_again_and_again_every_reminder_is_said_once(outcomes: Sequence[Outcome]) -> None:
    assert failures(outcomes, AGAIN_AND_AGAIN) == []


def test_killed_between_talk_and_our_place_no_call_is_lost_or_answered_twice(outcomes: Sequence[Outcome]) -> None:
    assert failures(outcomes, WHILE_PEOPLE_TALK) == []
    lived = [each for each in outcomes if each.trial in WHILE_PEOPLE_TALK and not each.deaths]
    assert lived, "the story has more points than were tried"


def test_killed_on_the_last_day_the_farewell_is_said_once_and_the_room_is_left(
    outcomes: Sequence[Outcome],
) -> None:
    assert failures(outcomes, ON_THE_LAST_DAY) == []
    lived = [each for each in outcomes if each.trial in ON_THE_LAST_DAY and not each.deaths]
    assert lived, "the stories have more points than were tried"


def test_killed_by_chance_in_bad_weather_everything_is_said_once(outcomes: Sequence[Outcome]) -> None:
    assert failures(outcomes, BY_CHANCE) == []


def test_a_thousand_deaths_were_died_of_every_kind(
    outcomes: Sequence[Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = {kind: sum(each.deaths[kind] for each in outcomes) for each in outcomes for kind in each.deaths}
    with capsys.disabled():
        print(f"\n{sum(kinds.values())} deaths in {len(outcomes)} runs, seeds 1 to {RUNS}: {kinds}")
    assert sum(kinds.values()) >= 1_000
    effects = ("create", "invite", "send", "a transaction", "look", "listen")
    assert {f"before {name}" for name in effects} <= kinds.keys()
    assert {"after create", "after invite", "after send", "before a commit", "after a commit"} <= kinds.keys()
