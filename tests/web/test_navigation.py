"""The same places on every page, to those who may go there; and names that stay in their place."""

import re

from facilitator.database import Database
from tests.clock import TurnedClock
from tests.web import gallery
from tests.web.conftest import SignIn
from tests.web.sample import Sample
from tests.web.visitor import Page, Visitor
from web import names

LINK = re.compile(r'<li><a href="([^"]+)"( aria-current="(\w+)")?><img [^>]*alt=""[^>]*>([^<]+)</a></li>')


def places(page: Page) -> list[str]:
    return [found[3] for found in LINK.findall(page.text)]


async def test_coordinators_go_to_people_and_facilitators_do_not(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock, signed_in: SignIn, visitor: Visitor
) -> None:
    hung = await gallery.hang(database, cast, clock.now())
    assert places(await ada.get("/groups")) == ["Home", "Groups", "People", "Journal", "My account", "Help now"]
    fay = await signed_in(hung.fay)
    assert places(await fay.get("/groups")) == ["Home", "Groups", "Journal", "My account", "Help now"]
    assert places(await visitor.get("/")) == ["Help now"]


async def test_the_place_one_is_in_is_marked(ada: Visitor, cast: Sample) -> None:
    for path, current in (("/groups", "page"), (f"/groups/{cast.settled}", "true")):
        marked = [found for found in LINK.findall((await ada.get(path)).text) if found[1]]
        assert [(found[0], found[2]) for found in marked] == [("/groups", current)]


def test_names_are_isolated_and_escaped_in_a_list_too() -> None:
    listed = names.listed([names.name("\u202eAda"), names.name("<b>"), names.matrix_id("@a:b")], "en")
    assert listed == (
        '<bdi class="name">\u202eAda</bdi>, <bdi class="name">&lt;b&gt;</bdi> and '
        '<bdi class="matrix-id" dir="ltr">@a:b</bdi>'
    )
    assert names.listed([], "en") == ""
