"""Pictures of how groups went: with a table each, in words where there are too few, and nothing about anybody."""

from datetime import timedelta

from facilitator import members, rooms
from facilitator.database import Database
from facilitator.ids import UserId
from tests.clock import TurnedClock
from tests.web import sample
from tests.web.sample import Sample
from tests.web.visitor import Visitor


async def joined(database: Database, cast: Sample, clock: TurnedClock, number: int) -> None:
    async with database.transaction() as db:
        room = await rooms.group_room_id(db, cast.new)
        for each in range(number):
            person = UserId(f"@p{each}:chat.test")
            await members.invite(db, by=cast.ada, group_id=cast.new, matrix_id=person, now=clock.now())
            await members.joined(db, cast.new, room, person, now=clock.now())


async def again(visitor: Visitor, cast: Sample, database: Database, clock: TurnedClock) -> Visitor:
    """Forty days later, signed in anew."""
    cookie, form_token = await sample.sign_in(database, cast.ada, clock.turn(timedelta(days=40)))
    return Visitor(visitor.session, visitor.base, cookie, form_token)


async def test_too_few_are_said_to_be_too_few(
    visitor: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    await joined(database, cast, clock, 9)
    ada = await again(visitor, cast, database, clock)
    page = await ada.get(f"/groups/{cast.new}/numbers")
    assert "Too few to show." in page.words and "In the room too few to show" in page.words
    assert "9" not in page.words.partition("Invitations")[2].partition("How this")[0]


async def test_a_picture_has_a_title_words_and_a_table(
    visitor: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    await joined(database, cast, clock, 12)
    ada = await again(visitor, cast, database, clock)
    page = await ada.get(f"/groups/{cast.new}/numbers")
    assert page.text.count("<svg") == page.text.count("<title id=") == page.text.count("<desc") == 3
    assert page.text.count("<table") == 3 and "November 2026 10 or more" in page.words
    assert "October 2026 –" in page.words and 'style="' not in page.text
    assert "12 or more" not in page.words and "chat.test" not in page.text
    sessions = await ada.get(f"/groups/{cast.settled}/numbers")
    assert "November 2026 4" in sessions.words
    together = await ada.get("/numbers")
    assert "3 groups, all that you run." in together.words and "November 2026 10 or more" in together.words


async def test_they_are_only_for_whoever_runs_the_group(dan: Visitor, cast: Sample) -> None:
    assert (await dan.get(f"/groups/{cast.settled}/numbers")).status == 404
    page = await dan.get("/numbers")
    assert page.status == 200 and "You have no group yet." in page.words
