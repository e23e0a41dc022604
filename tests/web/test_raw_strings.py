"""Every sentence can be translated: whatever was left raw, or was made of pieces, shows in a language nobody speaks."""

import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from aiohttp.web import Application
from jinja2 import Environment, nodes

from facilitator.database import Database
from facilitator.settings import Settings as House
from tests.clock import TurnedClock
from tests.pseudo import TONGUE, Pseudo, complaints, read
from tests.web import sample
from tests.web.conftest import Serve
from tests.web.paths import path_of
from tests.web.sample import Sample
from tests.web.visitor import Page, Visitor, new_session
from web import keys
from web.cities import Cities
from web.render import TEMPLATES, Templates
from web.routes import ROUTES
from web.who import Who

DATA = (
    "Linden House", "Maple room", "Harbour room", "Willow room", sample.PURPOSE, "The Listening Line", "day and night",
    "Here", "hearth coordinator link --matrix-id", "Ada", "Dan", "ελληνικά",
)  # fmt: skip
"""What the sample's people typed, and what a host types on a command line."""
DEVELOPERS = {"style"}
"""Pages for who works on Hearth, in English alone."""
DONE = re.compile(r'done == "([a-z-]+)"')
DONES = sorted({word for file in TEMPLATES.glob("*.html") for word in DONE.findall(file.read_text())})
"""Every word an address may carry after a change."""


@pytest.fixture
async def pseudo_ada(
    app: Application, house: House, serve: Serve, cast: Sample, database: Database, clock: TurnedClock
) -> AsyncIterator[Visitor]:
    """Ada, reading a panel that speaks nothing else."""
    app[keys.CITIES] = Cities([TONGUE])
    app[keys.TEMPLATES] = Templates({TONGUE: Pseudo()}, app[keys.CITIES], **app[keys.TEMPLATES].everywhere)
    async with database.transaction() as db:
        await sample.healths(db, cast.ada, cast.new, clock.now())
        for utterance, outcome in (("reminder", "failed"), ("welcome", "uncertain"), ("help", None)):
            await sample.unsaid(db, cast.settled, utterance, outcome, now=clock.now())
    cookie, form_token = await sample.sign_in(database, cast.ada, clock.now())
    async with new_session() as session:
        yield Visitor(session, await serve(app), cookie, form_token)


def addresses(cast: Sample) -> Iterator[str]:
    """Every page there is, with each of the groups; and each of them after every change."""
    for route in ROUTES:
        if route.method != "GET" or route.who is Who.UNASKED or route.name in DEVELOPERS:
            continue
        for group in (cast.settled, cast.new, cast.troubled):
            parts = {**vars(cast), "group": group, "series": cast.series, "token": "x" * 43}
            yield path_of(route.path, {name: str(value) for name, value in parts.items()})
    yield from (f"/groups/{cast.settled}?done={word}" for word in DONES)
    yield from (f"/?done={word}" for word in DONES)
    yield "/nowhere"


async def mistakes(visitor: Visitor, cast: Sample) -> list[tuple[str, Page]]:
    """Every form that is there, sent back empty and with what nobody can use."""
    found = []
    for route in ROUTES:
        if route.method != "POST" or route.name in ("sign-out", "leave", "language"):
            continue
        path = path_of(route.path, {"group": cast.settled, "series": cast.series, "token": "x" * 43})
        page = await visitor.get(path)
        fields = dict.fromkeys(re.findall(r'<(?:input|select|textarea)[^>]* name="([a-z_]+)"', page.text), "")
        for typed in ("", "Berlni", "sober\x07" + "x" * 400):
            sent = {name: typed for name in fields if name != "form_token"}
            found.append((f"POST {path} {typed[:10]!r}", await visitor.post(path, sent)))
        found.append((f"POST {path} more", await visitor.post(path, {"more": "x"})))
    found.append(("POST stale", await visitor.post("/groups/new", {"form_token": "x"})))
    return found


async def test_no_page_has_a_raw_string_or_a_sentence_made_of_pieces(
    pseudo_ada: Visitor, cast: Sample, clock: TurnedClock
) -> None:
    stranger = Visitor(pseudo_ada.session, pseudo_ada.base)
    pages = [(path, await pseudo_ada.get(path)) for path in dict.fromkeys(addresses(cast))]
    pages += [(f"signed out: {path}", await stranger.get(path)) for path in ("/", "/groups", "/help", "/nowhere")]
    pages += await mistakes(pseudo_ada, cast)
    pages.append(("damaged", await pseudo_ada.ask("POST", "/groups/new", body=b"\xff\xfe")))
    pages.append(("elsewhere", await pseudo_ada.get("/", Host="elsewhere.test")))
    clock.turn(timedelta(hours=13))
    pages.append(("too late", await pseudo_ada.get("/groups")))
    said = [(path, page.text) for path, page in pages if page.headers.get("Content-Type", "").startswith("text/html")]
    assert len(said) > 20
    found = "\n".join(complaints(said, DATA))
    assert not found, f"\n{found}"


def test_the_test_itself_finds_what_was_left_raw() -> None:
    page = '<p title="Close it">⟦Śàíď~.⟧ Maple room</p><p>Raw <b>words</b> ⟦x~⟧</p><img alt="A picture">'
    found = read(page, ["Maple room"])
    assert [each.rpartition(": ")[2] for each in found.raw] == ["Close it", "Raw", "words", "A picture"]
    assert read("<p>⟦Śàíď <bdi>Maple room</bdi> ~.⟧ <a>⟦Ĺìńķ~⟧</a></p>", []).raw == []
    assert read("<p>⟦Śàíď ⟦Èvèŕỳ~⟧ ~.⟧</p>", []).glued != []
    assert read("<p>⟦Śàíď~⟧ 3 ⟦tìmèś~⟧</p>", []).glued != []
    assert read("<p>⟦Ńèxt:⟧ 3</p>", []).glued == []


SOURCES = sorted(file for file in TEMPLATES.glob("*.html") if file.stem not in DEVELOPERS)
SAID = ("_", "gettext", "ngettext")


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.stem)
def test_no_template_has_a_raw_string_in_any_branch(file) -> None:  # type: ignore[no-untyped-def]
    """Also where no page of the sample comes by: in the text between tags, and in what is handed to a macro."""
    tree = Environment(extensions=["jinja2.ext.i18n"], autoescape=True).parse(file.read_text())
    said = {id(each) for call in tree.find_all(nodes.Call) if is_gettext(call) for each in call.find_all(nodes.Const)}
    text = "".join(each.data if isinstance(each, nodes.TemplateData) else "0" for each in outputs(tree))
    text = re.sub(r"(^|>)([^<]*)", lambda bare: bare[1] + re.sub(r'[\w-]+="[^"]*"', "", bare[2]), text)
    found = read(text, ["hearth coordinator link --matrix-id @name:example.org"]).raw
    found += [
        str(each.value)
        for each in tree.find_all(nodes.Const)
        if id(each) not in said and isinstance(each.value, str) and re.match(r"[A-Z][a-z]+", each.value)
    ]
    assert found == []


def outputs(tree: nodes.Template) -> Iterator[nodes.Expr]:
    for output in tree.find_all(nodes.Output):
        yield from output.nodes


def is_gettext(call: nodes.Call) -> bool:
    return isinstance(call.node, nodes.Name) and call.node.name in SAID
