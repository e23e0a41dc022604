"""Pages that follow what happens, in a real browser under the strict policy: they change before one's eyes, and take
nothing from whoever is typing.
"""

from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from facilitator import members, rooms, sightings
from tests.web import sample
from tests.web.in_browser import PHONE, Panel, says
from web.live import EVERY

pytestmark = pytest.mark.browser


async def look(panel: Panel) -> None:
    """Time goes on until the watcher has looked; whoever is seen by the bridge, is so still."""
    await panel.clock.somebody_sleeps()
    async with panel.database.transaction() as db:
        for loop in ("bridge", "homeserver"):
            await sightings.beat(db, loop, now=panel.clock.now() + EVERY)
    panel.clock.turn(EVERY)


async def invite(panel: Panel, person: str) -> None:
    async with panel.database.transaction() as db:
        await members.invite(
            db,
            by=panel.cast.ada,
            group_id=panel.cast.new,
            matrix_id=person,
            now=panel.clock.now() + timedelta(seconds=1),
        )


async def visit(page: Page, address: str) -> None:
    """The page has its stream: what changes from now on is told to it."""
    async with page.expect_response(lambda answer: "/events" in answer.url):
        await page.goto(address)


async def test_home_and_a_group_change_before_ones_eyes_and_nothing_typed_is_lost(panel: Panel) -> None:
    async with panel.ada(viewport=PHONE, timezone_id="America/New_York") as page:
        await visit(page, f"{panel.url}/home")
        await says(page, "What needs you", "Willow room The chat server does not answer just now.")
        async with panel.database.transaction() as db:
            troubled = await rooms.group_room_id(db, panel.cast.troubled)
            await sample.looked_after(db, troubled, panel.cast.troubled, panel.clock.now())
        await look(panel)
        await expect(page.locator("#today")).not_to_contain_text("does not answer")
        await expect(page.locator("#live-said")).to_have_text("This page was brought up to date.")
        await keeps_its_place(panel, page)

        await visit(page, f"{panel.url}/groups/{panel.cast.new}")
        await says(page, "Catching up")
        await page.fill("#matrix_id", "@half:typed")
        await invite(panel, "@nia:chat.test")
        async with panel.database.transaction() as db:
            room = await rooms.group_room_id(db, panel.cast.new)
            await sample.looked_after(db, room, panel.cast.new, panel.clock.now())
        await look(panel)
        await expect(page.locator("#members")).to_contain_text("@nia:chat.test")
        await expect(page.locator("#room .up_to_date")).to_be_visible()
        assert await page.input_value("#matrix_id") == "@half:typed"
        assert await page.evaluate("document.activeElement.id") == "matrix_id"


async def keeps_its_place(panel: Panel, page: Page) -> None:
    """Where somebody is just now nothing is exchanged, until they have gone on."""
    await page.get_by_role("link", name="See why").focus()
    async with panel.database.transaction() as db:
        troubled = await rooms.group_room_id(db, panel.cast.troubled)
        await sightings.in_trouble(db, troubled, "room_lost", now=panel.clock.now())
    async with page.expect_response(f"{panel.url}/home") as asked:
        await look(panel)
    assert (await (await asked.value).request.all_headers())["hearth-by-itself"] == "1"
    await expect(page.get_by_role("link", name="See why")).to_be_focused()
    await expect(page.locator("#my-groups")).to_contain_text("In trouble")
    await expect(page.locator("#today")).not_to_contain_text("no longer in the room")
    await page.get_by_role("link", name="Start a group").focus()
    await expect(page.locator("#today")).to_contain_text("no longer in the room")
    await expect(page.locator("#today .here")).to_have_count(1)


HEARD = "panel.js"
"""What no page asks for again once it stands."""


async def all_is_heard(page: Page) -> None:
    """Of what a page asks for we hear later than it asks, but in turn: so once we have heard of this, of all before."""
    async with page.expect_request(f"**/{HEARD}"):
        await page.evaluate(f"fetch('/static/{HEARD}').then((answer) => answer.text())")


@pytest.mark.parametrize("status", [204, 404])
async def test_a_stream_that_is_refused_leaves_a_page_that_asks_by_itself(panel: Panel, status: int) -> None:
    """No faster than every fifteen seconds, and the stream is tried again no faster."""
    async with panel.ada() as page:
        asked: list[str] = []
        page.on("request", lambda each: asked.append(each.url.partition("?")[0].rpartition("/")[2]))
        await page.route("**/events?*", lambda route: route.fulfill(status=status))
        await page.clock.install()
        await visit(page, f"{panel.url}/home")
        await page.clock.pause_at(await page.evaluate("Date.now() + 1000"))
        await all_is_heard(page)
        asked.clear()
        while "home" not in asked:
            await page.clock.run_for(1_000)
            await all_is_heard(page)
        asked.clear()
        await page.clock.run_for(13_000)
        await all_is_heard(page)
        assert asked == [HEARD]
        asked.clear()
        await page.clock.run_for(3_000)
        await all_is_heard(page)
        assert sorted(asked) == sorted(["events", "home", HEARD])
    panel.complaints.clear()  # the browser's own word about the refusal
