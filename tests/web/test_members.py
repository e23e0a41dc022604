"""Inviting by Matrix id, and how each member stands, in words."""

import re
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from facilitator import encryption_health, missing, rooms, sightings
from facilitator.database import Database
from facilitator.database.tables import MembershipSighting
from facilitator.database.wakeup import Bell
from facilitator.ids import UserId
from facilitator.rules.reach import Health, Reach
from tests.clock import TurnedClock
from tests.web import sample
from tests.web.conftest import rang
from tests.web.sample import ADA, Sample
from tests.web.visitor import Visitor
from web import words


def form(cast: Sample) -> str:
    return f"/groups/{cast.settled}/members"


async def test_an_invitation_goes_on_its_way(ada: Visitor, cast: Sample, bell: Bell) -> None:
    answer = await ada.post(form(cast), {"matrix_id": " https://matrix.to/#/@new:chat.test "})
    assert answer.status == 303 and await rang(bell)
    page = await ada.get(answer.location)
    assert "The invitation is on its way." in page.words
    assert "@new:chat.test Invited, not in the room yet" in page.words


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Please fill this in."),
        ("ben", "starts with @"),
        ("@ben", "The part after the colon is missing"),
        ("@ben frank:chat.test", "has a space"),
        ("@ben:not a server", "is not a server's name"),
        ("@ben:192.0.2.7", "has an address in numbers and no name"),
        ("@ben:chat.test", "in the group already"),
        ("@eli:chat.test", "has an open invitation"),
        (ADA, "is a facilitator of the group"),
        ("@" + "x" * 260 + ":chat.test", "longer than a Matrix ID can be"),
    ],
)
async def test_what_cannot_be_used_is_explained_and_stays(
    ada: Visitor, cast: Sample, bell: Bell, typed: str, sentence: str
) -> None:
    page = await ada.post(form(cast), {"matrix_id": typed})
    assert page.status == 422 and not await rang(bell)
    assert sentence in page.words and 'aria-describedby="matrix_id-hint matrix_id-error"' in page.text
    assert f'value="{typed}"' in page.text and "Maple room" in page.words


@pytest.mark.parametrize(
    ("person", "standing", "reason"),
    [
        ("@ben:chat.test", "In the room", ""),
        ("@eli:chat.test", "Invited, not in the room yet", ""),
        ("@fay:chat.test", "Left", ""),
        ("@gus:chat.test", "Removed", ""),
        ("@hal:closed.test", "Invitation not delivered", "do not accept invitations from here"),
        ("@ida:chat.test", "Invitation not delivered", "knows nobody of this name"),
        ("@jon:nowhere.test", "Invitation not delivered", "chat server is not known, or cannot be reached"),
        ("@kim:chat.test", "Invitation on its way", "This one goes out by itself. Next try in 3 minutes."),
        ("@lou:away.test", "Invitation on its way", "keeps trying by itself. Next try in 8 minutes."),
    ],
)
async def test_every_standing_and_trouble_has_its_words(
    ada: Visitor, cast: Sample, person: str, standing: str, reason: str
) -> None:
    page = await ada.get(f"/groups/{cast.settled}")
    line = page.text[page.text.index(f">{person}<") :]
    line = line[: line.index("</li>")]
    assert f">{standing}<" in line and reason in " ".join(line.replace("\n", " ").split())


@pytest.mark.parametrize("person", ["@fay:chat.test", "@hal:closed.test", "@ida:chat.test"])
async def test_whoever_left_or_was_not_reached_is_asked_again_by_one_button(
    ada: Visitor, cast: Sample, person: str
) -> None:
    page = await ada.get(f"/groups/{cast.settled}")
    assert f'name="matrix_id" value="{person}"' in page.text
    answer = await ada.post(form(cast), {"matrix_id": person})
    assert answer.status == 303
    assert f"{person} Invited, not in the room yet" in (await ada.get(answer.location)).words


async def test_an_invitation_the_bot_sees_to_by_itself_offers_no_button(ada: Visitor, cast: Sample) -> None:
    page = await ada.get(f"/groups/{cast.settled}")
    for person in ("@kim:chat.test", "@lou:away.test", "@ben:chat.test", "@eli:chat.test"):
        assert f'name="matrix_id" value="{person}"' not in page.text


async def test_a_group_without_members_says_what_to_do(ada: Visitor, cast: Sample) -> None:
    assert "Nobody is invited yet." in (await ada.get(f"/groups/{cast.new}")).words


def test_a_trouble_nobody_has_words_for_yet_still_reads_well() -> None:
    assert words.SOME_TROUBLE and words.SOME_NEXT and words.SOME_MEMBER_TROUBLE


@pytest.fixture
async def page_of_healths(ada: Visitor, cast: Sample, database: Database, clock: TurnedClock) -> str:
    async with database.transaction() as db:
        await sample.healths(db, cast.ada, cast.new, clock.now())
    return (await ada.get(f"/groups/{cast.new}")).text


