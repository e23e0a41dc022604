"""A group's life in the panel: the page of each step, what it says, what it does, and what stays when it is refused."""

import re

import pytest
from sqlalchemy import select, update

from facilitator import deletions
from facilitator.database import Database
from facilitator.database.tables import Account, Group
from facilitator.database.wakeup import Bell
from facilitator.ids import GroupId
from tests.clock import TurnedClock
from tests.web import sample
from tests.web.conftest import SignIn, rang
from tests.web.sample import PURPOSE, Sample
from tests.web.visitor import Page, Visitor

CLOSE = {
    "closes_on": "2026-11-20",
    "farewell": "Go well.",
    "kept_by": "members",
    "reason": "",
    "typed_name": "Maple room",
}
EDIT = {"name": "Maple room", "purpose": PURPOSE, "language": "en", "time_zone": "Berlin (Germany)"}


@pytest.fixture
async def draft(database: Database, cast: Sample, clock: TurnedClock) -> GroupId:
    async with database.transaction() as db:
        return await sample.start_group(db, cast.ada, "Cedar room", clock.now())


async def state_of(database: Database, group: GroupId) -> str:
    async with database.reading() as db:
        return (await db.scalars(select(Group.state).where(Group.id == group))).one()


def fields_of(page: Page) -> dict[str, str]:
    """What the page's form carries without being seen."""
    return {
        name: value.replace("&#39;", "'").replace("&#34;", '"').replace("&amp;", "&")
        for name, value in re.findall(r'<input type="hidden" name="(version|was_\w+)" value="([^"]*)">', page.text)
    }


# ------------------------------------------------------------------------------------------------ ready


async def test_a_draft_says_the_one_thing_that_is_next(ada: Visitor, draft: GroupId) -> None:
    page = await ada.get(f"/groups/{draft}")
    assert "Draft" in page.words and "Make it ready: a second facilitator is missing." in page.words
    assert f'href="/groups/{draft}/ready"' in page.text and 'class="invite"' not in page.text
    page = await ada.get(f"/groups/{draft}/ready")
    assert "A second facilitator Missing" in page.words and "Open it all the same" in page.words
    answer = await ada.post(f"/groups/{draft}/ready", {})
    assert answer.status == 422 and "A second facilitator is missing: somebody who runs" in answer.words
    answer = await ada.post(f"/groups/{draft}/members", {"matrix_id": "@ben:chat.test"})
    assert answer.status == 422 and "nobody is invited into a draft" in answer.words


async def test_a_coordinator_opens_it_all_the_same_with_a_reason(
    ada: Visitor, draft: GroupId, database: Database, bell: Bell
) -> None:
    await ada.get(f"/groups/{draft}/ready")
    answer = await ada.post(f"/groups/{draft}/ready", {"waiver": "We know each other."})
    assert answer.status == 303 and await rang(bell)
    page = await ada.get(answer.location)
    assert "The group is open. Next, invite people" in page.words and 'class="invite"' in page.text
    assert (await ada.get(f"/groups/{draft}/ready")).status == 410


async def test_a_facilitator_is_not_offered_to_waive(
    signed_in: SignIn, cast: Sample, draft: GroupId, database: Database
) -> None:
    async with database.transaction() as db:
        await db.execute(update(Account).where(Account.id == cast.ada).values(role="facilitator"))
    ada = await signed_in(cast.ada)
    page = await ada.get(f"/groups/{draft}/ready")
    assert "A coordinator can let it open all the same" in page.words and 'name="waiver"' not in page.text
    assert (await ada.post(f"/groups/{draft}/ready", {"waiver": "Because"})).status == 403
    assert await state_of(database, draft) == "draft"


# ------------------------------------------------------------------------------------------------ pause, close


async def test_a_group_pauses_and_goes_on(ada: Visitor, cast: Sample) -> None:
    page = await ada.get(f"/groups/{cast.settled}/pause")
    assert "What this means for members" in page.words and "please tell your members yourself" in page.words
    page = await ada.get((await ada.post(f"/groups/{cast.settled}/pause", {"reason": "Holidays"})).location)
    assert "The group pauses." in page.words and "none of these takes place until you go on" in page.words
    listed = await ada.get("/groups")
    assert "Maple room Paused No sessions for now." in listed.words
    page = await ada.get((await ada.post(f"/groups/{cast.settled}/resume")).location)
    assert "The group goes on." in page.words and "Paused" not in page.words


