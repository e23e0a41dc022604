"""What was learned of the homeserver's pace outlives the process."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from bridge import pacing
from bridge.matrix.homeserver import NotYet
from bridge.matrix.pace import Pace
from facilitator import bots
from facilitator.database import Database, Unavailable
from facilitator.ids import BotId
from tests import cast
from tests.bridge.matrix.rush import asking
from tests.clock import TurnedClock


@pytest.fixture
async def bot(database: Database, clock: TurnedClock) -> BotId:
    async with database.transaction() as db:
        return (await bots.enrol(db, user_id=cast.BOT, homeserver="http://test", now=clock.now())).id


def limited(clock: TurnedClock) -> Pace:
    pace = Pace(clock)
    pace.refused(pace.admit(asking("create", "maple")), timedelta(seconds=60))
    return pace


async def test_a_bridge_that_starts_again_goes_on_waiting(database: Database, bot: BotId, clock: TurnedClock) -> None:
    await pacing.write_down(database, bot, limited(clock), now=clock.now())
    clock.turn(timedelta(seconds=20))
    pace = Pace(clock)
    await pacing.recall(database, bot, pace, now=clock.now())
    with pytest.raises(NotYet) as later:
        pace.admit(asking("create", "maple"))
    assert later.value.after == pytest.approx(timedelta(seconds=40), abs=timedelta(seconds=1))
    pace.admit(asking("send", "a word"))


async def test_it_is_written_down_now_and_then_and_at_the_end(
    database: Database, bot: BotId, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace = limited(clock)
    keeping = asyncio.ensure_future(pacing.keep(database, bot, pace, clock))
    await clock.somebody_sleeps()
    with monkeypatch.context() as patched:
        patched.setattr("facilitator.pace.keep", busy)
        clock.turn(pacing.EVERY)
        await clock.somebody_sleeps()
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping
    again = Pace(clock)
    await pacing.recall(database, bot, again, now=clock.now())
    assert [each.kind for each in again.learned()] == ["create"]


async def busy(*_: object, **__: object) -> None:
    raise Unavailable("busy")
