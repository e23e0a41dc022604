"""People, one's own account and who runs a group: the whole way on a phone with JavaScript, on a desk without. How each
page looks and whether it is for everybody is seen with every other page's."""

import pytest
from playwright.async_api import Page

from tests.web.in_browser import DESK, PHONE, Panel, says

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("javascript", [True, False])
async def test_somebody_is_added_runs_a_group_and_goes_again(panel: Panel, javascript: bool) -> None:
    viewport = PHONE if javascript else DESK
    options = {"viewport": viewport, "java_script_enabled": javascript}
    async with panel.ada(**options) as page:
        await page.get_by_role("link", name="People").click()
        await page.get_by_role("link", name="Add somebody").click()
        await page.fill("#matrix_id", "fay")
        await page.get_by_role("button", name="Add and make a sign-in link").click()
        await says(page, "Almost there")
        await page.fill("#name", "Fay")
        await page.fill("#matrix_id", "@fay:chat.test")
        await page.get_by_role("button", name="Add and make a sign-in link").click()
        link = await page.input_value("#link")
        await page.get_by_role("link", name="Done").click()
        await page.goto(f"{panel.url}/groups/{panel.cast.settled}")
        await page.get_by_role("link", name="Who runs this group").click()
        await says(page, "You run this group alone.")
        await page.select_option("#account", label="Fay (no Matrix ID linked yet)")
        await page.get_by_role("radio", name="Co-facilitator").check()
        await page.get_by_role("button", name="Add them").click()
        await says(page, "They run the group with you now.")
        await page.get_by_role("link", name="Leave this group").click()
        await page.go_back()
        await page.get_by_role("link", name="Remove Fay").click()
        await page.goto(f"{panel.url}/groups/{panel.cast.settled}")
        await page.get_by_role("link", name="Remove @ben:chat.test").click()
        await page.fill("#reason", "Asked for a break.")
        await page.get_by_role("button", name="Remove them").click()
        await says(page, "They are removed.", "Removed")
        await page.get_by_role("button", name="Undo: invite them again @ben:chat.test").click()
        await says(page, "The invitation is on its way.")
        await panel_of_fay(panel, page, link, javascript=javascript)
    async with panel.ada(**options) as page:
        await page.goto(f"{panel.url}/people")
        await page.get_by_role("link", name="Dan").click()
        await page.get_by_role("link", name="They have lost their Matrix account").click()
        await page.go_back()
        await page.get_by_role("link", name="They should not come in any more").click()
        await page.get_by_role("button", name="Disable the account").click()
        await says(page, "The account is disabled.")


async def panel_of_fay(panel: Panel, page: Page, link: str, *, javascript: bool) -> None:
    await page.context.clear_cookies()
    await page.goto(panel.url + link[link.index("/sign-in/") :])
    await page.get_by_role("button", name="Sign in on this device").click()
    await page.goto(f"{panel.url}/me")
    await page.fill("#time_zone", "lisbon")
    await page.get_by_role("button", name="Save").click()
    await says(page, "Saved.")
    await page.get_by_role("link", name="Link my Matrix ID").click()
    assert await page.input_value("#matrix_id") == "@fay:chat.test"
    await page.get_by_role("button", name="Get a code").click()
    assert await page.get_by_role("button", name="Copy the code").is_visible() is javascript
    await page.get_by_role("link", name="I have sent it").click()
    await says(page, "Waiting for the code", "Still to send it")
    await page.goto(f"{panel.url}/people")
    await says(page, "Your account may not do this.")
