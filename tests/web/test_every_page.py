"""Every page there is, for everybody: WCAG 2.2 AA, light and dark, both directions, phone and desk, by keyboard, on
paper, in a tab, with and without JavaScript. With HEARTH_SOAK each is looked at in all eight ways, else in two of them.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from playwright.async_api import Page

from tests.web import gallery, sample
from tests.web.every_page import ADDRESSES, NO_PAGES, VIEWS, View, address, every_view
from tests.web.gallery import Gallery
from tests.web.in_browser import DESK, PHONE, Panel, violations

WAYS = [(scheme, way, size) for scheme in ("light", "dark") for way in ("ltr", "rtl") for size in (PHONE, DESK)]
HELD = WAYS if os.environ.get("HEARTH_SOAK") else [WAYS[2], WAYS[5]]
NAMES = (
    "Ada", "Fay", "Noor", "Maple", "Harbour", "Willow", "Cedar", "Pebble", "Meadow", "Juniper", "Lagoon", "Heather",
    "Linden House", sample.PURPOSE, "@",
)  # fmt: skip
TELLING = ("recover", "sober", "addict", "support group")
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
PRESSED = """[...document.querySelectorAll('a, button, input, select, textarea, summary, [tabindex="0"]')]
  .filter(e => e.type !== 'hidden' && !e.disabled && e.checkVisibility())"""
SMALL_TARGETS = f"""() => {PRESSED}.filter(e => !e.matches('.skip'))
  .map(e => [e.getBoundingClientRect(), e.outerHTML.slice(0, 120)])
  .filter(([box]) => box.width < 24 || box.height < 24)
  .map(([box, html]) => `${{box.width}} × ${{box.height}} ${{html}}`)"""
UNSEEN_FOCUS = f"""() => {PRESSED}
  .filter(e => {{ e.focus({{focusVisible: true}}); const s = getComputedStyle(e), box = e.getBoundingClientRect();
    return document.activeElement !== e || s.outlineStyle === 'none' || parseFloat(s.outlineWidth) < 2
      || box.top < 0 || box.bottom > innerHeight || box.left < 0 || box.right > innerWidth + 1; }})
  .map(e => e.outerHTML.slice(0, 120))"""
MOVING = """() => document.getAnimations().map(each => each.animationName)"""


def test_every_page_there_is_has_been_looked_at() -> None:
    assert set(VIEWS) | NO_PAGES == set(ADDRESSES)
    assert not set(VIEWS) & NO_PAGES


@pytest.fixture
async def hung(panel: Panel) -> Gallery:
    return await gallery.hang(panel.database, panel.cast, panel.clock.now())


@pytest.mark.browser
async def test_every_page_is_for_everybody(panel: Panel, hung: Gallery) -> None:
    wrong: list[str] = []
    async for name, page in walk(panel, hung):
        wrong += [f"{name} {each}" for each in await held(page)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.browser
async def test_every_page_is_whole_without_scripts(panel: Panel, hung: Gallery) -> None:
    wrong: list[str] = []
    async for name, page in walk(panel, hung, java_script_enabled=False, reduced_motion="reduce"):
        found = await page.evaluate(SMALL_TARGETS) + await page.evaluate(MOVING)
        if await page.evaluate(WIDER) > 0 or not await page.locator("h1").is_visible():
            found.append("scrolls sideways, or has no heading")
        wrong += [f"{name} {each}" for each in found]
    assert not wrong, "\n".join(wrong)


async def walk(panel: Panel, hung: Gallery, **options: object) -> AsyncIterator[tuple[str, Page]]:
    """Every view, one after the other: what anybody may see, what Ada may, and what comes back with a mistake in it."""
    async with panel.visit(viewport=PHONE, bypass_csp=True, **options) as page:
        for stranger in (True, False):
            if not stranger:
                await panel.sign_in(page, hung.ada)
            for name, view in every_view():
                if view.signed_in is not stranger:
                    await go(page, panel, name, view, hung)
                    yield f"{name} ({view.title})", page
        for meet in MEETINGS:
            await meet(panel, page)
            yield meet.__name__, page


async def go(page: Page, panel: Panel, name: str, view: View, hung: Gallery) -> None:
    answer = await page.goto(panel.url + address(name, view, hung))
    assert answer is not None
    assert answer.status == (404 if name == "link" else 200), f"{name} {view.title}: {answer.status}"


async def held(page: Page) -> list[str]:
    """All that is wrong with this page."""
    title = await page.title()
    wrong = [f"title: {title}" for word in (*NAMES, *TELLING) if word in title or not title.endswith(" · Panel")]
    for scheme, way, size in HELD:
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        await page.set_viewport_size(size)  # type: ignore[arg-type]
        await page.evaluate("way => { document.documentElement.dir = way }", way)
        found = await violations(page) + [f"small: {each}" for each in await page.evaluate(SMALL_TARGETS)]
        found += ["scrolls sideways"] if await page.evaluate(WIDER) > 0 else []
        wrong += [f"{scheme} {way} {size['width']} {each}" for each in found]
    wrong += [f"focus: {each}" for each in await page.evaluate(UNSEEN_FOCUS)]
    await page.emulate_media(media="print")
    printed = await page.inner_text("body")
    wrong += [f"on paper: {name}" for name in NAMES if name in printed]
    await page.emulate_media(media="screen")
    await page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    return wrong


async def nowhere(panel: Panel, page: Page) -> None:
    await page.goto(f"{panel.url}/nowhere")


async def no_name(panel: Panel, page: Page) -> None:
    await page.goto(f"{panel.url}/groups/new")
    await page.fill("#name", "Sober friends")
    await page.fill("#time_zone", "Atlantis")
    await page.get_by_role("button", name="Start the group").click()


async def no_such_person(panel: Panel, page: Page) -> None:
    await page.goto(f"{panel.url}/groups/{panel.cast.settled}")
    await page.fill("#matrix_id", "ben")
    await page.get_by_role("button", name="Invite", exact=True).click()
    assert (await page.title()).startswith("Please check: ")


async def dates_first(panel: Panel, page: Page) -> None:
    await page.goto(f"{panel.url}/groups/{panel.cast.settled}/sessions/new")
    await page.get_by_role("button", name="Show me the dates first").click()


async def much_at_once(panel: Panel, page: Page) -> None:
    """Several who cannot read, oneself among them, and several things that could not be said."""
    async with panel.database.transaction() as db:
        await sample.healths(db, panel.cast.ada, panel.cast.new, panel.clock.now())
        for utterance, outcome in (("reminder", "failed"), ("help", "uncertain"), ("sessions", None)):
            await sample.unsaid(db, panel.cast.new, utterance, outcome, now=panel.clock.now())
    await page.goto(f"{panel.url}/groups/{panel.cast.new}")
    await page.get_by_text("what to pass on").click()
    await page.get_by_text("Ask them in another way").wait_for()


async def changed_meanwhile(panel: Panel, page: Page) -> None:
    """Two facilitators save one form."""
    await page.goto(f"{panel.url}/groups/{panel.cast.settled}/edit")
    await page.evaluate("document.querySelector('[name=version]').value = 0")
    await page.fill("#purpose", "Talking and walking")
    await page.get_by_role("button", name="Save").click()


MEETINGS: tuple[Callable[[Panel, Page], Awaitable[None]], ...] = (
    nowhere, no_name, no_such_person, dates_first, much_at_once, changed_meanwhile,
)  # fmt: skip
