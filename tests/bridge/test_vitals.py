"""How the bridge is by its own account: nothing is called ready that is not."""

from datetime import timedelta
from pathlib import Path

import pytest

from bridge.vitals import SYNC_AT_MOST, Vitals
from tests.clock import TurnedClock


@pytest.fixture
def vitals(clock: TurnedClock) -> Vitals:
    return Vitals(clock)


def running(vitals: Vitals) -> Vitals:
    vitals.starting, vitals.signed = None, True
    vitals.passed_now("listener")
    return vitals


def test_a_bridge_that_has_just_been_made_is_not_ready(vitals: Vitals) -> None:
    assert vitals.not_ready() == ["starting"]
    assert not vitals.hears()


@pytest.mark.parametrize("why", ["starting", "homeserver_unreachable", "stopping"])
def test_while_it_does_not_run_that_is_all_it_says(vitals: Vitals, why: str) -> None:
    vitals.starting = why
    assert vitals.not_ready() == [why]


def test_it_is_ready_when_it_runs_hears_and_its_device_is_signed(vitals: Vitals) -> None:
    assert running(vitals).not_ready() == []


def test_a_device_nobody_signed_is_told(vitals: Vitals) -> None:
    running(vitals).signed = False
    assert vitals.not_ready() == ["device_not_signed"]


def test_a_bridge_that_never_heard_or_no_longer_hears_says_so(vitals: Vitals, clock: TurnedClock) -> None:
    vitals.starting, vitals.signed = None, True
    assert vitals.not_ready() == ["no_sync"]
    vitals.passed_now("listener")
    clock.turn(SYNC_AT_MOST - timedelta(milliseconds=1))
    assert vitals.not_ready() == []
    clock.turn(timedelta(milliseconds=1))
    assert vitals.not_ready() == ["no_sync"]
    vitals.signed = False
    assert vitals.not_ready() == ["device_not_signed", "no_sync"]


def test_only_the_listener_hears(vitals: Vitals) -> None:
    for loop in ("reconciler", "sender", "timer"):
        vitals.passed_now(loop)
    assert not vitals.hears()
    assert not vitals.heard.is_set()


def test_hearing_after_a_silence_is_told_and_going_on_hearing_is_not(vitals: Vitals, clock: TurnedClock) -> None:
    vitals.passed_now("listener")
    assert vitals.heard.is_set()
    vitals.heard.clear()
    vitals.passed_now("listener")
    assert not vitals.heard.is_set()
    clock.turn(SYNC_AT_MOST)
    vitals.passed_now("listener")
    assert vitals.heard.is_set()


def test_a_loop_that_never_passed_has_been_silent_for_ever(vitals: Vitals, clock: TurnedClock) -> None:
    assert vitals.silent_for("sender") == timedelta.max
    vitals.passed_now("sender")
    clock.turn(timedelta(minutes=3))
    assert vitals.silent_for("sender") == timedelta(minutes=3)


def test_the_loss_of_the_bridges_key_is_noticed_while_it_may_still_be_put_back(
    clock: TurnedClock, tmp_path: Path
) -> None:
    key = tmp_path / "bridge.key"
    key.touch()
    vitals = Vitals(clock, starting=None, signed=True, key_file=key)
    vitals.passed_now("listener")
    assert vitals.not_ready() == []
    key.unlink()
    assert vitals.not_ready() == ["bridge_key_missing"]
