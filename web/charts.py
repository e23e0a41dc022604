"""Where the bars of a chart stand. Drawn on the server, as plain shapes: it prints, needs no script, and every number
is in a table beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 360, 190
LEFT, RIGHT, TOP, BOTTOM = 30, 6, 16, 24
GAP = 0.3
"""Of the width a bar has."""
STEPS = (1, 2, 5)
MOST_LINES = 5


@dataclass(frozen=True)
class Bar:
    """`value` is None where there is nothing that may be shown: its place is marked, at no height."""

    label: str
    value: int | None
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 1)


@dataclass(frozen=True)
class Line:
    value: int
    y: float


@dataclass(frozen=True)
class Chart:
    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    mirrored: bool
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT

    @property
    def ground(self) -> int:
        return HEIGHT - BOTTOM


def chart(labels: Sequence[str], values: Sequence[int | None], *, mirrored: bool = False) -> Chart:
    """`mirrored`: for those who read from right to left."""
    step = stride(max((value or 0 for value in values), default=0))
    top = step * max(-(-max((value or 0 for value in values), default=0) // step), 1)
    ground, room = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP
    place = (WIDTH - LEFT - RIGHT) / max(len(values), 1)
    bars = []
    for number, (label, value) in enumerate(zip(labels, values, strict=True)):
        height = room * (value or 0) / top
        x = LEFT + place * (number + GAP / 2)
        x = WIDTH - x - place * (1 - GAP) if mirrored else x
        bars.append(
            Bar(label, value, round(x, 1), round(ground - height, 1), round(place * (1 - GAP), 1), round(height, 1))
        )
    lines = [Line(value, round(ground - room * value / top, 1)) for value in range(0, top + 1, step)]
    return Chart(tuple(bars), tuple(lines), mirrored)


def stride(highest: int) -> int:
    """The distance between two lines: 1, 2 or 5, times ten so often as it takes."""
    power = 1
    while True:
        for step in STEPS:
            if highest <= step * power * MOST_LINES:
                return step * power
        power *= 10
