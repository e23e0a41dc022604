"""The panel in the longest words and from right to left, on a phone: nothing scrolls sideways, the choice of a language
works without JavaScript, and times are said as the language says them.
"""

import pytest

from facilitator.database.tables import Account
from tests.web import gallery
from tests.web.every_page import address, every_view
from tests.web.in_browser import PHONE, Panel, says

pytestmark = pytest.mark.browser

WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
MAIN = {"landing", "link", "help", "home", "groups", "new-group", "group", "me"}
"""The pages that are looked at from right to left as well; that all of them mirror, is held elsewhere."""


@pytest.mark.parametrize(("code", "way"), [("de", "ltr"), ("ar", "rtl")])
async def test_no_word_is_too_long_for_a_phone(panel: Panel, code: str, way: str) -> None:
    hung = await gallery.hang(panel.database, panel.cast, panel.clock.now())
    async with panel.database.transaction() as db:
        (await db.get_one(Account, hung.ada)).language = code
    wide = []
    async with panel.ada(viewport=PHONE) as ada, panel.visit(viewport=PHONE, locale=code) as stranger:
        for name, view in every_view():
            if name == "style" or (code == "ar" and name not in MAIN):
                continue
            page = ada if view.signed_in else stranger
            await page.goto(panel.url + address(name, view, hung))
            html = page.locator("html")
            assert (await html.get_attribute("lang"), await html.get_attribute("dir")) == (code, way)
            wide += [name] if await page.evaluate(WIDER) > 0 else []
    assert wide == []


async def test_a_language_is_chosen_in_the_footer_without_javascript(panel: Panel) -> None:
    async with panel.visit(viewport=PHONE, java_script_enabled=False, locale="ar") as page:
        await page.goto(f"{panel.url}/help")
        await says(page, "مساعدة الآن")
        await page.get_by_role("button", name="Deutsch").click()
        assert page.url == f"{panel.url}/help"
        await says(page, "Hilfe jetzt", "Ruf an: 112")
        assert await page.get_by_role("button", name="Deutsch").get_attribute("aria-current") == "true"


@pytest.mark.parametrize(("code", "time"), [("de", "(18:00 bei dir)"), ("ar", "(\u20686:00 م\u2069 بتوقيتك)")])
async def test_times_where_one_is_are_written_as_the_page_writes_its_own(panel: Panel, code: str, time: str) -> None:
    async with panel.database.transaction() as db:
        (await db.get_one(Account, panel.cast.ada)).language = code
    async with panel.ada(viewport=PHONE, timezone_id="Europe/London") as page:
        await page.goto(f"{panel.url}/groups")
        await says(page, time)
