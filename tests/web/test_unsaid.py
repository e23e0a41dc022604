"""What the bot could not say in a group's room: told calmly on the group's page, with what to do, and on no other."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from facilitator import rooms
from facilitator.database import Database
from facilitator.database.tables import RoomSighting
from tests.clock import TurnedClock
from tests.web import sample
from tests.web.sample import Sample
from tests.web.visitor import Visitor


async def unsaid(database: Database, cast: Sample, clock: TurnedClock, utterance: str, outcome: str | None) -> None:
    async with database.transaction() as db:
        await sample.unsaid(db, cast.settled, utterance, outcome, now=clock.now())


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


async def test_of_much_that_was_not_said_there_is_one_box_with_each_sentence_once(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    for utterance, outcome in (("reminder", "failed"), ("help", None), ("sessions", None), ("help", "uncertain")):
        await unsaid(database, cast, clock, utterance, outcome)
    page = await ada.get(f"/groups/{cast.settled}")
    room = page.text[page.text.index('id="room"') : page.text.index('id="sessions-title"')]
    assert room.count('class="note"') == 1 and room.count("<li>") == 3
    assert "A reminder from 10 minutes ago could not be posted." in page.words
    assert "2 things the bot has to say are waiting, the first for 10 minutes." in page.words


async def test_one_thing_that_waits_is_told_in_plain_english(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    await unsaid(database, cast, clock, "help", None)
    page = await ada.get(f"/groups/{cast.settled}")
    assert "Something the bot has to say has been waiting for 10 minutes." in page.words


async def test_that_something_waits_is_no_news_while_the_room_is_in_trouble(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    await unsaid(database, cast, clock, "help", None)
    clock.turn(timedelta(minutes=3))  # nobody has heard of the bridge since
    page = await ada.get(f"/groups/{cast.settled}")
    assert "In trouble" in page.words and "waiting" not in page.words


@pytest.mark.parametrize("outcome", ["failed", "uncertain", None])
async def test_a_room_where_something_is_missing_is_not_called_as_it_should_be(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock, outcome: str | None
) -> None:
    assert "as it should be" in (await ada.get(f"/groups/{cast.settled}")).words
    await unsaid(database, cast, clock, "help", outcome)
    page = await ada.get(f"/groups/{cast.settled}")
    assert "as it should be" not in page.words and "The room is there and encrypted." in page.words
    assert "Up to date" not in page.words and "Please look" in page.words


async def made_in_an_old_way(database: Database, cast: Sample) -> None:
    async with database.transaction() as db:
        room = await rooms.group_room_id(db, cast.settled)
        old = update(RoomSighting).where(RoomSighting.room_id == room).values(obstacles=["other_version"])
        await db.execute(old)


async def test_a_better_room_is_a_plain_hint_and_waits_until_all_is_said(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    await made_in_an_old_way(database, cast)
    page = await ada.get(f"/groups/{cast.settled}")
    assert '<p class="hint">This room works, but was made in an old way.' in page.text
    assert "as it should be" not in page.words
    await unsaid(database, cast, clock, "help", "failed")
    assert "old way" not in (await ada.get(f"/groups/{cast.settled}")).words


async def test_a_better_room_is_not_offered_while_this_one_is_in_trouble(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    await made_in_an_old_way(database, cast)
    clock.turn(timedelta(minutes=3))
    page = await ada.get(f"/groups/{cast.settled}")
    assert "In trouble" in page.words and "old way" not in page.words
