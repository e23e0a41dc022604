"""The journal as pages and as a file: who may read what, how it is chosen, and that nothing leaks."""

import asyncio
import csv
import io
from datetime import timedelta
from urllib.parse import quote

import pytest
from aiohttp import ClientError
from sqlalchemy import text

from facilitator import journal, members
from facilitator.database import Database
from facilitator.database.tables import Account
from tests.clock import TurnedClock
from tests.web import sample
from tests.web.sample import Sample
from tests.web.visitor import Page, Visitor
from web import deeds
from web.pages import journal_file


async def note(database: Database, cast: Sample, clock: TurnedClock, verb: str, **more: str | None) -> None:
    async with database.transaction() as db:
        given = {"actor": journal.BRIDGE, "group_id": cast.settled, **more}
        await journal.note(db, verb, now=clock.now(), **given)  # type: ignore[arg-type]


def rows(page: Page) -> list[list[str]]:
    return list(csv.reader(io.StringIO(page.text.removeprefix("\ufeff"), newline="")))


async def test_it_says_who_did_what_and_what_is_not_recorded(ada: Visitor, cast: Sample) -> None:
    page = await ada.get("/journal")
    for sentence in (
        "Ada invited @eli:chat.test.", "@fay:chat.test left, or did not want to come.", "Ada removed @gus:chat.test.",
        "Ada planned weekly sessions.", "Ada signed in.", "Monday, 2 November 2026", "What is not recorded",
    ):  # fmt: skip
        assert sentence in page.words, page.words
    for each in deeds.NOT_RECORDED:
        assert each in page.words


async def test_a_groups_journal_is_its_own_alone(ada: Visitor, dan: Visitor, cast: Sample) -> None:
    page = await ada.get(f"/groups/{cast.troubled}/journal")
    assert page.status == 200 and "Ada started the group." in page.words and "@eli" not in page.words
    assert (await dan.get(f"/groups/{cast.troubled}/journal")).status == 404


@pytest.mark.parametrize("path", ["/journal", "/journal?group={group}", "/journal.csv", "/journal.csv?group={group}"])
async def test_whoever_runs_none_of_it_reads_none_of_it(dan: Visitor, cast: Sample, path: str) -> None:
    page = await dan.get(path.format(group=cast.settled))
    assert page.status == 200
    assert "chat.test" not in page.text and "Maple" not in page.text and "planned" not in page.text


