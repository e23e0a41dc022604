"""From what happened to a key to how somebody stands, and when to ask again."""

from datetime import timedelta

import pytest

from facilitator.rules import reach
from facilitator.rules.reach import Facts, Health, Reach, Sighting
from tests.clock import MONDAY_NOON as NOW

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
GIVEN, REFUSED, UNREACHED = Reach(given=1), Reach(refused=1), Reach(unreached=1)
SILENT = Reach(answered=False)


@pytest.mark.parametrize(
    ("found", "health"),
    [
        (Reach(given=2), Health.READS),
        (Reach(given=1, answered=False), Health.READS),
        (Reach(given=1, refused=1), Health.SOME_UNSIGNED),
        (Reach(given=1, refused=1, unreached=1), Health.SOME_UNSIGNED),
        (Reach(given=1, unreached=1), Health.SOME_UNREACHED),
        (Reach(refused=2), Health.ONLY_UNSIGNED),
        (Reach(refused=2, unreached=1), Health.UNREACHED),
        (Reach(unreached=1), Health.UNREACHED),
        (Reach(), Health.NO_DEVICES),
        (SILENT, Health.SERVER_SILENT),
        (Reach(refused=1, answered=False), Health.SERVER_SILENT),
    ],
)
def test_what_became_of_a_key_says_how_somebody_stands(found: Reach, health: Health) -> None:
    assert reach.of_reach(found) is health


def test_a_state_keeps_its_beginning_as_long_as_it_lasts() -> None:
    first = reach.seen(None, REFUSED, now=NOW)
    later = reach.seen(first, REFUSED, now=NOW + HOUR)
    assert (first.since, later.since) == (NOW, NOW)
    well = reach.seen(later, GIVEN, now=NOW + DAY)
    assert (well.health, well.since) == (Health.READS, NOW + DAY)


@pytest.mark.parametrize(("found", "asks"), [(GIVEN, False), (Reach(), False), (SILENT, True), (UNREACHED, True)])
def test_only_what_may_mend_itself_is_asked_about_without_being_told(found: Reach, asks: bool) -> None:
    assert (reach.seen(None, found, now=NOW).next_check is not None) is asks


def test_a_server_that_stays_silent_is_asked_ever_more_rarely_and_never_not_at_all() -> None:
    kept, now, waits = reach.seen(None, SILENT, now=NOW), NOW, []
    for _ in range(30):
        assert kept.next_check is not None
        waits.append(kept.next_check - now)
        now = kept.next_check
        kept = reach.seen(Sighting(kept.health, kept.since), SILENT, now=now)
    assert (waits[0], waits[-1]) == (5 * MINUTE, HOUR)
    assert waits == sorted(waits)


def test_who_signs_in_has_a_while_to_confirm_the_device_before_anything_is_said() -> None:
    fresh = reach.seen(None, Reach(given=1, refused=1), now=NOW)
    assert fresh.next_check == NOW + reach.SETTLES
    assert not reach.to_be_told(fresh, now=NOW)
    settled = reach.seen(Sighting(fresh.health, fresh.since), Reach(given=1, refused=1), now=NOW + reach.SETTLES)
    assert reach.to_be_told(settled, now=NOW + reach.SETTLES)
    assert settled.next_check is None
    assert not reach.to_be_told(Sighting(Health.NO_DEVICES, NOW), now=NOW + DAY)


def test_being_well_for_days_is_remembered_when_it_ends_and_a_moment_of_it_is_not() -> None:
    well = Sighting("reads", NOW)
    assert reach.seen(well, REFUSED, now=NOW + 2 * DAY).well_until is None
    ended = reach.seen(well, REFUSED, now=NOW + 3 * DAY)
    assert ended.well_until == NOW + 3 * DAY
    again = reach.seen(reach.seen(ended, GIVEN, now=NOW + 4 * DAY), REFUSED, now=NOW + 5 * DAY)
    assert again.well_until == NOW + 3 * DAY


def test_a_check_asked_for_meanwhile_stays_due() -> None:
    asked = Sighting("reads", NOW, next_check=NOW + MINUTE)
    assert reach.seen(asked, GIVEN, now=NOW + MINUTE).next_check == NOW + MINUTE
    assert reach.seen(asked, GIVEN, now=NOW).next_check is None, "that is only how long a claim lasts"


def test_what_was_not_answered_in_passing_says_nothing_yet() -> None:
    reads, silent = Sighting("reads", NOW), reach.seen(None, SILENT, now=NOW)
    assert reach.seen_in_passing(reads, GIVEN, now=NOW + MINUTE) == reads
    assert reach.seen_in_passing(reads, REFUSED, now=NOW + MINUTE).health == Health.ONLY_UNSIGNED
    for unsure in (SILENT, Reach(given=1, unreached=1)):
        assert reach.seen_in_passing(reads, unsure, now=NOW + MINUTE) == Sighting("reads", NOW, None, NOW + MINUTE)
        assert reach.seen_in_passing(silent, unsure, now=NOW + MINUTE) == silent
    assert reach.seen_in_passing(None, SILENT, now=NOW) == Sighting("unknown", NOW, None, NOW)


LONG_AGO = NOW - 2 * DAY


@pytest.mark.parametrize(
    ("facts", "health"),
    [
        (Facts("reads", LONG_AGO), Health.READS),
        (Facts("reads", LONG_AGO, unread_since=LONG_AGO), Health.NOT_READ),
        (Facts("reads", LONG_AGO, unread_since=NOW - MINUTE), Health.READS),
        (Facts("some_unsigned", LONG_AGO, unread_since=LONG_AGO), Health.NOT_READ),
        (Facts("some_unsigned", LONG_AGO), Health.SOME_UNSIGNED),
        (Facts("reads", LONG_AGO, unread_since=LONG_AGO, identity_changed=LONG_AGO), Health.IDENTITY_CHANGED),
        (Facts("reads", LONG_AGO, identity_changed=NOW - 14 * DAY), Health.READS),
        (Facts("only_unsigned", LONG_AGO, unread_since=LONG_AGO, identity_changed=LONG_AGO), Health.ONLY_UNSIGNED),
        (Facts("unknown", NOW, identity_changed=LONG_AGO), Health.IDENTITY_CHANGED),
    ],
)
def test_of_several_things_the_one_is_said_that_cannot_wait(facts: Facts, health: Health) -> None:
    assert reach.standing(facts, now=NOW)[0] is health


def test_since_when_goes_with_what_is_said() -> None:
    facts = Facts("reads", NOW - 9 * DAY, unread_since=NOW - HOUR)
    assert reach.standing(facts, now=NOW) == (Health.NOT_READ, NOW - HOUR)
