"""What facilitators are told and when: quietly, rarely, each thing once; only safety knows no hour."""

from datetime import UTC, datetime, timedelta

import pytest

from facilitator.rules import telling
from facilitator.rules.telling import BUDGET, ONE_DOOR, STILL_SO, Line, Need, Told, What, lines, now_to_be_told

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
BERLIN = "Europe/Berlin"
QUIET = [What.NOT_DELIVERED, What.CANNOT_READ, What.DRAFT]
MINUTE = timedelta(minutes=1)


def need(what: What, *about: object, at: datetime = NOON, trouble: str | None = None) -> Need:
    return Need(what, about or ("one",), at, trouble)


def said(*needs: Need, at: datetime = NOON) -> Told:
    """These were told then."""
    return Told(frozenset(each.cause(at) for each in needs), {each.code: at for each in needs}, at)


def told(*needs: Need, before: Told | None = None, now: datetime = NOON, zone: str = BERLIN) -> list[What]:
    return [each.what for each in now_to_be_told(needs, before or Told(), now=now, time_zone=zone)]


@pytest.mark.parametrize("what", What)
def test_each_thing_is_told_once(what: What) -> None:
    one = need(what)
    assert told(one) == [what]
    for later in (timedelta(), 2 * BUDGET, timedelta(days=1), timedelta(days=6)):
        assert told(one, before=said(one), now=NOON + later) == []


@pytest.mark.parametrize("what", QUIET)
def test_an_hour_lies_between_two_messages(what: What) -> None:
    before = said(need(What.NOT_DELIVERED, "another"))
    assert told(need(what), before=before, now=NOON + BUDGET - MINUTE) == []
    assert told(need(what), before=before, now=NOON + BUDGET) == [what]


@pytest.mark.parametrize("what", [What.STRANGER, What.STRANGER_BACKSTAGE, What.ROOM])
def test_who_came_uninvited_and_a_room_in_trouble_do_not_wait_for_the_hour_and_take_the_rest_along(what: What) -> None:
    now = NOON + MINUTE
    urgent, waiting = need(what, at=now), need(What.DRAFT)
    assert told(waiting, urgent, before=said(need(What.NOT_DELIVERED)), now=now) == [what, What.DRAFT]


@pytest.mark.parametrize(
    ("zone", "utc", "night"),
    [
        (BERLIN, (20, 59), False), (BERLIN, (21, 0), True), (BERLIN, (6, 59), True), (BERLIN, (7, 0), False),
        ("Asia/Kolkata", (16, 29), False), ("Asia/Kolkata", (16, 30), True), ("Asia/Kolkata", (2, 30), False),
        ("America/New_York", (12, 59), True), ("America/New_York", (13, 0), False),
    ],
)  # fmt: skip
def test_at_night_by_the_groups_own_clocks_only_safety_is_told(zone: str, utc: tuple[int, int], night: bool) -> None:
    now = NOON.replace(hour=utc[0], minute=utc[1])
    everything = [need(what, at=now) for what in What]
    asleep = [What.STRANGER, What.STRANGER_BACKSTAGE]
    assert told(*everything, now=now, zone=zone) == (asleep if night else list(What))


def test_many_through_one_door_are_told_of_once() -> None:
    before = said(need(What.STRANGER, 1))
    later = [need(What.STRANGER, n, at=NOON + n * MINUTE) for n in range(2, 20)]
    through = [each for each in later if each.at <= NOON + ONE_DOOR]
    assert told(*through, before=before, now=NOON + timedelta(hours=3)) == []
    assert len(told(*later, before=before, now=NOON + timedelta(hours=3))) == len(later) - len(through)


def test_a_room_that_stays_in_trouble_is_spoken_of_again_after_a_week_and_another_trouble_at_once() -> None:
    lost, powerless = need(What.ROOM, trouble="room_lost"), need(What.ROOM, trouble="no_power")
    before = said(lost)
    assert told(lost, before=before, now=NOON + STILL_SO - MINUTE) == []
    assert told(lost, before=before, now=NOON + STILL_SO) == [What.ROOM]
    assert told(lost, powerless, before=before, now=NOON + MINUTE) == [What.ROOM]


def test_the_same_cause_has_one_name_for_good_and_different_ones_have_others() -> None:
    every = [need(what, n, trouble=code) for what in What for n in range(3) for code in (None, "room_lost")]
    assert len({each.cause(NOON) for each in every}) == len(every)
    later = NOON + timedelta(days=40)
    lasting = [each for each in every if each.what is not What.ROOM]
    assert [each.cause(NOON) for each in lasting] == [each.cause(later) for each in lasting]


def test_there_is_a_line_for_each_kind_with_how_many_it_is_so_of() -> None:
    needs = [need(What.CANNOT_READ, 1), need(What.CANNOT_READ, 2), need(What.ROOM, trouble="room_lost")]
    assert lines(needs) == (Line(What.CANNOT_READ, 2), Line(What.ROOM, 1, "room_lost"))


def test_the_most_important_comes_first_and_the_oldest_of_its_kind() -> None:
    old, new = need(What.DRAFT, "old", at=NOON - MINUTE), need(What.DRAFT, "new")
    chosen = now_to_be_told([new, old, need(What.STRANGER)], Told(), now=NOON, time_zone=BERLIN)
    assert chosen == (need(What.STRANGER), old, new)


def test_nothing_is_told_where_nothing_is_needed() -> None:
    assert told() == []
    assert telling.lines([]) == ()
