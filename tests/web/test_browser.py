"""The panel in a real browser: on a phone, by keyboard, with and without JavaScript, asking nobody else for anything.

With HEARTH_SCREENSHOTS=1 it also takes the README's picture.
"""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Page

from facilitator import encryption_health, journal, members, rooms, schedule
from facilitator.ids import GroupId, UserId
from facilitator.rules.reach import Reach
from tests.web import pictures, sample
from tests.web.in_browser import Panel, says

pytestmark = pytest.mark.browser

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "group.png"


async def test_by_keyboard_alone(panel: Panel) -> None:
    """Everything is reached by Tab, in order, and seen where it is; a mistake is focused and read out."""
    async with panel.ada(viewport={"width": 1280, "height": 700}) as page:
        await page.goto(f"{panel.url}/groups/new")
        reached = await tab_through(page)
        assert reached[0] == "Skip to the content"
        assert reached[2:11] == [
            "Leave quickly", "Home", "Groups", "People", "Journal", "My account", "Help now", "Sign out", "Your groups",
        ]  # fmt: skip
        assert reached[-5:] == ["name", "purpose", "language", "time_zone", "Start the group"]
        await page.goto(f"{panel.url}/groups/new")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        for _ in range(3):
            await page.keyboard.press("Tab")
        await page.keyboard.type("Talking")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await page.keyboard.type("Nowhereville")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#problems")
        assert await page.evaluate("document.activeElement.id") == "problems"
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        assert page.url.endswith("#time_zone")


async def tab_through(page: Page) -> list[str]:
    """Names of what Tab reaches, each with a focus that can be seen and is not covered."""
    reached: list[str] = []
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement === document.body"):
            break
        seen = await page.evaluate(
            """() => { const e = document.activeElement, b = e.getBoundingClientRect(), s = getComputedStyle(e);
                return {name: e.id && e.matches('input,select,textarea') ? e.id : e.innerText.trim(),
                        outline: s.outlineStyle === 'none' ? 0 : parseFloat(s.outlineWidth),
                        inside: b.top >= 0 && b.bottom <= innerHeight && b.left >= 0} }"""
        )
        assert seen["outline"] >= 2 and seen["inside"], seen
        reached.append(seen["name"])
    return reached


async def test_whoever_is_elsewhere_sees_their_own_time_too(panel: Panel) -> None:
    async with panel.ada(timezone_id="America/New_York") as page:
        await says(page, "Tuesday, 3 November 2026, 19:00, Berlin time (13:00 where you are)")
    async with panel.ada(timezone_id="Pacific/Auckland") as page:
        await says(page, "Tuesday, 3 November 2026, 19:00, Berlin time (Wednesday, 07:00 where you are)")
    async with panel.ada(timezone_id="Europe/Berlin") as page:
        assert "where you are" not in await page.inner_text("body")


async def test_reasons_do_not_go_to_paper(panel: Panel) -> None:
    async with panel.database.transaction() as db:
        await journal.note(
            db,
            "group paused",
            actor=panel.cast.ada,
            group_id=panel.cast.settled,
            reason="Flooded",
            now=panel.clock.now(),
        )
    async with panel.ada() as page:
        await page.goto(f"{panel.url}/groups/{panel.cast.settled}/journal")
        await says(page, "Why: Flooded")
        await page.emulate_media(media="print")
        printed = await page.inner_text("main")
        assert "paused the group." in printed and "Flooded" not in printed


@pytest.mark.parametrize("javascript", [True, False])
async def test_leaving_quickly_leaves_nothing_to_go_back_to(panel: Panel, javascript: bool) -> None:
    async with panel.ada(java_script_enabled=javascript) as page:
        await page.goto(f"{panel.url}/groups/{panel.cast.settled}")
        async with page.expect_navigation(url="**/static/icon.svg"):
            await page.get_by_role("button", name="Leave quickly").click()
        await page.goto(f"{panel.url}/groups")
        await says(page, "Please sign in")


async def test_escape_pressed_twice_leaves_quickly_and_once_does_not(panel: Panel) -> None:
    """Within a field it takes a third: Escape closes what a field unfolds."""
    async with panel.ada() as page:
        await page.goto(f"{panel.url}/groups/new")
        await page.focus("#purpose")
        await page.keyboard.press("Escape")
        await page.keyboard.press("Escape")
        await page.wait_for_timeout(600)  # two within half a second are meant
        await page.keyboard.press("Escape")
        await page.locator("h1").click()
        assert page.url.endswith("/groups/new")
        await page.wait_for_timeout(600)
        async with page.expect_navigation(url="**/static/icon.svg"):
            await page.keyboard.press("Escape")
            await page.keyboard.press("Escape")
        await page.goto(f"{panel.url}/groups")
        await says(page, "Please sign in")


async def test_a_picture_for_the_readme(panel: Panel, tmp_path: Path) -> None:
    wanted = os.environ.get("HEARTH_SCREENSHOTS") == "1"
    picture = PICTURE if wanted else tmp_path / "group.png"
    group = await pictured_group(panel)
    look = {"viewport": {"width": 860, "height": 700}, "timezone_id": "Europe/Berlin", "device_scale_factor": 1.5}
    async with panel.ada(**look) as page:
        await page.goto(f"{panel.url}/groups/{group}")
        pictures.keep(await page.screenshot(full_page=True), picture)
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size < 150_000


async def pictured_group(panel: Panel) -> GroupId:
    now, ada = panel.clock.now(), panel.cast.ada
    async with panel.database.transaction() as db:
        group = await sample.open_group(db, ada, "Lantern room", now - timedelta(days=3))
        room = await rooms.group_room_id(db, group)
        for person in ("@ben:chat.example", "@cleo:elsewhere.example", "@mika:chat.example", "@noor:home.example"):
            await members.invite(db, by=ada, group_id=group, matrix_id=person, now=now)
            if person != "@noor:home.example":
                await members.joined(db, group, room, UserId(person), now=now)
        await schedule.schedule(
            db, by=ada, group_id=group, weekday=1, at="19:00", time_zone="Europe/Berlin", minutes=90, now=now
        )
        await sample.looked_after(db, room, group, now)
        reach = {"@ben:chat.example": Reach(given=1), "@cleo:elsewhere.example": Reach(given=2)}
        reach["@mika:chat.example"] = Reach(refused=1)
        found = {UserId(person): how for person, how in reach.items()}
        await encryption_health.reached(db, {room: found}, now=now - timedelta(hours=2))
    return group
