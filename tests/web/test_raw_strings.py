"""Every sentence can be translated: whatever was left raw, or was made of pieces, shows in a language nobody speaks."""

import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from aiohttp.web import Application
from jinja2 import Environment, nodes

from facilitator.database import Database
from tests.clock import TurnedClock
from tests.pseudo import TONGUE, Pseudo, complaints, read
from tests.web import gallery, sample
from tests.web.conftest import Serve
from tests.web.every_page import ADDRESSES, address, every_view
from tests.web.gallery import Gallery
from tests.web.paths import path_of
from tests.web.sample import Sample
from tests.web.visitor import Page, Visitor, new_session
from web import keys
from web.cities import Cities
from web.render import TEMPLATES, Templates
from web.routes import ROUTES

DATA = (
    "Linden House", "Maple room", "Harbour room", "Willow room", "Cedar room", "Pebble room", "Meadow room",
    "Juniper room", "Lagoon room", "Heather room", sample.PURPOSE, sample.WAIVER, "Asked to go for now",
    "The Listening Line", "day and night", "Here", "Ada", "Dan", "Fay", "Noor", "Firefox", "Hearth",
    "hearth coordinator link --matrix-id",
)  # fmt: skip
"""What the gallery's people typed, what a browser is called, and what a host types on a command line."""
NONSENSE = "sober\x07" + "x" * 400
"""What is typed into every form; where it is refused and has no field to stand in, the page says it again."""
DEVELOPERS = {"style"}
"""Pages for who works on Hearth, in English alone."""
DONE = re.compile(r'done == "([a-z-]+)"')
CHANGED = {file.stem: DONE.findall(file.read_text()) for file in TEMPLATES.glob("*.html")}
"""Every word an address may carry after a change, by the template that knows a sentence for it."""
SENT_ELSEWHERE = {"sign-out", "leave", "language", "throw-away"}


@pytest.fixture
async def shown(app: Application, cast: Sample, database: Database, clock: TurnedClock) -> Gallery:
    """Everything a page can show, in a panel that speaks nothing else."""
    app[keys.CITIES] = Cities([TONGUE])
    app[keys.TEMPLATES] = Templates({TONGUE: Pseudo()}, app[keys.CITIES], **app[keys.TEMPLATES].everywhere)
    async with database.transaction() as db:
        await sample.healths(db, cast.ada, cast.new, clock.now())
        for utterance, outcome in (("reminder", "failed"), ("welcome", "uncertain"), ("help", None)):
            await sample.unsaid(db, cast.settled, utterance, outcome, now=clock.now())
    return await gallery.hang(database, cast, clock.now())


@pytest.fixture
async def pseudo_ada(
    app: Application, serve: Serve, shown: Gallery, database: Database, clock: TurnedClock
) -> AsyncIterator[Visitor]:
    cookie, form_token = await sample.sign_in(database, shown.ada, clock.now())
    async with new_session() as session:
        yield Visitor(session, await serve(app), cookie, form_token)


def after_changes(shown: Gallery) -> Iterator[str]:
    for name, words in CHANGED.items():
        if route := name.replace("_", "-") if name.replace("_", "-") in ADDRESSES else "":
            yield from (f"{path_of(ADDRESSES[route], shown.parts())}?done={word}" for word in words)


async def mistakes(visitor: Visitor, shown: Gallery) -> list[tuple[str, Page]]:
    """Every form there is, sent empty and with what nobody can use."""
    found = []
    for route in (route for route in ROUTES if route.method == "POST" and route.name not in SENT_ELSEWHERE):
        path = path_of(route.path, shown.parts())
        page = await visitor.get(path)
        fields = set(re.findall(r'<(?:input|select|textarea)[^>]* name="([a-z_]+)"', page.text)) - {"form_token"}
        for typed in ("", NONSENSE):
            found.append((f"POST {route.path}", await visitor.post(path, dict.fromkeys(fields, typed))))
    found.append(("POST more", await visitor.post("/groups/new", {"more": "x"})))
    found.append(("POST stale", await visitor.post("/groups/new", {"form_token": "x"})))
    return found


async def test_no_page_has_a_raw_string_or_a_sentence_made_of_pieces(
    pseudo_ada: Visitor, shown: Gallery, clock: TurnedClock
) -> None:
    stranger = Visitor(pseudo_ada.session, pseudo_ada.base)
    views = [address(name, view, shown) for name, view in every_view() if name not in DEVELOPERS]
    pages = [(path, await pseudo_ada.get(path)) for path in dict.fromkeys([*views, *after_changes(shown), "/nowhere"])]
    pages += [(f"signed out: {path}", await stranger.get(path)) for path in ("/", "/groups", "/help", "/nowhere")]
    pages += await mistakes(pseudo_ada, shown)
    pages.append(("damaged", await pseudo_ada.ask("POST", "/groups/new", body=b"\xff\xfe")))
    pages.append(("elsewhere", await pseudo_ada.get("/", Host="elsewhere.test")))
    clock.turn(timedelta(hours=13))
    pages.append(("too late", await pseudo_ada.get("/groups")))
    said = [(path, page.text) for path, page in pages if page.headers.get("Content-Type", "").startswith("text/html")]
    assert len(said) > 80
    found = "\n".join(complaints(said, (*DATA, NONSENSE)))
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
