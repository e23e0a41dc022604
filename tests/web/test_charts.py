"""Where bars and lines stand, also for who reads from right to left."""

import pytest

from web import charts
from web.charts import LEFT, RIGHT, TOP, WIDTH


@pytest.mark.parametrize(
    ("highest", "step"), [(0, 1), (5, 1), (6, 2), (10, 2), (11, 5), (26, 10), (60, 20), (999, 200)]
)
def test_lines_are_few_and_round(highest: int, step: int) -> None:
    assert charts.stride(highest) == step


def test_the_highest_bar_fits_and_all_stand_on_the_ground() -> None:
    chart = charts.chart(["a", "b", "c"], [5, 0, 2])
    assert [bar.height > 0 for bar in chart.bars] == [True, False, True]
    assert all(round(bar.y + bar.height, 1) == chart.ground and bar.y >= TOP for bar in chart.bars)
    assert all(bar.x >= LEFT and bar.x + bar.width <= WIDTH - RIGHT for bar in chart.bars)
    assert [line.value for line in chart.lines] == [0, 1, 2, 3, 4, 5]


def test_from_right_to_left_the_oldest_stands_on_the_right() -> None:
    there = charts.chart(["a", "b"], [1, 2])
    here = charts.chart(["a", "b"], [1, 2], mirrored=True)
    assert here.bars[0].x > here.bars[1].x and here.bars[0].height == there.bars[0].height
    assert round(here.bars[0].x + there.bars[0].x + here.bars[0].width, 0) == WIDTH


def test_what_is_not_shown_has_a_place_and_no_height() -> None:
    (bar,) = charts.chart(["a"], [None]).bars
    assert bar.value is None and bar.height == 0 and charts.chart([], []).bars == ()
