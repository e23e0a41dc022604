"""The homeserver's limits are learned from its refusals; what is urgent goes first; nothing is slow for ever."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from bridge.matrix.homeserver import NotYet, Urgency
from bridge.matrix.line import Request
from bridge.matrix.pace import MESSAGE, UNSAID, Learned, Pace
from tests.bridge.matrix.rush import BOT, Rush, asking
from tests.clock import TurnedClock
from tests.fake_limits import Limits

GROUPS, PEOPLE = 20, 9
OFTEN = "@often:test"
IN_MANY = 7


def provisioning(clock: TurnedClock, *, times: float = 1.0, groups: int = GROUPS, seed: int = 1) -> Rush:
    """Groups that come to be: a room each, its people asked in, a reminder said."""
    rush = Rush(clock, Limits(clock, times), chance=random.Random(seed))
    for group in range(groups):
        people = [OFTEN if n == 0 and group < IN_MANY else f"@p{group}-{n}:test" for n in range(PEOPLE)]
        invitations = [asking("invite", f"{group} {n}", person=person) for n, person in enumerate(people)]
        reminder = asking("send", f"reminder {group}", urgency=Urgency.REMINDER)
        rush.after[f"create {group}"] = [*invitations, reminder]
        rush.add(asking("create", str(group)))
    return rush


def of_kind(rush: Rush, kind: str) -> list[float]:
    return [at for key, at in rush.went.items() if key.startswith(kind)]


# ------------------------------------------------------------------------------------------- the server's rhythm


@pytest.mark.parametrize("seed", range(3))
def test_twenty_groups_come_to_be_at_the_homeservers_rhythm_with_few_refusals(clock: TurnedClock, seed: int) -> None:
    rush = provisioning(clock, seed=seed)
    rush.run()
    assert len(rush.went) == GROUPS * (PEOPLE + 2)
    assert rush.limits.refusals < 0.16 * rush.asked, "most of them at the very beginning, under way side by side"
    at_best = (GROUPS * (PEOPLE + 2) - 10) * 5
    most = sorted(rush.went.values())[:-IN_MANY]
    assert most[-1] < at_best * 1.3, "all but those whom the homeserver lets us ask only every five minutes"


def test_once_the_rhythm_is_known_there_is_hardly_a_refusal(clock: TurnedClock) -> None:
    rush = provisioning(clock, groups=60)
    rush.run(until=600)
    before, asked = rush.limits.refusals, rush.asked
    rush.run(until=4000)
    assert rush.asked - asked > 400
    assert rush.limits.refusals - before < 0.06 * (rush.asked - asked)
    known = {each.kind: each for each in rush.pace.learned()}
    assert known[MESSAGE].every == pytest.approx(timedelta(seconds=5), rel=0.1)


def test_before_the_first_refusal_nothing_is_held_back(clock: TurnedClock) -> None:
    rush = provisioning(clock)
    rush.limits.exempt = True
    rush.run()
    assert (len(rush.went), sum(rush.not_yet.values())) == (GROUPS * (PEOPLE + 2), 0)
    assert rush.pace.learned() == []


def test_when_the_limits_are_lifted_the_old_slowness_fades(clock: TurnedClock) -> None:
    rush = provisioning(clock, groups=60)
    rush.run(until=300)
    assert rush.pace.learned()
    rush.limits.exempt = True
    refused = rush.limits.refusals
    rush.run()
    assert rush.limits.refusals == refused
    assert max(rush.went.values()) < 1200, "an hour at the old pace"
    assert rush.pace.learned() == []


def test_a_limit_that_was_not_met_for_a_day_is_not_believed_in(clock: TurnedClock) -> None:
    rush = provisioning(clock)
    rush.run()
    assert rush.pace.learned()
    clock.turn(timedelta(hours=25))
    assert rush.pace.learned() == []


def test_after_a_restart_the_homeserver_is_not_pressed_anew(clock: TurnedClock) -> None:
    rush = provisioning(clock)
    rush.run(until=200)
    before = rush.limits.refusals
    for crash in range(1, 6):
        learned = rush.pace.learned()
        rush.pace = Pace(clock)
        rush.pace.recall(learned)
        rush.run(until=200 + crash * 20)
    assert rush.limits.refusals - before <= 3, "five crashes in a row"


# ------------------------------------------------------------------------------------------- who goes first


def test_a_call_for_help_waits_for_nothing_while_all_the_rest_does(clock: TurnedClock) -> None:
    rush = provisioning(clock)
    called = {f"help {n}": 150.0 + 40 * n for n in range(15)}
    for name, at in called.items():
        rush.add(asking("send", name, urgency=Urgency.HELP), at=at)
    rush.run()
    waited = [rush.went[f"send {name}"] - at for name, at in called.items()]
    assert max(waited) < 6, waited
    assert sorted(waited)[len(waited) // 2] < 1, waited


def test_some_of_what_is_left_is_held_back_for_words_that_are_urgent(clock: TurnedClock) -> None:
    pace = Pace(clock)
    pace.recall([Learned(MESSAGE, timedelta(seconds=5), 10, timedelta(seconds=-21), timedelta())])  # five are there
    routine = [waits(pace, asking("state", f"{n}", urgency=Urgency.UPKEEP)) for n in range(5)]
    assert [wait > 0 for wait in routine] == [False, False, False, True, True]
    assert [waits(pace, asking("send", f"{n}", urgency=Urgency.HELP)) for n in range(2)] == [0, 0]


def test_reminders_go_before_rooms_that_are_to_be_made(clock: TurnedClock) -> None:
    rush = provisioning(clock)
    rush.run(until=100)
    for n in range(10):
        rush.add(asking("send", f"due {n}", urgency=Urgency.REMINDER))
    rush.run()
    assert max(of_kind(rush, "send due")) < 100 + 90


def test_of_reminders_the_one_that_expires_first_goes_first(clock: TurnedClock) -> None:
    pace, limits = Pace(clock), Limits(clock)
    use_up(pace, limits)
    expires = {hour: datetime(2026, 11, 3, hour, tzinfo=UTC) for hour in (9, 3, 6, 1)}
    waiting = [
        Request("send", f"reminder {hour}", Urgency.REMINDER, not_after=moment) for hour, moment in expires.items()
    ]
    went: list[str] = []
    for _ in range(200):
        for request in [r for r in waiting if r.key not in went]:
            if may(pace, limits, request):
                went.append(request.key)
        clock.turn(timedelta(seconds=1))
    assert went == [f"reminder {hour}" for hour in (1, 3, 6, 9)]


def test_a_flood_of_replies_does_not_keep_everything_else_waiting_for_ever(clock: TurnedClock) -> None:
    rush = provisioning(clock, groups=2)
    for n in range(900):
        rush.add(asking("send", f"reply {n}", urgency=Urgency.REPLY), at=30.0 + n)
    rush.run(until=900)
    others = [at for key, at in rush.went.items() if "reply" not in key and at > 100]
    assert len(others) >= 5
    assert len(of_kind(rush, "send reply")) > 100, "and the replies go on"


def test_whoever_waits_is_told_when_to_come_back_not_to_press(clock: TurnedClock) -> None:
    rush = provisioning(clock)
    rush.run()
    assert sum(rush.not_yet.values()) < 5 * len(rush.went)


# ------------------------------------------------------------------------------------------- whose limit it is


def use_up(pace: Pace, limits: Limits, kind: str = "send") -> None:
    while may(pace, limits, asking(kind, f"used {random.random()}")):
        pass


def may(pace: Pace, limits: Limits, request: Request) -> bool:
    """Ask once; whether it went through."""
    try:
        granted = pace.admit(request)
    except NotYet:
        return False
    wait = limits.wait({"kick": "remove", "state": "set_state"}.get(request.kind, request.kind), BOT, request.person)
    if wait is None:
        pace.went(granted)
    else:
        pace.refused(granted, wait)
    return wait is None


def refuse(pace: Pace, request: Request, seconds: float) -> None:
    pace.refused(pace.admit(request), timedelta(seconds=seconds))


def waits(pace: Pace, request: Request) -> float:
    try:
        pace.admit(request)
    except NotYet as later:
        return later.after.total_seconds()
    return 0.0


def test_somebody_who_was_asked_too_often_holds_up_nobody_else(clock: TurnedClock) -> None:
    pace = Pace(clock)
    refuse(pace, asking("invite", "often here", person=OFTEN), 333)
    assert waits(pace, asking("invite", "often there", person=OFTEN)) == pytest.approx(333)
    assert waits(pace, asking("invite", "ben", person="@ben:test")) == 0


def test_when_another_persons_invitation_is_refused_until_the_same_moment_it_is_not_the_persons_limit(
    clock: TurnedClock,
) -> None:
    pace = Pace(clock)
    refuse(pace, asking("invite", "ada", person="@ada:test"), 3)
    refuse(pace, asking("invite", "ben", person="@ben:test"), 3)
    assert waits(pace, asking("invite", "cleo", person="@cleo:test")) == pytest.approx(3, abs=0.1)
    assert waits(pace, asking("send", "a word")) == 0


def test_when_no_room_may_be_made_everything_else_goes_on(clock: TurnedClock) -> None:
    pace = Pace(clock)
    refuse(pace, asking("create", "maple"), 61)
    assert waits(pace, asking("create", "cedar")) == pytest.approx(61, abs=0.1)
    assert waits(pace, asking("send", "a word")) == 0
    assert waits(pace, asking("invite", "ben", person="@ben:test")) == 0


def test_what_is_refused_with_different_kinds_until_the_same_moment_is_shared_by_all(clock: TurnedClock) -> None:
    pace = Pace(clock)
    refuse(pace, asking("create", "maple"), 4)
    refuse(pace, asking("invite", "ben", person="@ben:test"), 4)
    for request in (asking("send", "a word"), asking("state", "name", urgency=Urgency.UPKEEP), asking("kick", "eve")):
        assert waits(pace, request) >= 3.9


def test_with_the_shared_limit_known_a_longer_wait_is_the_narrower_ones(clock: TurnedClock) -> None:
    pace = Pace(clock)
    refuse(pace, asking("send", "a word"), 5)
    clock.turn(timedelta(seconds=20))
    refuse(pace, asking("create", "maple"), 61)
    assert waits(pace, asking("send", "another", urgency=Urgency.HELP)) == 0
    assert waits(pace, asking("create", "cedar")) > 50


@pytest.mark.parametrize("kind", ["get", "keys", "login", "sync"])
def test_a_kind_by_itself_waits_as_long_as_it_was_told_and_is_free_again(clock: TurnedClock, kind: str) -> None:
    pace = Pace(clock)
    refuse(pace, Request(kind, "x", Urgency.UPKEEP), 90)
    assert waits(pace, Request(kind, "y", Urgency.UPKEEP)) == pytest.approx(90)
    assert waits(pace, asking("send", "a word")) == 0
    clock.turn(timedelta(seconds=91))
    assert waits(pace, Request(kind, "z", Urgency.UPKEEP)) == 0
    assert pace.learned() == []


@pytest.mark.parametrize("said", [None, timedelta(0), timedelta(seconds=-5), timedelta(days=400)])
def test_a_wait_that_makes_no_sense_is_ours_instead(clock: TurnedClock, said: timedelta | None) -> None:
    pace = Pace(clock)
    assert pace.refused(pace.admit(asking("send", "x")), said) == UNSAID


# ------------------------------------------------------------------------------------------- bounds


def test_whoever_waits_and_whoever_is_held_are_so_many_at_most(
    clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.matrix.pace.HELD_AT_MOST", 50)
    monkeypatch.setattr("bridge.matrix.line.AT_MOST", 50)
    pace = Pace(clock)
    for n in range(60):
        pace._hold(f"person @p{n}:test", 1.0 + n)
    assert len(pace._held) == 50
    refuse(pace, asking("send", "first"), 5)
    for n in range(60):
        waits(pace, asking("send", f"{n}"))
    assert len(pace._line._places) == 50
