"""Which language a page is in: one's own, the one chosen in this browser, the browser's, the house's."""

from urllib.parse import urlsplit

import pytest
from aiohttp.web import Application

from facilitator.database import Database
from facilitator.database.tables import Account
from facilitator.settings import Settings as House
from tests.web.conftest import Serve
from tests.web.sample import Sample
from tests.web.visitor import Page, Visitor, new_session
from web import keys, language

GERMAN, ENGLISH, ARABIC = '<html lang="de" dir="ltr">', '<html lang="en" dir="ltr">', '<html lang="ar" dir="rtl">'


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("", None), ("de", "de"), ("de-AT,en;q=0.9", "de"), ("en;q=0.9,de;q=0.1", "en"), ("fr,ar;q=0.5", "ar"),
        ("de;q=0", None), ("de;q=x", None), ("*", None), (",;=,", None), ("de;q=nan", None), ("x" * 10_000, None),
        ("DE-de", "de"), ("ar_EG", "ar"),
    ],
)  # fmt: skip
def test_the_browsers_wish_is_heard(accepted: str, chosen: str | None) -> None:
    assert language.asked_for(accepted, ("en", "de", "ar")) == chosen


async def test_a_page_is_in_the_language_the_browser_asks_for_and_runs_its_way(visitor: Visitor) -> None:
    assert GERMAN in (await visitor.get("/", Accept_Language="de-AT,en;q=0.5")).text
    assert ARABIC in (await visitor.get("/", Accept_Language="ar")).text
    assert ENGLISH in (await visitor.get("/", Accept_Language="tlh")).text


async def test_where_nobody_asks_for_anything_it_is_the_houses_usual_one(
    app: Application, house: House, serve: Serve
) -> None:
    app[keys.HOUSE] = house.model_copy(update={"languages": ("de-CH", "en")})
    async with new_session() as session:
        assert GERMAN in (await Visitor(session, await serve(app)).get("/")).text


async def test_ones_own_language_wins_over_the_browsers_on_every_page(
    ada: Visitor, cast: Sample, database: Database
) -> None:
    async with database.transaction() as db:
        (await db.get_one(Account, cast.ada)).language = "de"
    for path in ("/help", "/groups", f"/groups/{cast.settled}", "/nowhere"):
        assert GERMAN in (await ada.get(path, Accept_Language="ar")).text


async def test_who_is_not_signed_in_chooses_on_the_page_and_comes_back_to_it(visitor: Visitor) -> None:
    page = await visitor.get("/help", Accept_Language="ar")
    assert '<button class="as-link" type="submit" name="language" value="de" lang="de" dir="ltr">Deutsch</button>' in (
        page.text
    )
    answer = await chosen(visitor, "de", "/help")
    assert (answer.status, answer.location) == (303, "/help")
    assert answer.headers["Set-Cookie"] == "__Host-l=de; HttpOnly; Path=/; SameSite=Lax; Secure"
    again = await visitor.get("/help", Accept_Language="ar", Cookie="__Host-l=de")
    assert GERMAN in again.text
    assert 'value="de" lang="de" dir="ltr" aria-current="true"' in again.text


@pytest.mark.parametrize(
    "here",
    [
        "https://elsewhere.test/", "//elsewhere.test/help", "/\\elsewhere.test", "/nowhere", "/static/panel.css",
        "/livez", "/leave", "help", "/help\r\nX: y", "/help?next=//elsewhere.test", "/%2F/elsewhere.test", "/language",
        "/%zz", "/groups/../../x", "http:help", "/[",
    ],
)  # fmt: skip
async def test_it_leads_to_no_page_but_one_of_ours(visitor: Visitor, here: str) -> None:
    answer = await chosen(visitor, "de", here)
    assert answer.status == 303
    assert answer.location in ("/", "/help")
    assert not urlsplit(answer.location).netloc


async def test_a_language_we_do_not_speak_changes_nothing(visitor: Visitor) -> None:
    for language_ in ("tlh", "../de", "x" * 300, "de; Secure"):
        assert "Set-Cookie" not in (await chosen(visitor, language_, "/")).headers
    assert ENGLISH in (await visitor.get("/", Cookie="__Host-l=tlh")).text


async def test_who_is_signed_in_is_not_asked_in_the_footer(ada: Visitor) -> None:
    assert 'name="language" value="de"' not in (await ada.get("/groups")).text


async def test_signing_out_forgets_the_choice_with_everything_else(ada: Visitor) -> None:
    assert '"cookies"' in (await ada.post("/sign-out")).headers["Clear-Site-Data"]


async def chosen(visitor: Visitor, code: str, here: str) -> Page:
    return await visitor.post("/language", {"language": code, "here": here})
