"""No number that is hidden can be reckoned from those that are shown: not by subtraction, not from totals, not from the
pages of two people, not from one month to the next."""

import os
from collections import defaultdict
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facilitator.rules.small_numbers import FEWEST, USUAL, shown, total

SOAK = os.environ.get("HEARTH_SOAK") == "1"


@pytest.mark.parametrize(
    ("number", "seen"), [(0, None), (1, None), (9, None), (10, 10), (11, 10), (19, 10), (20, 20), (123, 120)]
)
def test_what_is_shown_is_never_small_and_never_exact(number: int, seen: int | None) -> None:
    assert shown(number, 10) == seen


@given(st.integers(0, 10_000), st.integers(FEWEST, 50))
def test_one_who_comes_or_goes_is_not_seen_in_it(number: int, minimum: int) -> None:
    """As many true numbers as the minimum read the same: a difference of two shown ones is nothing, or no person."""
    alike = [each for each in range(number + minimum + 1) if shown(each, minimum) == shown(number, minimum)]
    assert len(alike) >= minimum or alike[-1] == number + minimum


@pytest.mark.parametrize(
    ("parts", "seen"),
    [
        ([], None),
        ([4], None),
        ([14, 4], 10),  # the sum, 18, would tell of the small one
        ([14, 17, 9], 20),
        ([6] * 8, 40),  # small each, and together not
        ([9] * 8, 60),  # 72 would tell that none is smaller than 9
        ([0, 0, 0], None),
        ([20, 30], 50),
    ],
)
def test_a_total_says_of_hidden_parts_only_that_they_are_small(parts: list[int], seen: int | None) -> None:
    assert total(parts, USUAL) == seen


def test_from_all_parts_and_their_total_nothing_hidden_follows() -> None:
    """Tried for all groups of up to fourteen there can be, three at a time."""
    by_what_is_seen = defaultdict(list)
    for parts in product(range(3 * FEWEST), repeat=3):
        seen = (tuple(shown(part, FEWEST) for part in parts), total(parts, FEWEST))
        by_what_is_seen[seen].append(parts)
    for (parts_seen, _), possible in by_what_is_seen.items():
        for place, seen in enumerate(parts_seen):
            if seen is None:
                assert {parts[place] for parts in possible} == set(range(FEWEST))


def test_from_the_totals_of_two_people_of_whom_one_runs_a_group_more_next_to_nothing_follows() -> None:
    """Or of one person, before and after a group came to them."""
    by_what_is_seen = defaultdict(list)
    for parts in product(range(2 * FEWEST), repeat=4):
        seen = (tuple(shown(part, FEWEST) for part in parts), total(parts[1:], FEWEST), total(parts, FEWEST))
        by_what_is_seen[seen].append(parts)
    for (parts_seen, *_), possible in by_what_is_seen.items():
        for place, seen in enumerate(parts_seen):
            if seen is None:
                assert len({parts[place] for parts in possible}) >= FEWEST - 1


@settings(max_examples=3_000 if SOAK else 60, deadline=None)
@given(st.lists(st.integers(0, 45), min_size=1, max_size=12), st.sampled_from([5, 7, 10, 15]), st.data())
def test_however_many_groups_there_are_each_hidden_one_may_be_of_any_small_size(
    parts: list[int], minimum: int, data: st.DataObject
) -> None:
    hidden = [place for place, part in enumerate(parts) if part < minimum]
    if not hidden:
        return
    place = data.draw(st.sampled_from(hidden))
    others = parts[:place] + parts[place + 1 :]
    lowest = [(shown(part, minimum) or 0) for part in others]
    for size in range(minimum):
        assert any(
            total([size, *filled(lowest, more, minimum)], minimum) == total(parts, minimum)
            for more in range(len(others) * (minimum - 1) + 1)
        )


def filled(lowest: list[int], more: int, minimum: int) -> list[int]:
    """Other parts that read the same, and are so many more than the fewest."""
    found = []
    for part in lowest:
        added = min(more, minimum - 1)
        found.append(part + added)
        more -= added
    return found
