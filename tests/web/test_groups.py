"""The list of one's groups, starting one, and a group's page."""

from datetime import timedelta

import pytest

from facilitator import sightings
from facilitator.database import Database
from facilitator.database.wakeup import Bell
from tests.clock import TurnedClock
from tests.web import sample
from tests.web.conftest import rang
from tests.web.sample import PURPOSE, Sample
from tests.web.visitor import Page, Visitor, made_with
from web import words

GOOD = {"name": "Cedar room", "purpose": "Talking", "language": "en", "time_zone": "Lisbon (Portugal)"}


async def test_whoever_has_no_group_reads_what_to_do(dan: Visitor) -> None:
    page = await dan.get("/groups")
    assert "You have no group yet." in page.words and 'href="/groups/new"' in page.text


async def test_the_list_says_in_words_how_each_room_is(ada: Visitor) -> None:
    page = await ada.get("/groups")
    for name, state in (("Harbour", "Catching up"), ("Maple", "Up to date"), ("Willow", "In trouble")):
        assert f"{name} room {state}" in page.words
    assert "Next session: Tuesday, 3 November 2026, 19:00, Berlin time" in page.words
    assert "8 members" in page.words


async def test_a_name_is_suggested_and_explained(ada: Visitor) -> None:
    page = await ada.get("/groups/new")
    assert 'name="name" value="' in page.text and 'room"' in page.text
    assert "lock screens" in page.words


async def test_starting_a_group_rings_the_bell_and_shows_it(ada: Visitor, bell: Bell) -> None:
    await ada.get("/groups/new")
    answer = await ada.post("/groups/new", GOOD)
    assert answer.status == 303 and await rang(bell)
    page = await ada.get(answer.location)
    assert "Your group is started, as a draft." in page.words and "Catching up" in page.words
    assert "Lisbon (Portugal)" in page.words and "Talking" in page.words


async def test_a_form_sent_twice_starts_one_group(ada: Visitor) -> None:
    filled = GOOD | {"group": made_with(await ada.get("/groups/new"), "group")}
    first, second = await ada.post("/groups/new", filled), await ada.post("/groups/new", filled)
    assert first.status == second.status == 303 and first.location == second.location
    assert (await ada.get("/groups")).words.count("Cedar room") == 1


async def test_the_id_of_somebody_elses_group_starts_nothing(dan: Visitor, cast: Sample) -> None:
    await dan.get("/groups/new")
    assert (await dan.post("/groups/new", GOOD | {"group": cast.settled})).status == 404
    assert "You have no group yet." in (await dan.get("/groups")).words


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("name", "Sober together", "choose a neutral one"),
        ("name", "", "Please fill this in."),
        ("name", "x" * 65, "too long"),
        ("name", "x" * 301, "That is too long."),
        ("purpose", "x" * 501, "up to 500 letters"),
        ("purpose", "a\x00b", "a character in it that cannot be used"),
        ("language", "../en", "Choose the group's language"),
        ("time_zone", "Atlantis", "We do not know this city."),
        ("time_zone", "Berlni", "Did you mean Berlin (Germany)?"),
        ("time_zone", "Newcastle", "more than one city of this name"),
    ],
)
async def test_what_cannot_be_used_is_explained_beside_its_field_and_stays(
    ada: Visitor, bell: Bell, field: str, typed: str, sentence: str
) -> None:
    await ada.get("/groups/new")
    page = await ada.post("/groups/new", {**GOOD, field: typed})
    assert page.status == 422 and not await rang(bell)
    assert f'id="{field}-error"' in page.text and sentence in page.words
    assert f'<a href="#{field}">' in page.text and "Almost there." in page.words
    shown = {
        name: value for name, value in {**GOOD, field: typed}.items() if name != "language" and "\x00" not in value
    }
    assert_typed(page, shown)


async def test_everything_that_is_wrong_is_said_at_once(ada: Visitor) -> None:
    await ada.get("/groups/new")
    page = await ada.post("/groups/new", {**GOOD, "name": "Sober together", "time_zone": "Atlantis"})
    assert 'id="name-error"' in page.text and 'id="time_zone-error"' in page.text
    page = await ada.post("/groups/new", {})
    assert page.words.count("Please fill this in.") == 8  # beside each of four fields, and above


