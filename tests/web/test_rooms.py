"""A group's room over years, in the panel: what is the matter, who could help, and a yes that says what it means."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from facilitator import groups, rooms, sightings
from facilitator.database import Database
from facilitator.database.tables import Account, JournalEntry, MembershipSighting, Room, RoomSighting
from facilitator.database.wakeup import Bell
from facilitator.ids import GroupId, RoomId
from tests.clock import TurnedClock
from tests.web.conftest import rang
from tests.web.sample import Sample
from tests.web.visitor import Visitor


@pytest.fixture
async def group(cast: Sample, database: Database, clock: TurnedClock) -> GroupId:
    """One whose room is up to date."""
    async with database.transaction() as db:
        for name in ("bridge", "homeserver"):
            await sightings.beat(db, name, now=clock.now())
        mine = await groups.mine(db, by=cast.ada, now=clock.now())
        return next(line.id for line in mine.lines if line.room.state == "up_to_date")


async def seen(database: Database, group: GroupId, **values: object) -> RoomId:
    async with database.transaction() as db:
        room = await rooms.group_room_id(db, group)
        await db.execute(update(RoomSighting).where(RoomSighting.room_id == room).values(**values))
        return room


async def ada_is(database: Database, cast: Sample, room: RoomId, membership: str, clock: TurnedClock) -> None:
    async with database.transaction() as db:
        ada = await db.get_one(Account, cast.ada)
        await sightings.people_seen(db, room, {ada.matrix_id: membership}, now=clock.now() + timedelta(hours=1))


async def test_a_room_with_nothing_the_matter_has_no_notice_and_no_page(ada: Visitor, group: GroupId) -> None:
    assert "room/new" not in (await ada.get(f"/groups/{group}")).text
    assert (await ada.get(f"/groups/{group}/room/new")).status == 410


async def test_an_old_room_may_move_when_it_suits_and_the_page_says_what_that_means(
    ada: Visitor, group: GroupId, database: Database, bell: Bell, cast: Sample
) -> None:
    room = await seen(database, group, obstacles=["other_version"])
    assert "made in an old way" in (await ada.get(f"/groups/{group}")).words
    page = await ada.get(f"/groups/{group}/room/new")
    assert "What members see" in page.words
    assert "has to accept it" in page.words
    answer = await ada.post(f"/groups/{group}/room/new", {"how": "upgrade"})
    assert answer.status == 303
    assert await rang(bell)
    assert "A new room is on its way." in (await ada.get(f"/groups/{group}")).words
    async with database.reading() as db:
        assert (await db.get_one(Room, room)).renewal == "upgrade"
        actor = select(JournalEntry.actor).where(JournalEntry.verb == "room renewal agreed: upgrade")
        assert (await db.scalars(actor)).all() == [cast.ada]


async def test_of_a_lost_room_it_is_said_who_can_help(
    ada: Visitor, group: GroupId, database: Database, cast: Sample, clock: TurnedClock
) -> None:
    room = await seen(database, group, trouble="room_lost")
    assert "No facilitator is in the room" in (await ada.get(f"/groups/{group}")).words
    await ada_is(database, cast, room, "join", clock)
    words = (await ada.get(f"/groups/{group}")).words
    assert "Who can help: Ada" in words
    assert "Nothing new is made without your word." in words
    assert "What the bot has to say there waits." in words
    assert "cannot come back by itself" in (await ada.get(f"/groups/{group}/room/new")).words
    assert (await ada.post(f"/groups/{group}/room/new", {"how": "upgrade"})).status == 410
    assert (await ada.post(f"/groups/{group}/room/new", {"how": "remake"})).status == 303


async def test_a_facilitator_who_left_can_be_asked_back(
    ada: Visitor, group: GroupId, database: Database, cast: Sample, clock: TurnedClock, bell: Bell
) -> None:
    room = await _room(database, group)
    await ada_is(database, cast, room, "leave", clock)
    assert "Not in the room any more: Ada" in (await ada.get(f"/groups/{group}")).words
    assert (await ada.post(f"/groups/{group}/room/ask-back", {})).status == 303
    assert await rang(bell)
    async with database.reading() as db:
        ada_id = (await db.get_one(Account, cast.ada)).matrix_id
        assert await db.get(MembershipSighting, (room, ada_id)) is None
        assert ada_id in (await rooms.wanted(db, room, now=clock.now())).people


async def test_a_facilitator_whose_invitation_did_not_arrive_is_named_and_can_be_asked_again(
    ada: Visitor, group: GroupId, database: Database, cast: Sample, clock: TurnedClock
) -> None:
    room = await _room(database, group)
    async with database.transaction() as db:
        ada_id = (await db.get_one(Account, cast.ada)).matrix_id
        assert ada_id is not None
        await db.execute(delete(MembershipSighting).where(MembershipSighting.person_index == ada_id))
        await sightings.could_not_invite(db, room, {ada_id: ("forbidden", None)}, now=clock.now())
        assert ada_id not in (await rooms.wanted(db, room, now=clock.now())).people
    assert "did not arrive: Ada" in (await ada.get(f"/groups/{group}")).words
    assert (await ada.post(f"/groups/{group}/room/ask-back", {})).status == 303
    async with database.reading() as db:
        assert ada_id in (await rooms.wanted(db, room, now=clock.now())).people


async def _room(database: Database, group: GroupId) -> RoomId:
    async with database.reading() as db:
        return await rooms.group_room_id(db, group)


@pytest.mark.parametrize("trouble", ["room_moved", "room_closed", "no_power"])
async def test_each_trouble_of_a_room_over_years_has_words(
    ada: Visitor, group: GroupId, database: Database, trouble: str
) -> None:
    await seen(database, group, trouble=trouble)
    assert "Something about the room does not work" not in (await ada.get(f"/groups/{group}")).words
