"""People, one's own account and who runs a group, on a phone and on a desk, with JavaScript and without."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from tests.web.in_browser import DESK, PHONE, Panel, says
from tests.web.test_browser import WCAG

pytestmark = pytest.mark.browser

PICTURES = os.environ.get("HEARTH_PICTURES")
"""A folder for a picture of every page on the way."""


async def look(page: Page, name: str) -> None:
    """For everybody: on a phone nothing scrolls sideways and axe finds nothing."""
    assert page.viewport_size is not None
    if PICTURES:
        await page.screenshot(path=Path(PICTURES) / f"{name}-{page.viewport_size['width']}.png", full_page=True)
    if page.viewport_size["width"] > PHONE["width"]:
        return
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(wide) <= 0, f"{page.url} scrolls sideways"
    found = await Axe().run(page, options=WCAG)
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"


@pytest.mark.parametrize("javascript", [True, False])
async def test_somebody_is_added_runs_a_group_and_goes_again(panel: Panel, javascript: bool) -> None:
    viewport = PHONE if javascript else DESK
    options = {"viewport": viewport, "bypass_csp": True, "java_script_enabled": javascript}
    async with panel.ada(**options) as page:
        await page.get_by_role("link", name="People").click()
        await look(page, "people")
        await page.get_by_role("link", name="Add somebody").click()
        await page.fill("#matrix_id", "fay")
        await page.get_by_role("button", name="Add and make a sign-in link").click()
        await says(page, "Almost there")
        await look(page, "new-person")
        await page.fill("#name", "Fay")
        await page.fill("#matrix_id", "@fay:chat.test")
        await page.get_by_role("button", name="Add and make a sign-in link").click()
        await look(page, "link")
        link = await page.input_value("#link")
        await page.get_by_role("link", name="Done").click()
        await look(page, "person")
        await page.goto(f"{panel.url}/groups/{panel.cast.settled}")
        await look(page, "group")
        await page.get_by_role("link", name="Who runs this group").click()
        await says(page, "You run this group alone.")
        await page.select_option("#account", label="Fay")
        await page.get_by_role("radio", name="Co-facilitator").check()
        await page.get_by_role("button", name="Add them").click()
        await says(page, "They run the group with you now.")
        await look(page, "facilitators")
        await page.get_by_role("link", name="Leave this group").click()
        await look(page, "leave")
        await page.go_back()
        await page.get_by_role("link", name="Remove Fay").click()
        await look(page, "remove-facilitator")
        await page.goto(f"{panel.url}/groups/{panel.cast.settled}")
        await page.get_by_role("link", name="Remove @ben:chat.test").click()
        await page.fill("#reason", "Asked for a break.")
        await look(page, "remove-member")
        await page.get_by_role("button", name="Remove them").click()
        await says(page, "They are removed.", "Removed")
        await page.get_by_role("button", name="Undo: invite them again @ben:chat.test").click()
        await says(page, "The invitation is on its way.")
        await panel_of_fay(panel, page, link, javascript=javascript)
    async with panel.ada(**options) as page:
        await page.goto(f"{panel.url}/people")
        await page.get_by_role("link", name="Dan").click()
        await page.get_by_role("link", name="They have lost their Matrix account").click()
        await look(page, "free")
        await page.go_back()
        await page.get_by_role("link", name="They should not come in any more").click()
        await look(page, "disable")
        await page.get_by_role("button", name="Disable the account").click()
        await says(page, "The account is disabled.")
        await look(page, "disabled")


async def panel_of_fay(panel: Panel, page: Page, link: str, *, javascript: bool) -> None:
    await page.context.clear_cookies()
    await page.goto(panel.url + link[link.index("/sign-in/") :])
    await page.get_by_role("button", name="Sign in on this device").click()
    await page.goto(f"{panel.url}/me")
    await look(page, "me")
    await page.fill("#time_zone", "lisbon")
    await page.get_by_role("button", name="Save").click()
    await says(page, "Saved.")
    await page.get_by_role("link", name="Link my Matrix ID").click()
    assert await page.input_value("#matrix_id") == "@fay:chat.test"
    await look(page, "matrix-id")
    await page.get_by_role("button", name="Get a code").click()
    await look(page, "code")
    assert await page.get_by_role("button", name="Copy the code").is_visible() is javascript
    await page.get_by_role("link", name="I have sent it").click()
    await says(page, "Waiting for the code", "Still to send it")
    await look(page, "waiting")
    await page.goto(f"{panel.url}/people")
    await says(page, "Your account may not do this.")
