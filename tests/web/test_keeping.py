"""Nothing typed is lost when a sign-in ends: it is kept for its owner alone, and comes back filled in, not sent."""

import sqlite3
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from facilitator import accounts, kept_forms, pruning
from facilitator.database import Database
from facilitator.ids import AccountId
from tests.clock import TurnedClock
from tests.web import every_form, gallery, sample
from tests.web.every_form import TYPED_INTO, forms_in
from tests.web.every_page import address, every_view
from tests.web.sample import Sample
from tests.web.test_lives import CLOSE
from tests.web.visitor import Page, Visitor

TYPED = {"name": "Cedar room", "purpose": '"Talking"\nby the <fire>', "language": "en", "time_zone": "Berlin"}
HALF_AN_HOUR = timedelta(minutes=31)
Comes = Callable[[AccountId], Awaitable[tuple[Visitor, Page]]]


@pytest.fixture
def comes(visitor: Visitor, database: Database, clock: TurnedClock) -> Comes:
    """Signs in by a fresh link in another browser, and is led on."""

    async def come(account: AccountId) -> tuple[Visitor, Page]:
        async with database.transaction() as db:
            link = await accounts.issue_link(db, account, now=clock.now())
        other = Visitor(visitor.session, visitor.base)
        answer = await other.post(f"/sign-in/{link}")
        assert answer.status == 303
        return other, await other.get(answer.location)

    return come


async def kept_of(database: Database, account: AccountId, clock: TurnedClock) -> str | None:
    async with database.reading() as db:
        return await kept_forms.latest_page(db, account_id=account, now=clock.now())


def filled_in(page: Page) -> bool:
    return 'value="Cedar room"' in page.text and "&#34;Talking&#34;\nby the &lt;fire&gt;</textarea>" in page.text


async def test_a_sign_in_that_ends_while_a_form_is_open_loses_nothing(
    ada: Visitor, cast: Sample, clock: TurnedClock, comes: Comes, database: Database
) -> None:
    await ada.get("/groups/new")
    clock.turn(HALF_AN_HOUR)
    page = await ada.post("/groups/new", TYPED)
    assert page.status == 401
    assert "You were signed out. What you typed is kept. Sign in again to go on." in page.words
    back, form = await comes(cast.ada)
    assert filled_in(form) and "It was not sent. Please look it over, then send it." in form.words
    assert "Cedar room" not in (await back.get("/groups")).words, "not submitted"
    assert "Cedar room" not in (await back.get("/groups/new")).text, "asked for by its address alone"
    answer = await back.post("/groups/new", {**TYPED, "kept": "1"})
    assert answer.status == 303 and await kept_of(database, cast.ada, clock) is None


async def test_it_comes_back_with_its_mistakes_and_is_kept_until_it_went_through(
    ada: Visitor, cast: Sample, clock: TurnedClock, comes: Comes, database: Database
) -> None:
    await ada.get("/groups/new")
    clock.turn(HALF_AN_HOUR)
    await ada.post("/groups/new", {**TYPED, "time_zone": "Atlantis"})
    back, form = await comes(cast.ada)
    assert 'name="kept" value="1"' in form.text
    mistaken = await back.post("/groups/new", {**TYPED, "time_zone": "Atlantis", "kept": "1"})
    assert mistaken.status == 422 and 'name="kept" value="1"' in mistaken.text
    assert await kept_of(database, cast.ada, clock) == "/groups/new"


async def test_another_account_never_sees_it(
    ada: Visitor, cast: Sample, clock: TurnedClock, comes: Comes, database: Database
) -> None:
    await ada.get("/groups/new")
    clock.turn(HALF_AN_HOUR)
    await ada.post("/groups/new", TYPED)
    dan, page = await comes(cast.dan)
    assert not filled_in(page) and not filled_in(await dan.get("/groups/new?kept=1"))
    assert (await dan.post("/kept", {"page": "/groups/new"})).status == 404
    assert await kept_of(database, cast.ada, clock) == "/groups/new"


