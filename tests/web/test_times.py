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


async def test_where_it_is_another_day_its_name_is_said(ada: Visitor, cast: Sample, database: Database) -> None:
    await lives_in(database, cast, "Pacific/Auckland")
    page = await ada.get(f"/groups/{cast.settled}")
    assert f"{SESSION} (Wednesday, 07:00 in Auckland)" in page.words


async def test_the_same_hour_of_another_day_is_not_the_same_time(
    ada: Visitor, cast: Sample, database: Database
) -> None:
    await lives_in(database, cast, "Pacific/Kiritimati")
    filled = {"weekday": "3", "at": "20:15", "minutes": "60", "time_zone": "Honolulu", "first_day": ""}
    assert (await ada.post(f"/groups/{cast.new}/sessions/new", filled)).status == 303
    page = await ada.get(f"/groups/{cast.new}")
    assert "Thursday, 5 November 2026, 20:15 (Friday, 20:15 in" in page.words
    assert "· Friday, 07:15 in Berlin" in page.words, "the group's clocks show another day, too"


async def test_no_place_is_said_twice(ada: Visitor, cast: Sample, database: Database) -> None:
    filled = {"weekday": "3", "at": "07:30", "minutes": "60", "time_zone": "Lisbon", "first_day": ""}
    assert (await ada.post(f"/groups/{cast.new}/sessions/new", filled)).status == 303
    assert "· 08:30 in Berlin" in (await ada.get(f"/groups/{cast.new}")).words
    await lives_in(database, cast, "Europe/Berlin")
    page = await ada.get(f"/groups/{cast.new}")
    assert "07:30 (08:30 in Berlin)" in page.words and "· 08:30 in Berlin" not in page.words


async def test_whoever_told_us_none_gets_their_browsers_time_beside_it(ada: Visitor, cast: Sample) -> None:
    assert 'data-here="{time} where you are"' in (await ada.get(f"/groups/{cast.settled}")).text
