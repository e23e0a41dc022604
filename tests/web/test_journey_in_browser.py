"""A facilitator's first weeks on a phone, whole: starts a group, makes it ready, sees it to its first session and hands
it over; with and without scripts, in two languages. Its words are looked up as the pages look theirs up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from playwright.async_api import Page
from sqlalchemy import update

from facilitator import members, rooms, sightings
from facilitator.database.tables import Account
from facilitator.ids import AccountId, GroupId, UserId
from tests.web import gallery, sample
from tests.web.in_browser import PHONE, Panel, says
from web import language

pytestmark = pytest.mark.browser

GUEST = "@gina:chat.test"


@dataclass
class Walk:
    """Fay's way through the panel. `say`: a sentence of the source in the language of this walk."""

    panel: Panel
    page: Page
    say: Callable[[str], str]
    fay: AccountId
    dan: AccountId
    name: str = ""

    async def press(self, button: str) -> None:
        await self.page.get_by_role("button", name=self.say(button), exact=True).click()

    async def follow(self, link: str) -> None:
        await self.page.get_by_role("link", name=self.say(link), exact=True).first.click()

    async def reads(self, *sentences: str) -> None:
        await says(self.page, *[" ".join(self.say(each).split()) for each in sentences])


@pytest.mark.parametrize("javascript", [True, False], ids=["with scripts", "without scripts"])
@pytest.mark.parametrize("tongue", ["en", "de"])
async def test_from_the_first_link_to_handing_over(panel: Panel, tongue: str, javascript: bool) -> None:
    say = language.available()[tongue].gettext
    fay, dan = await facilitators(panel)
    async with panel.visit(viewport=PHONE, java_script_enabled=javascript, locale=tongue) as page:
        walk = Walk(panel, page, say, fay, dan)
        await panel.sign_in(page, fay)
        await starts_a_group(walk)
        await makes_it_ready(walk)
        await plans_and_invites(walk)
        await loses_nothing_when_the_sign_in_ends(walk)
        await sees_the_first_session(walk)
        await hands_it_over(walk)


async def facilitators(panel: Panel) -> tuple[AccountId, AccountId]:
    """Fay and Dan, facilitators whose Matrix ids are proven to be theirs."""
    now, cast = panel.clock.now(), panel.cast
    async with panel.database.transaction() as db:
        fay = await gallery.somebody(db, cast.ada, "Fay", "@fay:panel.test", now)
        theirs = {"matrix_id": UserId("@fay:panel.test"), "matrix_id_index": UserId("@fay:panel.test")}
        await db.execute(update(Account).where(Account.id == fay).values(**theirs))
    return fay, cast.dan


async def starts_a_group(walk: Walk) -> None:
    page = walk.page
    await walk.reads("You have no group yet.")
    await walk.follow("Start a group")
    walk.name = await page.input_value("#name")
    await page.fill("#time_zone", "munich")
    await walk.press("Start the group")
    await walk.reads("Almost there. Please look at this:")
    assert (await page.title()).startswith(walk.say("Please check:")), "said first, where it is read first"
    await page.fill("#purpose", "Talking")
    await walk.press("Start the group")
    await says(page, walk.name, walk.say("Draft"))


async def makes_it_ready(walk: Walk) -> None:
    await walk.follow("Make it ready")
    await walk.reads("A second facilitator", "Missing")
    await walk.follow("Add a facilitator")
    await walk.page.select_option("#account", label="Dan")
    await walk.page.get_by_role("radio", name=walk.say("Facilitator"), exact=True).check()
    await walk.press("Add them")
    await walk.reads("They run the group with you now. The bot invites them to its room.")
    await walk.page.locator(".back a").click()
    await walk.follow("Open the group")
    await walk.press("Open the group")
    await walk.reads("Open")


async def plans_and_invites(walk: Walk) -> None:
    page = walk.page
    await walk.follow("Plan a weekly session")
    await page.select_option("#weekday", "4")
    await walk.press("Show me the dates first")
    await walk.reads("These would be the first dates")
    await walk.press("Plan these sessions")
    await says(page, "19:00")
    await page.fill("#matrix_id", GUEST)
    await walk.press("Invite")
    await walk.reads("The invitation is on its way.", "Invited, not in the room yet")


async def loses_nothing_when_the_sign_in_ends(walk: Walk) -> None:
    page, panel = walk.page, walk.panel
    await page.fill("#matrix_id", "@late:chat.test")
    panel.clock.turn(timedelta(minutes=31))
    await walk.press("Invite")
    await walk.reads("You were signed out. What you typed is kept. Sign in again to go on.")
    await panel.sign_in(page, walk.fay)
    assert await page.input_value("#matrix_id") == "@late:chat.test"
    await walk.press("Invite")
    await says(page, "@late:chat.test")


async def sees_the_first_session(walk: Walk) -> None:
    page, panel = walk.page, walk.panel
    async with panel.database.transaction() as db:
        group = GroupId(page.url.partition("/groups/")[2][:36])
        room = await rooms.group_room_id(db, group)
        await members.joined(db, group, room, UserId(GUEST), now=panel.clock.now())
        await sample.looked_after(db, room, group, panel.clock.now())
        for loop in ("bridge", "homeserver"):
            await sightings.beat(db, loop, now=panel.clock.now())
    await page.reload()
    await walk.reads("Up to date", "In the room")
    panel.clock.turn(timedelta(days=4, hours=8))
    await panel.sign_in(page, walk.fay)
    await says(page, walk.name, "13", "19:00")


async def hands_it_over(walk: Walk) -> None:
    page = walk.page
    await page.get_by_role("link", name=walk.name).first.click()
    address = page.url
    await walk.follow("Who runs this group")
    await walk.follow("Leave this group")
    await walk.press("Leave the group")
    await page.goto(address)
    await walk.reads("Not found")
    await walk.panel.sign_in(page, walk.dan)
    await page.goto(address)
    await says(page, walk.name, GUEST)
    await walk.press("Sign out")
    await walk.reads("You are signed out. Nothing of the panel is left on this device.")