async def test_a_form_that_is_on_the_page_above_comes_back_there(
    ada: Visitor, cast: Sample, clock: TurnedClock, comes: Comes
) -> None:
    await ada.get(f"/groups/{cast.settled}")
    clock.turn(HALF_AN_HOUR)
    await ada.post(f"/groups/{cast.settled}/members", {"matrix_id": "@new:chat.test"})
    _, page = await comes(cast.ada)
    assert 'name="matrix_id" value="@new:chat.test"' in page.text


async def test_every_form_with_a_field_to_type_into_comes_back_on_its_page(
    ada: Visitor, visitor: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    hung = await gallery.hang(database, cast, clock.now())
    tried = set()
    for name, view in every_view():
        where = address(name, view, hung)
        for path, form in forms_in((await ada.get(where)).text):
            typed = dict.fromkeys(TYPED_INTO.findall(form), "typed <here>")
            if typed and path not in tried:
                tried.add(path)
                fields = every_form.fields_of(form) | typed
                assert "is kept" in (await visitor.post(path, fields | {"form_token": ada.form_token})).words, path
                page = await ada.get(f"{where.partition('?')[0]}?kept=1")
                assert page.text.count("typed &lt;here&gt;") >= len(typed), f"{path} on {where}"
    assert len(tried) > 10


async def test_a_tab_of_an_earlier_sign_in_gets_its_text_back(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    await ada.get("/groups/new")
    old = ada.form_token
    await ada.post("/sign-out")
    ada.cookie, ada.form_token = await sample.sign_in(database, cast.ada, clock.now())
    answer = await ada.post("/groups/new", {**TYPED, "form_token": old})
    assert answer.status == 303 and answer.location == "/groups/new?kept=1"
    assert filled_in(await ada.get(answer.location))


async def test_a_tab_of_somebody_elses_sign_in_shows_nothing_to_who_is_signed_in_now(
    ada: Visitor, dan: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    await ada.get("/groups/new")
    page = await dan.post("/groups/new", {**TYPED, "form_token": ada.form_token})
    assert page.status == 403 and "Cedar" not in page.text
    assert await kept_of(database, cast.dan, clock) is None
    assert await kept_of(database, cast.ada, clock) == "/groups/new"


@pytest.mark.parametrize("token", ["", "nonsense", "A" * 184])
async def test_what_is_nobodys_form_is_not_kept(
    visitor: Visitor, cast: Sample, database: Database, clock: TurnedClock, token: str
) -> None:
    page = await visitor.post("/groups/new", {**TYPED, "form_token": token})
    assert page.status == 401 and "is kept" not in page.words
    assert await kept_of(database, cast.ada, clock) is None


async def test_a_form_of_another_website_is_not_kept(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    await ada.get("/groups/new")
    clock.turn(HALF_AN_HOUR)
    assert (await ada.post("/groups/new", TYPED, Sec_Fetch_Site="cross-site")).status == 403
    assert await kept_of(database, cast.ada, clock) is None


async def test_it_is_thrown_away_by_a_button(
    ada: Visitor, cast: Sample, clock: TurnedClock, comes: Comes, database: Database
) -> None:
    await ada.get("/groups/new")
    clock.turn(HALF_AN_HOUR)
    await ada.post("/groups/new", TYPED)
    back, page = await comes(cast.ada)
    assert "Throw away what I typed" in page.words
    answer = await back.post("/kept", {"page": "/groups/new"})
    assert (answer.status, answer.location) == (303, "/groups/new")
    assert await kept_of(database, cast.ada, clock) is None
    for elsewhere in ("https://evil.test/", "/groups/new"):
        assert (await back.post("/kept", {"page": elsewhere})).status == 404


async def test_what_is_kept_of_a_page_that_is_gone_is_shown_beside_the_apology(
    ada: Visitor, cast: Sample, clock: TurnedClock, comes: Comes
) -> None:
    await ada.get("/groups")
    clock.turn(HALF_AN_HOUR)
    await ada.post("/groups/00000000-0000-4000-8000-000000000000/members", {"matrix_id": "@new:chat.test"})
    _, page = await comes(cast.ada)
    assert page.status == 404 and "@new:chat.test" in page.words and "Throw away what I typed" in page.words


async def test_what_has_no_field_on_its_page_any_more_is_shown_to_be_read(
    ada: Visitor, cast: Sample, clock: TurnedClock, comes: Comes
) -> None:
    await ada.get(f"/groups/{cast.settled}")
    clock.turn(HALF_AN_HOUR)
    await ada.post(f"/groups/{cast.settled}/facilitators", {"reason": "as long as a letter"})
    _, page = await comes(cast.ada)
    assert page.status == 200 and "filled in below" not in page.words
    assert "as long as a letter" in page.words and "This is what you typed" in page.words


async def test_what_was_emptied_comes_back_empty(ada: Visitor, cast: Sample, clock: TurnedClock, comes: Comes) -> None:
    await ada.post("/me", {"name": "Ada", "language": "en", "time_zone": "Berlin"})
    clock.turn(HALF_AN_HOUR)
    assert "is kept" in (await ada.post("/me", {"name": "Ada", "language": "", "time_zone": ""})).words
    _, page = await comes(cast.ada)
    assert 'name="time_zone" value=""' in page.text


async def test_a_form_that_came_back_meets_bad_weather_and_is_forgotten_once_it_went_through(
    ada: Visitor, cast: Sample, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "hearth.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    page = await ada.post("/groups/new", {**TYPED, "kept": "1"})
    other.execute("ROLLBACK")
    other.close()
    assert page.status == 503 and 'name="kept" value="1"' in page.text


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_what_was_typed_is_shown_where_it_is_refused(
    ada: Visitor, dan: Visitor, cast: Sample, status: int
) -> None:
    words = {"reason": "as long\nas a <letter>", "closes_on": "2026-12-01"}
    if status == 400:
        who, path, words = ada, f"/groups/{cast.settled}/edit", {**words, "of_an_older_panel": "x"}
    elif status == 410:
        who, path = ada, f"/groups/{cast.settled}/pause"
        await ada.post(f"/groups/{cast.settled}/close", CLOSE)
        words.pop("closes_on")
    else:
        who, path = dan, f"/groups/{cast.settled}/pause"
        words.pop("closes_on")
    page = await who.post(path, words)
    assert (page.status, "as long\nas a &lt;letter&gt;" in page.text) == (status, True)
    foreign = await who.post(path, words, Sec_Fetch_Site="cross-site")
    assert foreign.status == 403 and "letter" not in foreign.text
    without = await who.post(path, {**words, "form_token": "another"})
    assert without.status == 403 and "letter" not in without.text


async def test_a_button_of_an_earlier_sign_in_leads_to_its_page_anew(ada: Visitor, cast: Sample) -> None:
    page = await ada.post(f"/groups/{cast.settled}/resume", {"form_token": "of an earlier sign-in"})
    assert page.status == 403 and f'href="/groups/{cast.settled}"' in page.text and "Open the page anew" in page.words


async def test_a_day_at_most_and_sealed(
    ada: Visitor, cast: Sample, clock: TurnedClock, comes: Comes, database: Database
) -> None:
    await ada.get("/groups/new")
    clock.turn(HALF_AN_HOUR)
    await ada.post("/groups/new", TYPED)
    assert database.file is not None and b"Cedar" not in database.file.read_bytes()
    clock.turn(timedelta(hours=24) - timedelta(seconds=1))
    assert await kept_of(database, cast.ada, clock) == "/groups/new"
    clock.turn(timedelta(seconds=1))
    assert await kept_of(database, cast.ada, clock) is None
    async with database.transaction() as db:
        await pruning.prune(db, now=clock.now())
    async with database.reading() as db:
        early = clock.now() - timedelta(hours=1)
        assert await kept_forms.latest_page(db, account_id=cast.ada, now=early) is None, "pruned"


async def test_a_form_from_two_days_ago_is_nobodys(
    ada: Visitor, cast: Sample, clock: TurnedClock, database: Database
) -> None:
    await ada.get("/groups/new")
    clock.turn(timedelta(days=1))
    assert "is kept" not in (await ada.post("/groups/new", TYPED)).words
    assert await kept_of(database, cast.ada, clock) is None


async def test_leaving_quickly_works_from_the_oldest_tab(ada: Visitor, cast: Sample) -> None:
    for path, status in (("/leave", 200), ("/sign-out", 303)):
        assert (await ada.post(path, {"form_token": "of an earlier sign-in"})).status == status
        assert not ada.cookie
