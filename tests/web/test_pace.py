"""A group that waits for the homeserver's pace is told how long, in kind words, and the page is not asked for often."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from facilitator import bots, pace, rooms, sightings
from facilitator.database import Database
from facilitator.database.tables import Room
from facilitator.ids import GroupId, MatrixRoomId, UserId
from facilitator.pace import Allowance
from facilitator.rules.wanted_room import ENCRYPTION
from facilitator.sightings import Looked
from tests.clock import TurnedClock
from tests.web.sample import Sample
from tests.web.visitor import Visitor

SECOND = timedelta(seconds=1)


@pytest.fixture
async def limited(database: Database, cast: Sample, clock: TurnedClock) -> None:
    """About a room a minute, a word each five seconds; the groups were started one after another."""
    now = clock.now()
    async with database.transaction() as db:
        bot = await bots.enrol(db, user_id=UserId("@hearth:panel.test"), homeserver="http://panel.test", now=now)
        await rooms.take_charge(db, bot.id)
        limits = [
            Allowance("create", 60 * SECOND, 10, now + 60 * SECOND, now),
            Allowance("message", 5 * SECOND, 10, now, now),
        ]
        await pace.keep(db, bot.id, limits)
        for group, minutes in ((cast.troubled, 1), (cast.new, 2)):
            started = now + timedelta(minutes=minutes)
            await db.execute(update(Room).where(Room.group_id == group).values(created=started))
        for group in (cast.troubled, cast.new):
            room = await rooms.group_room_id(db, group)
            await sightings.in_trouble(db, room, sightings.SLOW_DOWN, now=now)


async def found(database: Database, group: GroupId, now: datetime) -> None:
    async with database.transaction() as db:
        seen = Looked(MatrixRoomId("!maple:panel.test"), ENCRYPTION, "joined", {}, 20, now)
        await sightings.looked(db, await rooms.group_room_id(db, group), seen, now=now)


@pytest.mark.usefixtures("limited")
async def test_a_room_that_waits_says_when_it_will_be_ready(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    await found(database, cast.settled, clock.now())
    page = await ada.get(f"/groups/{cast.new}")
    assert "Catching up" in page.words and "In trouble" not in page.words
    assert (
        "The chat server lets the bot make only a few rooms at a time. Yours is number 2 in line, and should be ready "
        "in 2 minutes, at about 13:02 . You need not wait here: it goes on by itself." in page.words
    )
    assert (
        "Yours is the next, and should be ready in 1 minute, at about 13:01"
        in (await ada.get(f"/groups/{cast.troubled}")).words
    )
    assert 'data-again="15"' in page.text
    assert "a few seconds" not in page.words


@pytest.mark.usefixtures("limited")
async def test_invitations_that_wait_are_counted(
    ada: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    await found(database, cast.settled, clock.now())
    page = await ada.get(f"/groups/{cast.settled}")
    assert "2 of 4 people have their invitation." in page.words  # those who have joined, among them
    assert "only a few at a time; the last should be out in 3 minutes, at about 13:03" in page.words


async def test_without_a_limit_nothing_is_said_of_one(ada: Visitor, cast: Sample) -> None:
    page = await ada.get(f"/groups/{cast.new}")
    assert "at a time" not in page.words and "data-again" not in page.text
