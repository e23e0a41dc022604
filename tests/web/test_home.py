"""Home: what needs whoever is signed in today, each with its one next step, then their groups."""

from datetime import timedelta

import pytest

from facilitator import groups, people, sightings
from facilitator.database import Database
from facilitator.ids import AccountId, new_id
from tests.clock import TurnedClock
from tests.web import sample
from tests.web.conftest import SignIn
from tests.web.sample import Sample
from tests.web.visitor import Visitor


async def test_it_says_what_needs_somebody_and_leads_there(ada: Visitor, cast: Sample) -> None:
    page = await ada.get("/home")
    assert "Next sessions Maple room : Tuesday, 3 November 2026, 19:00, Berlin time" in page.words
    for sentence, link in (
        ("Willow room The chat server does not answer just now.", f"/groups/{cast.troubled}#room"),
        ("Maple room 3 invitations could not be delivered.", f"/groups/{cast.settled}#members"),
    ):
        assert sentence in page.words and f'href="{link}"' in page.text
    assert "Nothing needs you today." not in page.words and "Your groups" in page.words and "Harbour room" in page.words


async def test_where_nothing_needs_anybody_it_is_calm(
    dan: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    page = await dan.get("/home")
    assert "You have no group yet." in page.words and "What needs you" not in page.words
    async with database.transaction() as db:
        await sample.open_group(db, cast.dan, "Cedar room", clock.now())
    page = await dan.get("/home")
    assert "Nothing needs you today." in page.words and "Cedar room" in page.words
    for anothers in ("Maple", "Willow", "chat.test"):
        assert anothers not in page.text


async def test_a_draft_asks_for_a_second_facilitator(
    dan: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    async with database.transaction() as db:
        group = await groups.start(
            db, by=cast.dan, name="Cedar room", purpose="x", language="en", time_zone="UTC", now=clock.now()
        )
    page = await dan.get("/home")
    assert "Cedar room This draft waits for a second facilitator." in page.words
    assert f'href="/groups/{group}/facilitators"' in page.text


async def test_ones_own_matrix_id_and_a_crisis_line_too_old_are_told_of(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock, signed_in: SignIn
) -> None:
    yan = AccountId(new_id())
    async with database.transaction() as db:
        matrix_id, now = "", clock.now()
        await people.add(db, by=cast.ada, account_id=yan, name="Yan", role="facilitator", matrix_id=matrix_id, now=now)
    page = await (await signed_in(yan)).get("/home")
    assert "Your Matrix ID It is not linked yet" in page.words and 'href="/me/matrix-id"' in page.text
    assert "Your Matrix ID" not in (await ada.get("/home")).words
    clock.turn(timedelta(days=400))
    page = await (await signed_in(cast.ada)).get("/home")
    assert "No crisis line was checked within the last year." in page.words
    assert "No crisis line" not in (await (await signed_in(yan)).get("/home")).words


async def test_a_trouble_of_the_whole_house_is_said_once(ada: Visitor, clock: TurnedClock) -> None:
    clock.turn(timedelta(minutes=3))
    page = await ada.get("/home")
    assert page.words.count("The program that looks after the rooms is not running.") == 1
    assert "Nothing needs you today." not in page.words


async def test_whoever_comes_in_lands_there(ada: Visitor) -> None:
    page = await ada.get("/")
    assert (page.status, page.location) == (303, "/home")


@pytest.mark.parametrize("path", ["/home", "/numbers"])
async def test_it_asks_as_much_with_three_groups_as_with_sixty(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock, path: str
) -> None:
    counts = []
    for more in (0, 57):
        async with database.transaction() as db:
            for each in range(more):
                group = await sample.open_group(db, cast.ada, f"Room {each}", clock.now())
                if each < 5:
                    await sample.invite_everybody(db, cast.ada, group, clock.now() - timedelta(days=4))
            for loop in ("bridge", "homeserver"):
                await sightings.beat(db, loop, now=clock.now())
        await ada.get("/numbers")  # what is counted once is not counted again
        before = database.statements
        assert (await ada.get(path)).status == 200
        counts.append(database.statements - before)
    assert max(counts) <= 15 and (path == "/numbers" or counts[0] == counts[1])
