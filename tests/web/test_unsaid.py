"""What the bot could not say in a group's room: told calmly on the group's page, with what to do, and on no other."""

import pytest

from facilitator import outbox, rooms
from facilitator.database import Database
from facilitator.ids import because
from facilitator.outbox import Priority
from tests.clock import TurnedClock
from tests.web.sample import Sample
from tests.web.visitor import Visitor


async def unsaid(database: Database, cast: Sample, clock: TurnedClock, utterance: str, outcome: str | None) -> None:
    async with database.transaction() as db:
        room, act = await rooms.group_room_id(db, cast.settled), because("test", utterance, outcome)
        put = clock.now() - outbox.WAITS_LONG
        await outbox.put(
            db, act, room, utterance=utterance, parameters={"words": "canary"}, priority=Priority.REPLY, now=put
        )
        if outcome is not None:
            await outbox.settle(db, act, outcome, now=clock.now(), why="M_TOO_LARGE")


@pytest.mark.parametrize(
    ("utterance", "outcome", "told"),
    [
        ("reminder", "failed", "Please remind the group yourself this time."),
        ("help", "failed", "If somebody waits for an answer, please write to them."),
        ("reminder", "uncertain", "Please look, and remind the group yourself if it is not there."),
        ("help", "uncertain", "Please look whether somebody still waits for an answer."),
        ("reminder", None, "It is tried again by itself; nothing is lost."),
    ],
)
async def test_what_could_not_be_said_is_told_with_what_to_do(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock, utterance: str, outcome: str, told: str
) -> None:
    assert told not in (await ada.get(f"/groups/{cast.settled}")).words
    await unsaid(database, cast, clock, utterance, outcome)
    page = await ada.get(f"/groups/{cast.settled}")
    assert told in page.words
    assert "canary" not in page.text and "M_TOO_LARGE" not in page.text
    assert told not in (await ada.get(f"/groups/{cast.new}")).words
