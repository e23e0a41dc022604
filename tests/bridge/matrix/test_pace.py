"""A server's "wait" is obeyed, per kind of request."""

from datetime import timedelta

import pytest

from bridge.matrix.homeserver import TryLater
from bridge.matrix.pace import UNSAID, Pace
from tests.clock import TurnedClock


def test_a_kind_that_was_limited_waits_as_long_as_it_was_told_and_others_do_not(clock: TurnedClock) -> None:
    pace = Pace(clock)
    assert pace.limited("invite", 90_000) == timedelta(seconds=90)

    pace.check("send")
    with pytest.raises(TryLater) as refused:
        pace.check("invite")
    assert refused.value.after == timedelta(seconds=90)

    clock.turn(timedelta(seconds=91))
    pace.check("invite")


@pytest.mark.parametrize("said", [None, "soon", -5, 0, 10**12, True])
def test_a_wait_that_makes_no_sense_is_ours_instead(clock: TurnedClock, said: object) -> None:
    assert Pace(clock).limited("send", said) in (UNSAID, timedelta(milliseconds=1))