async def test_closing_says_what_it_means_and_can_be_undone(ada: Visitor, cast: Sample, database: Database) -> None:
    page = await ada.get(f"/groups/{cast.settled}/close")
    assert "the bot says your farewell" in page.words and "type the group's name: Maple room" in page.words
    answer = await ada.post(f"/groups/{cast.settled}/close", CLOSE)
    page = await ada.get(answer.location)
    assert (
        "Friday, 20 November 2026, 12:00, Berlin time" in page.words and "leaves the room to its members" in page.words
    )
    assert "Go well." not in page.text
    page = await ada.get((await ada.post(f"/groups/{cast.settled}/reopen")).location)
    assert "The group stays open, as it was." in page.words
    assert await state_of(database, cast.settled) == "open"


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("closes_on", "", "Please fill this in."),
        ("closes_on", "2026-11-02", "from tomorrow on"),
        ("closes_on", "someday", "Please choose a day"),
        ("kept_by", "me", "cannot be used"),
        ("farewell", "x" * 1001, "up to 1,000 letters"),
        ("typed_name", "Harbour room", "This is not the group's name."),
        ("typed_name", "", "Please fill this in."),
    ],
)
async def test_what_cannot_be_used_is_explained_and_the_farewell_stays(
    ada: Visitor, cast: Sample, database: Database, field: str, typed: str, sentence: str
) -> None:
    await ada.get(f"/groups/{cast.settled}/close")
    page = await ada.post(f"/groups/{cast.settled}/close", {**CLOSE, field: typed})
    assert page.status == 422 and sentence in page.words and f'id="{field}-error"' in page.text
    assert "Go well." in page.text or field == "farewell"
    assert await state_of(database, cast.settled) == "open"


async def test_two_who_close_the_same_group_see_each_others_word(
    ada: Visitor, signed_in: SignIn, cast: Sample, database: Database
) -> None:
    address = f"/groups/{cast.settled}/close"
    first, second = ada, await signed_in(cast.ada)
    opened = fields_of(await first.get(address))
    assert fields_of(await second.get(address)) == opened and opened["version"]
    assert (await first.post(address, {**CLOSE, **opened})).status == 303
    mine = {**CLOSE, **opened, "kept_by": "nobody", "farewell": "My words."}
    page = await second.post(address, {**mine, "typed_name": "Maple"})  # mistyped, and it is settled meanwhile
    assert page.status == 422 and "My words." in page.text and "Go well." in page.text
    assert "Somebody changed this meanwhile" in page.words
    page = await second.post(address, mine)
    assert page.status == 409 and "Somebody changed this meanwhile" in page.words
    text = page.text.replace("<bdi>", "").replace("</bdi>", "")
    assert "There now: Its members" in text and "Yours: Nobody" in text and "There now: Go well." in text
    assert "My words.</textarea>" in page.text
    page = await second.get((await second.post(address, {**mine, **fields_of(page)})).location)
    assert "asks everybody to leave the room" in page.words
    async with database.reading() as db:
        found = (await db.scalars(select(Group).where(Group.id == cast.settled))).one()
    assert (found.farewell, found.room_goes_to) == ("My words.", "nobody")


# ------------------------------------------------------------------------------------------------ edit


async def test_two_who_save_the_same_form_lose_nothing(ada: Visitor, signed_in: SignIn, cast: Sample) -> None:
    address = f"/groups/{cast.settled}/edit"
    first, second = ada, await signed_in(cast.ada)
    opened = fields_of(await first.get(address))
    assert fields_of(await second.get(address)) == opened and opened["was_name"] == "Maple room"
    assert (await first.post(address, {**EDIT, **opened, "name": "Elm room", "language": "en"})).status == 303
    mine = {**EDIT, **opened, "name": "Oak room", "purpose": "Our \r\nown words"}
    page = await second.post(address, mine)
    assert page.status == 409 and "Somebody changed this meanwhile" in page.words
    assert "There now: Elm room" in page.text.replace("<bdi>", "").replace("</bdi>", "")
    assert 'value="Oak room"' in page.text and "Our \nown words" in page.text
    again = {**mine, **fields_of(page)}
    assert again["was_name"] == "Elm room" and again["version"] != opened["version"]
    page = await second.get((await second.post(address, again)).location)
    assert "Saved." in page.words and "Oak room" in page.words and "own words" in page.words


