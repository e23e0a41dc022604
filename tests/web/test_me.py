"""One's own account: name, language, city, the Matrix ID by a code, and signing out everywhere else."""

import re

from facilitator import claims
from facilitator.claims import Outcome
from facilitator.database import Database
from facilitator.database.wakeup import Bell
from facilitator.ids import UserId
from tests.clock import TurnedClock
from tests.web.conftest import SignIn, rang
from tests.web.sample import ADA, DAN, Sample
from tests.web.visitor import Visitor

NEW = UserId("@ada.new:chat.test")


async def test_what_one_changes_is_what_every_page_shows(ada: Visitor, cast: Sample) -> None:
    answer = await ada.post("/me", {"name": "Ada Lou", "language": "de", "time_zone": "lisbon"})
    assert answer.status == 303
    page = await ada.get(answer.location)
    assert 'lang="de"' in page.text and 'value="Ada Lou"' in page.text and "Lissabon" in page.text
    answer = await ada.post("/me", {"name": "Ada", "language": "", "time_zone": ""})
    assert 'lang="en"' in (await ada.get(answer.location)).text


async def test_what_cannot_be_used_is_explained_and_stays(ada: Visitor, cast: Sample) -> None:
    for wrong, sentence in (
        ({"name": ""}, "Please fill this in."), ({"name": "x" * 81}, "1 to 80 letters"),
        ({"language": "tlh"}, "Choose your language from the list."),
        ({"time_zone": "Atlantis"}, "do not know this city"),
    ):  # fmt: skip
        page = await ada.post("/me", {"name": "Ada", "language": "", "time_zone": "", **wrong})
        assert page.status == 422 and sentence in page.words


async def test_everywhere_else_is_signed_out(ada: Visitor, cast: Sample, signed_in: SignIn) -> None:
    there = await signed_in(cast.ada)
    page = await ada.get("/me")
    assert page.words.count("Firefox") == 2 and page.words.count("This browser") == 1
    answer = await ada.post("/me/sign-ins")
    page = await ada.get(answer.location)
    assert "You are signed out everywhere else." in page.words and page.words.count("Firefox") == 1
    assert (await there.get("/me")).status == 401


async def test_a_code_is_shown_once_and_the_page_says_which_end_is_missing(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock, bell: Bell
) -> None:
    assert ADA in (await ada.get("/me")).words
    page = await ada.post("/me/matrix-id", {"matrix_id": NEW})
    found = re.search(r">([a-z]{5}-[a-z]{5})</code>", page.text)
    assert page.status == 200 and found and await rang(bell)
    assert f"Send the same code to the bot from {ADA} as well." in page.words
    page = await ada.get("/me/matrix-id")
    assert found[1] not in page.text and page.words.count("Still to send it") == 2
    for person, outcome in ((NEW, Outcome.WAITING_FOR_OTHER), (ADA, Outcome.PROVEN)):
        async with database.transaction() as db:
            assert await claims.said(db, person=person, code=found[1], now=clock.now()) is outcome
        if outcome is not Outcome.PROVEN:
            page = await ada.get("/me/matrix-id")
            assert "Has sent the code" in page.words and "Still to send it" in page.words
    assert NEW in (await ada.get("/me")).words


async def test_a_code_can_be_given_up(ada: Visitor, cast: Sample) -> None:
    await ada.post("/me/matrix-id", {"matrix_id": NEW})
    assert "A code is waiting" in (await ada.get("/me")).words
    answer = await ada.post("/me/matrix-id/drop")
    page = await ada.get(answer.location)
    assert "The code does not count any more." in page.words and "A code is waiting" not in page.words


async def test_an_id_that_cannot_be_ones_own_is_refused(ada: Visitor, cast: Sample) -> None:
    for wrong, sentence in ((DAN, "Another account"), (ADA, "your Matrix ID already"), ("", "Please fill this in.")):
        page = await ada.post("/me/matrix-id", {"matrix_id": wrong})
        assert page.status == 422 and sentence in page.words
