"""Keys are with everybody some minutes before a reminder falls due: the reminder itself is one request."""

from datetime import timedelta

import pytest

from bridge.warming import LEAD
from facilitator.ids import GroupId
from tests.cast import BEN
from tests.clock import TurnedClock
from tests.fake_weather import dead_line
from tests.journeys.running import Running

SECOND = timedelta(seconds=1)
DUE = timedelta(days=1, hours=7)
"""From the Monday noon it is until the reminder of Wednesday's session."""


@pytest.fixture
async def group(running: Running) -> GroupId:
    """A session in two days; nothing was said in its room for so long that its key is worn out."""
    group = await running.open_group(zone="UTC")
    await running.invite(group, BEN)
    await running.settle()
    await running.person(BEN).join(await running.matrix_room(group))
    await running.schedule(group, weekday=2, at="19:00", zone="UTC")
    await running.settle()
    running.person(BEN).device.post.clear()
    running.client.device.sessions.clear()
    return group


def keys(running: Running) -> int:
    return len(running.person(BEN).device.post)


async def test_a_few_minutes_before_a_reminder_its_key_goes_out_once_and_not_earlier(
    running: Running, clock: TurnedClock, group: GroupId
) -> None:
    due, room = clock.now() + DUE, await running.matrix_room(group)
    clock.turn_to(due - LEAD - SECOND)
    await running.settle()
    said, asked = len(running.said(room)), running.server.weather.calls["share_soon"]
    assert keys(running) == 0
    clock.turn_to(due - LEAD)
    await running.settle()
    await running.settle()
    assert (keys(running), running.server.weather.calls["share_soon"]) == (1, asked + 1)
    clock.turn_to(due)
    await running.settle()
    assert len(running.said(room)) == said + 1
    assert keys(running) == 1


async def test_a_homeserver_that_fails_then_costs_the_reminder_nothing(
    running: Running, clock: TurnedClock, group: GroupId
) -> None:
    due = clock.now() + DUE
    running.server.weather.strike(dead_line(), on="share_soon")
    clock.turn_to(due - LEAD)
    await running.settle()
    assert keys(running) == 0
    clock.turn_to(due)
    await running.settle()
    assert keys(running) == 1