async def test_what_only_the_other_changed_is_taken_over(ada: Visitor, signed_in: SignIn, cast: Sample) -> None:
    address = f"/groups/{cast.settled}/edit"
    opened = fields_of(await ada.get(address))
    await ada.post(address, {**EDIT, **opened, "name": "Elm room"})
    page = await ada.post(address, {**EDIT, **opened, "purpose": "Something else"})
    assert page.status == 409
    assert 'id="name" name="name" value="Elm room"' in page.text and "Something else</textarea>" in page.text


@pytest.mark.parametrize("version", ["", "-1", "x", "9" * 30])
async def test_a_version_nobody_has_is_refused(ada: Visitor, cast: Sample, version: str) -> None:
    await ada.get(f"/groups/{cast.settled}/edit")
    page = await ada.post(f"/groups/{cast.settled}/edit", {**EDIT, "name": "Elm room", "version": version})
    assert page.status == 422


async def test_a_telling_name_is_refused_and_what_was_typed_stays(ada: Visitor, cast: Sample) -> None:
    opened = fields_of(await ada.get(f"/groups/{cast.settled}/edit"))
    page = await ada.post(f"/groups/{cast.settled}/edit", {**EDIT, **opened, "name": "Sober together"})
    assert page.status == 422 and "choose a neutral one" in page.words
    assert fields_of(page) == opened


# ------------------------------------------------------------------------------------------------ delete


async def test_a_draft_is_deleted_listed_and_brought_back(ada: Visitor, dan: Visitor, draft: GroupId) -> None:
    page = await ada.get("/groups/deleted")
    assert "No group is deleted." in page.words
    page = await ada.get(f"/groups/{draft}/delete")
    assert "For 30 days you can bring it back." in page.words
    page = await ada.post(f"/groups/{draft}/delete", {"typed_name": "Maple room"})
    assert page.status == 422 and "This is not the group's name." in page.words
    page = await ada.get((await ada.post(f"/groups/{draft}/delete", {"typed_name": "cedar room"})).location)
    assert "The group is deleted." in page.words and "Cedar room" in page.words
    assert (await ada.get(f"/groups/{draft}")).status == 404
    assert "Cedar" not in (await ada.get("/groups")).text and "Cedar" not in (await dan.get("/groups/deleted")).text
    assert (await dan.post(f"/groups/{draft}/undelete")).status == 404
    page = await ada.get((await ada.post(f"/groups/{draft}/undelete")).location)
    assert "The group is back, as it was." in page.words


async def test_after_thirty_days_it_cannot_be_brought_back(
    ada: Visitor, cast: Sample, draft: GroupId, database: Database, clock: TurnedClock
) -> None:
    await ada.get(f"/groups/{draft}/delete")
    await ada.post(f"/groups/{draft}/delete", {"typed_name": "Cedar room"})
    async with database.transaction() as db:
        await db.execute(update(Group).where(Group.id == draft).values(deleted=clock.now() - deletions.KEPT_FOR))
    assert "Cedar" not in (await ada.get("/groups/deleted")).text
    assert (await ada.post(f"/groups/{draft}/undelete")).status == 410


async def test_a_closed_group_shows_that_it_is_over_and_nothing_that_cannot_be_done(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    async with database.transaction() as db:
        over = {"state": "closed", "closed": clock.now(), "opened": None, "room_goes_to": "nobody"}
        await db.execute(update(Group).where(Group.id == cast.settled).values(over))
    page = await ada.get(f"/groups/{cast.settled}")
    assert "This group is closed" in page.words and "The bot is taking leave of its room" in page.words
    assert 'id="room"' not in page.text and "@ben:chat.test" not in page.text
    assert (
        f'href="/groups/{cast.settled}/delete"' in page.text and f'href="/groups/{cast.settled}/edit"' not in page.text
    )
    page = await ada.get(f"/groups/{cast.settled}/leave")
    assert page.status == 200 and "Hand the group over?" in page.words
    assert f'href="/groups/{cast.settled}/leave"' in (await ada.get(f"/groups/{cast.settled}")).text
    for path in ("edit", "ready", "pause", "close"):
        assert (await ada.get(f"/groups/{cast.settled}/{path}")).status == 410
        assert (await ada.post(f"/groups/{cast.settled}/{path}", {})).status in (410, 422)
    assert (await ada.get("/groups")).words.index("Willow room") < (await ada.get("/groups")).words.index("Maple room")
