"""Every sentence can be translated: a pseudo-language shows whatever was left raw, and the template is up to date."""

import re
from gettext import NullTranslations
from html.parser import HTMLParser

import pytest
from aiohttp.web import Application
from babel.messages.pofile import read_po

from facilitator.database import Database
from facilitator.settings import Settings as House
from tests.clock import TurnedClock
from tests.web import sample
from tests.web.conftest import Serve
from tests.web.sample import Sample
from tests.web.visitor import Visitor, new_session
from web import keys, language, translating
from web.cities import Cities
from web.render import Templates

DATA = {
    "The", "matrix", "id",
    "Linden", "House", "Maple", "Harbour", "Willow", "room", "Ada", "Talking", "through", "the", "week", "on",
    "Tuesdays", "Berlin", "Germany", "New", "York", "Lisbon", "English", "hearth", "coordinator", "link", "name",
    "example", "org", "Listening", "Line", "Here", "day", "and", "night", "time",
}  # fmt: skip
DATES = set(
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July August "
    "September October November December minute minutes hour hours second seconds before in ago".split()
)
KEPT = re.compile(r"(%\(\w+\)s|\{\w+\})")


def pseudo(sentence: str) -> str:
    """The sentence in a language nobody speaks: every letter changed, the places for values kept."""
    parts = KEPT.split(sentence)
    return "".join(part if KEPT.fullmatch(part) else re.sub("[A-Za-z]", "ø", part) for part in parts)


class Pseudo(NullTranslations):
    def gettext(self, message: str) -> str:
        return pseudo(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return pseudo(msgid1 if n == 1 else msgid2)


class Text(HTMLParser):
    """What a person sees or hears of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.silent += tag in ("datalist", "style", "script")
        heard = ("aria-label", "title", "alt", "placeholder", "data-here")
        self.found += [value or "" for name, value in attributes if name in heard]

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("datalist", "style", "script")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.found.append(data)


@pytest.fixture
async def pseudo_ada(
    app: Application, house: House, serve: Serve, cast: Sample, database: Database, clock: TurnedClock
):  # type: ignore[no-untyped-def]
    old = app[keys.TEMPLATES]
    spoken = Templates({"en": Pseudo()}, Cities(), **old.everywhere)
    app[keys.TEMPLATES] = spoken
    cookie, form_token = await sample.sign_in(database, cast.ada, clock.now())
    async with new_session() as session:
        yield Visitor(session, await serve(app), cookie, form_token)


async def test_no_page_has_a_raw_string(pseudo_ada: Visitor, cast: Sample) -> None:
    group = f"/groups/{cast.settled}"
    asked = [
        "/help", "/groups", "/groups/new", group, f"{group}?done=invited", f"/groups/{cast.new}?done=started",
        f"/groups/{cast.troubled}?done=ended", f"{group}?done=scheduled", f"{group}/sessions/new",
        f"{group}/sessions/{cast.series}/end", "/nowhere", "/sign-in/" + "x" * 43,
    ]  # fmt: skip
    pages = [await pseudo_ada.get(path) for path in asked]
    await pseudo_ada.get(group)
    sent = {"weekday": "9", "at": "", "minutes": "x", "time_zone": "Berlni", "first_day": "x"}
    pages += [
        await pseudo_ada.post("/groups/new", {"name": "sober", "time_zone": "Berlni", "purpose": "", "language": ""}),
        await pseudo_ada.post(f"{group}/members", {"matrix_id": "@ben:chat.test"}),
        await pseudo_ada.post(f"{group}/sessions/new", sent),
        await pseudo_ada.post("/groups/new", {"more": "x"}),
        await pseudo_ada.post("/groups/new", {"form_token": "x"}),
        await pseudo_ada.post("/sign-out"),
        await Visitor(pseudo_ada.session, pseudo_ada.base).get("/"),
        await Visitor(pseudo_ada.session, pseudo_ada.base).get("/groups"),
    ]
    for page in pages:
        assert raw(page.text) == set(), page.text


def raw(page: str) -> set[str]:
    text = Text()
    text.feed(page)
    said = " ".join(text.found)
    said = re.sub(r"[@#]\S+|https?://\S+|\{\w+\}|[0-9a-f]{12}|\b[A-Z]{2,5}\b", " ", said)
    return set(re.findall(r"[A-Za-z]{2,}", said)) - DATA - DATES


def test_the_template_for_translators_is_up_to_date() -> None:
    """If this fails: python -m web.translating."""
    with translating.TEMPLATE.open("rb") as file:
        known = {message.id for message in read_po(file) if message.id}
    assert known == {message.id for message in translating.gather() if message.id}


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("", "en"), ("de", "de"), ("de-AT,en;q=0.9", "de"), ("en;q=0.9,de;q=0.1", "en"), ("fr,ar;q=0.5", "ar"),
        ("de;q=0", "en"), ("de;q=x", "en"), ("*", "en"), (",;=,", "en"), ("de;q=nan", "en"), ("x" * 10_000, "en"),
    ],
)  # fmt: skip
def test_the_browsers_wish_is_heard(accepted: str, chosen: str) -> None:
    ours = {code: NullTranslations() for code in ("en", "de", "ar")}
    assert language.choose(accepted, ours) == chosen


def test_a_page_runs_the_way_its_language_does() -> None:
    assert language.direction("en") == "ltr"
    assert language.direction("ar") == "rtl"


async def test_pages_name_their_language(visitor: Visitor) -> None:
    assert '<html lang="en" dir="ltr">' in (await visitor.get("/", Accept_Language="de")).text
