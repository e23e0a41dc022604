"""Which language the bot speaks where: a group's in its rooms; alone with somebody, theirs."""

import pytest

from facilitator import claims, members, rooms
from facilitator.database import Database
from facilitator.database.tables import Account, Group
from facilitator.ids import UserId
from facilitator.rooms import Place
from tests import cast
from tests.cast import ADA, BEN, EVE
from tests.clock import TurnedClock


async def place_alone(database: Database, person: UserId, clock: TurnedClock) -> Place:
    async with database.transaction() as db:
        place = await rooms.place(db, await rooms.direct_with(db, person, now=clock.now()))
    assert place is not None
    return place


async def test_alone_with_the_bot_everybody_reads_their_own_language(database: Database, clock: TurnedClock) -> None:
    people = await cast.enter(database, now=clock.now())
    group = await cast.open_group(database, people.ada, now=clock.now())
    async with database.transaction() as db:
        (await db.get_one(Group, group)).language = "ar"
        await members.invite(db, by=people.ada, group_id=group, matrix_id=BEN, now=clock.now())
        place = await rooms.place(db, await rooms.group_room_id(db, group))
    assert place is not None and (place.language, place.time_zone) == ("ar", "Europe/Berlin")
    ben = await place_alone(database, BEN, clock)
    assert (ben.language, ben.time_zone) == ("ar", "Europe/Berlin")
    async with database.transaction() as db:
        account = await db.get_one(Account, people.ada)
        account.language, account.time_zone = "de", "Europe/Lisbon"
    ada = await place_alone(database, ADA, clock)
    assert (ada.language, ada.time_zone) == ("de", "Europe/Lisbon")


@pytest.mark.parametrize("person", [ADA, EVE])
async def test_who_chose_nothing_is_spoken_to_as_the_house_usually_does(
    database: Database, clock: TurnedClock, person: UserId
) -> None:
    await cast.enter(database, now=clock.now())
    place = await place_alone(database, person, clock)
    assert (place.language, place.time_zone) == ("", "UTC")


async def test_who_is_about_to_link_an_id_is_spoken_to_there_in_their_language(
    database: Database, clock: TurnedClock
) -> None:
    people = await cast.enter(database, now=clock.now())
    async with database.transaction() as db:
        (await db.get_one(Account, people.ada)).language = "de"
        await claims.claim(db, by=people.ada, matrix_id="@ada:new", now=clock.now())
    assert (await place_alone(database, UserId("@ada:new"), clock)).language == "de"


async def test_to_a_member_nobody_elses_claim_changes_how_the_bot_speaks(
    database: Database, clock: TurnedClock
) -> None:
    people = await cast.enter(database, now=clock.now())
    group = await cast.open_group(database, people.ada, now=clock.now())
    async with database.transaction() as db:
        await members.invite(db, by=people.ada, group_id=group, matrix_id=BEN, now=clock.now())
        dan = await db.get_one(Account, people.dan)
        dan.language, dan.time_zone = "ar", "Asia/Tokyo"
        await claims.claim(db, by=people.dan, matrix_id=BEN, now=clock.now())
    ben = await place_alone(database, BEN, clock)
    assert (ben.language, ben.time_zone) == ("en", "Europe/Berlin")