async def test_what_the_bot_did_and_why_somebody_did_it(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    await note(database, cast, clock, "stranger removed")
    await note(database, cast, clock, "group paused", actor=cast.ada, reason="Summer. <b>Back in September</b>")
    page = await ada.get(f"/groups/{cast.settled}/journal?person=bridge")
    assert "The bot removed somebody from the room whom nobody had asked in." in page.words
    assert "invited" not in page.words.partition("Monday")[2]
    page = await ada.get("/journal")
    assert "Why: Summer. <b>Back in September</b>" in page.words and "<b>Back" not in page.text


async def test_days_are_those_of_whoever_reads(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    async with database.transaction() as db:
        late = clock.now() + timedelta(hours=11, minutes=30)
        await journal.note(db, "stranger removed", actor=journal.BRIDGE, group_id=cast.settled, now=late)
    sentence = "The bot removed somebody"
    assert sentence in (await ada.get("/journal?from=2026-11-02&to=2026-11-02")).words
    assert "Nothing like this" in (await ada.get("/journal?from=2026-11-03")).words
    assert "Nothing like this" in (await ada.get("/journal?to=2026-11-01")).words
    await set_zone(database, cast, "Europe/Berlin")
    page = await ada.get("/journal?from=2026-11-03")
    assert sentence in page.words and "Tuesday, 3 November 2026 00:30" in page.words and "Berlin time" in page.words


async def set_zone(database: Database, cast: Sample, zone: str) -> None:
    async with database.transaction() as db:
        (await db.get_one(Account, cast.ada)).time_zone = zone


async def test_fifty_stand_on_a_page_and_the_next_follows(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    async with database.transaction() as db:
        for number in range(120):
            at = clock.now() + timedelta(seconds=number)
            await journal.note(db, "signed in", actor=cast.ada, group_id=cast.settled, now=at)
    path, found = f"/groups/{cast.settled}/journal?person={cast.ada}", []
    for number in (50, 50):
        page = await ada.get(path)
        found += [line for line in page.text.splitlines() if 'time datetime="2026' in line]
        assert page.text.count("<time") == number
        path = page.text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
        assert f"person={cast.ada}" in path
    assert "Newest entries" in page.words and found == sorted(found, reverse=True)


@pytest.mark.parametrize(
    "query",
    [
        "before=x", "before=20260101T000000000000~", "before=99999999T999999999999~" + "a" * 36, "from=x",
        "to=9999-12-31", "from=0001-01-01", "person=x", "group=x", "person=" + "%00", "from=2026-02-30",
        "group=" + quote("'; --"),
    ],
)  # fmt: skip
async def test_an_address_nobody_could_have_chosen_is_passed_over(ada: Visitor, query: str) -> None:
    page = await ada.get(f"/journal?{query}")
    assert page.status == 200 and "Ada started the group." in page.words


async def test_each_field_that_was_edited_has_a_sentence_of_its_own(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    for field in deeds.EDITED:
        await note(database, cast, clock, "group edited", actor=cast.ada, subject=field)
    page = await ada.get(f"/groups/{cast.settled}/journal")
    for sentence in deeds.EDITED.values():
        assert page.words.count(sentence % {"who": "Ada"}) == 1


async def test_a_day_that_cannot_be_read_is_said_beside_its_field(ada: Visitor) -> None:
    page = await ada.get("/journal?from=31.12.2026&to=2026-12-31")
    assert "Please write the day as year, month and day, like 2026-12-31." in page.words
    assert 'id="from-error"' in page.text and 'aria-describedby="from-error"' in page.text
    assert 'value="31.12.2026"' in page.text and 'id="to-error"' not in page.text


async def test_who_ran_a_group_before_can_be_chosen_in_its_journal(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    choice = f'<option value="{cast.dan}"'
    assert choice not in (await ada.get(f"/groups/{cast.settled}/journal")).text
    await note(database, cast, clock, "stopped running the group", actor=cast.dan, subject=cast.dan)
    page = await ada.get(f"/groups/{cast.settled}/journal")
    assert choice in page.text and choice not in (await ada.get(f"/groups/{cast.troubled}/journal")).text


async def test_the_file_has_the_same_in_words_and_no_matrix_id(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    clock.turn(timedelta(seconds=1))
    await note(database, cast, clock, "group paused", actor=cast.ada, reason="@gus:chat.test shouted")
    page = await ada.get(f"/journal.csv?group={cast.settled}")
    assert page.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert page.headers["Content-Disposition"] == 'attachment; filename="journal.csv"'
    first, newest, *older = rows(page)
    assert first == ["When (UTC)", "Group", "What happened"]
    assert newest == ["2026-11-02 12:00:01", "Maple room", "Ada paused the group."]
    assert "Ada invited a member." in {row[2] for row in older} and "chat.test" not in page.text
    assert len(rows(await ada.get(f"/journal.csv?group={cast.settled}&person=bridge"))) == 1


async def test_a_long_file_comes_in_pieces_and_between_two_of_them_others_have_their_turn(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    async with database.transaction() as db:
        for number in range(2 * journal_file.PIECE):
            clock.turn(timedelta(seconds=1))
            await journal.note(
                db, "group paused", actor=cast.ada, group_id=cast.settled, reason=f"{number}", now=clock.now()
            )
    before = database.statements
    file = asyncio.create_task(ada.get("/journal.csv"))
    while database.statements == before and not file.done():
        await asyncio.sleep(0)
    assert (await ada.get("/help")).status == 200 and not file.done()
    found = [row[0] for row in rows(await file) if row[2] == "Ada paused the group."]
    assert found == sorted(found, reverse=True) and len(set(found)) == 2 * journal_file.PIECE


async def test_a_file_that_cannot_be_read_to_its_end_breaks_off(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of it would look whole."""
    async with database.transaction() as db:
        for _ in range(journal_file.PIECE):
            clock.turn(timedelta(seconds=1))
            await journal.note(db, "group paused", actor=cast.ada, group_id=cast.settled, now=clock.now())

    async def loses_it(_duration: timedelta) -> None:
        async with database.transaction() as db:
            await db.execute(text("DROP TABLE journal"))

    monkeypatch.setattr(clock, "sleep", loses_it)
    with pytest.raises(ClientError):
        await ada.get("/journal.csv")


async def test_it_asks_as_much_with_three_groups_as_with_sixty(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    counts = []
    for more in (0, 57):
        async with database.transaction() as db:
            for each in range(more):
                group = await sample.open_group(db, cast.ada, f"Room {each}", clock.now())
                await members.invite(db, by=cast.ada, group_id=group, matrix_id="@ben:chat.test", now=clock.now())
        before = database.statements
        for path in ("/journal", f"/groups/{cast.settled}/journal", "/journal.csv"):
            assert (await ada.get(path)).status == 200
        counts.append(database.statements - before)
    assert counts[0] == counts[1]