async def test_a_field_that_is_not_on_the_page_is_refused(ada: Visitor) -> None:
    await ada.get("/groups/new")
    page = await ada.post("/groups/new", {**GOOD, "role": "coordinator"})
    assert page.status == 400 and "reload the page" in page.words


async def test_what_was_typed_is_shown_as_text_and_never_as_a_page(ada: Visitor) -> None:
    await ada.get("/groups/new")
    page = await ada.post("/groups/new", {**GOOD, "purpose": "</textarea><script>x</script>", "time_zone": '"><b>'})
    assert "<script>x" not in page.text and "<b>" not in page.text


async def test_a_groups_page_shows_its_members_sessions_and_facilitators(ada: Visitor, cast: Sample) -> None:
    page = await ada.get(f"/groups/{cast.settled}")
    assert PURPOSE in page.words and "Facilitators Ada" in page.words and "Up to date" in page.words
    assert "Every Tuesday at 19:00, Berlin time, for 90 minutes" in page.words
    assert '<time datetime="2026-11-03T18:00:00Z"' in page.text


async def test_a_room_that_is_new_is_catching_up(ada: Visitor, cast: Sample) -> None:
    page = await ada.get(f"/groups/{cast.new}")
    assert "Catching up" in page.words and "usually takes a few seconds" in page.words and "Look again" in page.words


async def test_a_room_in_trouble_says_why_and_what_happens_next(ada: Visitor, cast: Sample) -> None:
    page = await ada.get(f"/groups/{cast.troubled}")
    assert "The chat server does not answer just now. The bot keeps trying by itself." in page.words
    assert "Last looked" in page.words


async def test_a_silent_bridge_is_said_of_every_room(ada: Visitor, cast: Sample, clock: TurnedClock) -> None:
    clock.turn(timedelta(minutes=3))
    for group in (cast.settled, cast.new, cast.troubled):
        page = await ada.get(f"/groups/{group}")
        assert "The program that looks after the rooms is not running." in page.words
        assert "will be done once it runs again" in page.words


async def test_a_silent_homeserver_is_told_from_a_silent_bridge(
    ada: Visitor, cast: Sample, clock: TurnedClock, database: Database
) -> None:
    clock.turn(timedelta(minutes=3))
    async with database.transaction() as db:
        await sightings.beat(db, "bridge", now=clock.now())
    assert "The chat server does not answer" in (await ada.get(f"/groups/{cast.settled}")).words


@pytest.mark.parametrize("trouble", words.ROOM_TROUBLES)
def test_every_trouble_of_a_room_has_a_reason_and_a_next_step(trouble: str) -> None:
    assert words.ROOM_TROUBLES[trouble] and words.NEXT[trouble]


async def test_pages_ask_the_database_as_much_with_ten_groups_as_with_two_hundred(
    dan: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    async def statements(path: str) -> int:
        before = database.statements
        assert (await dan.get(path)).status == 200
        return database.statements - before

    counts = []
    for number in (10, 190):
        async with database.transaction() as db:
            for each in range(number):
                group = await sample.open_group(db, cast.dan, f"Room {number} {each}", clock.now())
            await sample.invite_many(db, cast.dan, group, number, clock.now())
        paths = ("/groups", f"/groups/{group}", f"/groups/{group}/sessions/new", "/groups/new", "/help")
        counts.append({path.replace(group, "…"): await statements(path) for path in paths})
    assert counts[0] == counts[1]
    assert max(counts[0].values()) <= 11, counts[0]
    first, last = await dan.get("/groups"), await dan.get("/groups?page=4")
    assert "Page 1 of 4 Next groups" in first.words and 'href="/groups?page=2"' in first.text
    assert "Previous groups Page 4 of 4" in last.words and "Next groups" not in last.words
    for strange in ("0", "99999999", "x", "²", "-1", ""):
        assert (await dan.get(f"/groups?page={strange}")).status == 200


def assert_typed(page: Page, values: dict[str, str]) -> None:
    for value in values.values():
        assert f'value="{value}"' in page.text or f">{value}</textarea>" in page.text
