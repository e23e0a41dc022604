"""The table of a group's life, cell by cell; what a draft lacks; how two edits of one form meet."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest

from facilitator.rules import life
from facilitator.rules.life import Change, Lack, State

TODAY = date(2026, 11, 2)
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
ALLOWED = {
    (Change.OPEN, State.DRAFT),
    (Change.PAUSE, State.OPEN),
    (Change.RESUME, State.PAUSED),
    (Change.CLOSE, State.OPEN),
    (Change.CLOSE, State.PAUSED),
    (Change.RESETTLE, State.CLOSING),
    (Change.REOPEN, State.CLOSING),
    (Change.END, State.CLOSING),
    (Change.DELETE, State.DRAFT),
    (Change.DELETE, State.CLOSED),
}


@dataclass(frozen=True)
class ALine:
    kind: str
    verified_on: date


def days_ago(number: int, kind: str = "crisis") -> ALine:
    return ALine(kind, TODAY - timedelta(days=number))


@pytest.mark.parametrize("change", Change)
@pytest.mark.parametrize("state", [*State, "", "something"])
def test_which_change_may_follow_which_state(change: Change, state: str) -> None:
    assert life.may(change, state) is ((change, state) in ALLOWED)


def test_every_state_is_reached_and_left_but_the_last() -> None:
    """From a draft on; a closed group can only be deleted."""
    left = {state for change in Change if change is not Change.DELETE for state in life.FROM[change]}
    assert left == set(State) - {State.CLOSED}


@pytest.mark.parametrize(
    ("facilitators", "lines", "lacks"),
    [
        (2, [days_ago(0)], ()),
        (5, [days_ago(365)], ()),
        (2, [days_ago(366)], (Lack.CRISIS_LINE,)),
        (2, [days_ago(-1)], (Lack.CRISIS_LINE,)),
        (2, [days_ago(1, "warmline")], (Lack.CRISIS_LINE,)),
        (2, [days_ago(400), days_ago(1, "warmline"), days_ago(3)], ()),
        (2, [], (Lack.CRISIS_LINE,)),
        (1, [days_ago(0)], (Lack.SECOND_FACILITATOR,)),
        (0, [], (Lack.SECOND_FACILITATOR, Lack.CRISIS_LINE)),
    ],
)
def test_what_a_draft_lacks(facilitators: int, lines: list[ALine], lacks: tuple[Lack, ...]) -> None:
    assert life.lacking(facilitators=facilitators, lines=lines, today=TODAY) == lacks


@pytest.mark.parametrize(
    ("state", "since", "meets"),
    [
        (State.OPEN, NOON, True), (State.CLOSING, NOON, True), (State.CLOSING, None, False), (State.OPEN, None, False),
        (State.DRAFT, None, False), (State.PAUSED, None, False), (State.PAUSED, NOON, False),
        (State.CLOSED, None, False), (State.CLOSED, NOON, False),
    ],
)  # fmt: skip
def test_when_a_group_meets(state: State, since: datetime | None, meets: bool) -> None:
    assert life.meets(state, since) is meets


@pytest.mark.parametrize(
    ("day", "zone", "moment"),
    [
        (date(2026, 11, 3), "Europe/Berlin", datetime(2026, 11, 3, 11, tzinfo=UTC)),
        (date(2026, 7, 3), "Europe/Berlin", datetime(2026, 7, 3, 10, tzinfo=UTC)),
        (date(2026, 11, 3), "Pacific/Kiritimati", datetime(2026, 11, 2, 22, tzinfo=UTC)),
        (date(2026, 11, 3), "Pacific/Pago_Pago", datetime(2026, 11, 3, 23, tzinfo=UTC)),
    ],
)
def test_a_group_closes_at_noon_of_its_own_clocks(day: date, zone: str, moment: datetime) -> None:
    assert life.closing_moment(day, zone) == moment


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu"])
def test_there_is_always_time_to_think_again(zone: str) -> None:
    for hour in range(24):
        now = NOON + timedelta(hours=hour)
        first, last = life.closing_days(now, zone)
        assert timedelta(hours=12) <= life.closing_moment(first, zone) - now <= timedelta(hours=36)
        assert last - first == timedelta(days=365)


@pytest.mark.parametrize(
    ("state", "lacks", "step"),
    [
        (State.DRAFT, (Lack.SECOND_FACILITATOR, Lack.CRISIS_LINE), Lack.SECOND_FACILITATOR),
        (State.DRAFT, (Lack.CRISIS_LINE,), Lack.CRISIS_LINE),
        (State.DRAFT, (), Change.OPEN),
        (State.PAUSED, (), Change.RESUME),
        (State.OPEN, (), None),
        (State.CLOSING, (), None),
        (State.CLOSED, (), None),
    ],
)
def test_one_thing_is_next_or_nothing(state: State, lacks: tuple[Lack, ...], step: Change | Lack | None) -> None:
    assert life.next_step(state, lacks) == step


@pytest.mark.parametrize(
    ("was", "typed", "now", "stands", "theirs"),
    [
        ("a", "b", "a", "b", None),  # only the second changed it
        ("a", "a", "c", "c", "c"),  # only the first did
        ("a", "b", "c", "b", "c"),  # both did: the typed word stays, the other is shown
        ("a", "b", "b", "b", None),  # both to the same
        ("a", "a", "a", "a", None),
    ],
)
def test_of_two_edits_nothing_is_lost(was: str, typed: str, now: str, stands: str, theirs: str | None) -> None:
    mine, changed = life.merge({"name": was}, {"name": typed}, {"name": now})
    assert mine == {"name": stands}
    assert changed == ({} if theirs is None else {"name": theirs})