@pytest.mark.parametrize(
    ("person", "standing", "next_step"),
    [
        ("@nia:chat.test", "In the room, can read", None),
        ("@oda:chat.test", "In the room, can read on some devices", "One of their devices is not confirmed yet."),
        ("@pia:chat.test", "In the room, can read on some devices", "open the app there for a minute"),
        ("@quinn:chat.test", "In the room, cannot read yet", "Their device is not confirmed yet."),
        ("@ravi:chat.test", "In the room, cannot read yet", "the bot then tries again by itself"),
        ("@sol:chat.test", "In the room, cannot read yet", "Ask them to sign in with an up-to-date Matrix app"),
        ("@tea:away.test", "In the room, perhaps cannot read", "Their server does not answer just now"),
        ("@uma:chat.test", "In the room, but the bot cannot read them", "write something"),
        ("@vito:chat.test", "In the room, with a new identity", "Ask them in another way"),
    ],
)
async def test_the_roster_says_who_cannot_read_yet_and_what_to_pass_on(
    page_of_healths: str, person: str, standing: str, next_step: str | None
) -> None:
    folded, roster = page_of_healths[page_of_healths.index('id="members"') :].split("</details>")
    assert f">{standing}<" in line_of(person, roster) and 'class="note"' not in line_of(person, roster)
    if next_step is None:
        assert f">{person}<" not in folded, "all is well: nothing to say"
    else:
        assert next_step in line_of(person, folded) and "Noticed 1 hour ago." in line_of(person, folded)


def line_of(person: str, page: str) -> str:
    line = page[page.index(f">{person}<") :]
    return " ".join(line[: line.index("</li>")].split())


async def test_whoever_has_asked_them_says_that_a_new_identity_is_theirs(
    ada: Visitor, dan: Visitor, cast: Sample, page_of_healths: str
) -> None:
    line = line_of("@vito:chat.test", page_of_healths[page_of_healths.index("</details>") :])
    found = re.search(r'action="([^"]+/identity)".* name="noticed" value="([^"]+)"', line)
    assert found is not None and "It was them" in line
    address, noticed = found.groups()
    assert page_of_healths.count("It was them") == 1, "of nobody else is there anything to say"
    assert (await dan.post(address, {"noticed": noticed})).status == 404
    for never in ("yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:00-14:00", "2026-11-02T12:00:00"):
        assert (await ada.post(address, {"noticed": never})).status == 400
    early = (datetime.fromisoformat(noticed) - timedelta(seconds=1)).isoformat()
    assert "changed once more" in (await ada.post(address, {"noticed": early})).words
    answer = await ada.post(address, {"noticed": noticed})
    page = await ada.get(answer.location)
    assert "the new identity is theirs" in page.words and "@vito:chat.test In the room, can read" in page.words
    assert "It was them" not in page.words


async def test_whom_the_room_has_no_more_is_said_to_be_gone_and_can_be_invited_again(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    async with database.transaction() as db:
        room = await rooms.group_room_id(db, cast.settled)
        gone = {"membership": missing.GONE, "missing": clock.now()}
        await sightings.people_seen(db, room, {UserId("@ben:chat.test"): "join"}, now=clock.now())
        await db.execute(
            update(MembershipSighting).where(MembershipSighting.person_index == "@ben:chat.test").values(gone)
        )
    page = await ada.get(f"/groups/{cast.settled}")
    line = line_of("@ben:chat.test", page.text)
    assert ">Not in the room any more<" in line and "did not hear them leave" in line
    assert 'name="matrix_id" value="@ben:chat.test"' in line and "Remove<" in line
    answer = await ada.post(form(cast), {"matrix_id": "@ben:chat.test"})
    assert "@ben:chat.test Invited, not in the room yet" in (await ada.get(answer.location)).words


async def test_what_to_pass_on_to_several_is_folded_and_said_once_for_all_it_is_for(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    await sees(database, cast, clock, {"@ben:chat.test": Reach(refused=1), "@cleo:elsewhere.test": Reach(refused=2)})
    page = await ada.get(f"/groups/{cast.settled}")
    assert "2 people cannot read yet: what to pass on" in page.words
    assert page.text.count("Their device is not confirmed yet.") == 1
    assert page.text.count(">In the room, cannot read yet<") == 2


async def test_of_those_who_read_somewhere_it_is_not_said_that_they_cannot(page_of_healths: str) -> None:
    assert "8 people may have trouble reading or being read: what to pass on" in page_of_healths
    assert "people cannot read yet" not in page_of_healths


async def test_what_to_pass_on_to_one_person_stands_open_in_their_line(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    await sees(database, cast, clock, {"@ben:chat.test": Reach(refused=1), "@cleo:elsewhere.test": Reach(given=1)})
    members = (await ada.get(f"/groups/{cast.settled}")).text.partition('id="members"')[2]
    assert "Their device is not confirmed yet." in line_of("@ben:chat.test", members)
    assert "<details" not in members


async def sees(database: Database, cast: Sample, clock: TurnedClock, found: dict[str, Reach]) -> None:
    async with database.transaction() as db:
        room = await rooms.group_room_id(db, cast.settled)
        reached = {UserId(person): reach for person, reach in found.items()}
        await encryption_health.reached(db, {room: reached}, now=clock.now() - timedelta(hours=1))


async def test_a_facilitator_whose_own_device_is_not_confirmed_reads_it_first(page_of_healths: str) -> None:
    assert "One of your own devices is not confirmed and cannot read this room." in page_of_healths


@pytest.mark.parametrize("health", [health for health in Health if health not in (Health.UNKNOWN, Health.READS)])
def test_every_way_of_not_being_well_has_its_line_and_its_next_step(health: Health) -> None:
    assert words.CAN_READ[health] and words.NEXT_TO_READ[health]


def test_what_is_passed_on_names_no_device_and_no_app() -> None:
    for sentence in (*words.NEXT_TO_READ.values(), *words.YOURSELF.values()):
        assert not [app for app in ("Element", "Cinny", "FluffyChat", "SchildiChat", "Nheko") if app in sentence]
