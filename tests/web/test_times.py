"""A time is shown where the group is and where its reader is, with the cities' names, and in UTC for machines."""

from sqlalchemy import update

from facilitator.database import Database
from facilitator.database.tables import Account
from tests.web.sample import Sample
from tests.web.visitor import Visitor

SESSION = "Tuesday, 3 November 2026, 19:00"


async def lives_in(database: Database, cast: Sample, zone: str | None) -> None:
    async with database.transaction() as db:
        await db.execute(update(Account).where(Account.id == cast.ada).values(time_zone=zone))


async def test_whoever_told_us_a_city_reads_both_times(ada: Visitor, cast: Sample, database: Database) -> None:
    await lives_in(database, cast, "America/New_York")
    page = await ada.get(f"/groups/{cast.settled}")
    assert f"{SESSION} (13:00 in New York)" in page.words
    assert '<time datetime="2026-11-03T18:00:00Z"' in page.text
    assert "data-here" not in page.text, "the browser adds nothing to it"


async def test_one_time_is_enough_where_both_are_the_same(ada: Visitor, cast: Sample, database: Database) -> None:
    await lives_in(database, cast, "Europe/Paris")
    page = await ada.get(f"/groups/{cast.settled}")
    assert SESSION in page.words and f"{SESSION} (" not in page.words


async def test_whoever_told_us_none_gets_their_browsers_time_beside_it(ada: Visitor, cast: Sample) -> None:
    assert 'data-here="{time} where you are"' in (await ada.get(f"/groups/{cast.settled}")).text
