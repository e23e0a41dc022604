"""Groups whose rooms have years behind them, for the tests of what becomes of them."""

from sqlalchemy import select

from facilitator import renewals
from facilitator.database.tables import RoomSighting
from facilitator.ids import GroupId, UserId
from facilitator.renewals import How
from tests.cast import ADA
from tests.fake_rooms import FakeRoom
from tests.journeys.running import Running

RECOVERY = UserId("@recovery:test")
ADMIN = UserId("@admin:test")
"""Somebody with the right to anything: whoever runs the homeserver."""


async def old_room(house: Running, *people: UserId) -> tuple[GroupId, FakeRoom]:
    """A group whose room is of version 11, with Ada and these people in it; the homeserver makes newer ones now."""
    house.server.room_version = "11"
    group, room = await room_with(house, *people)
    house.server.room_version = "12"
    await house.start()
    await house.settle()
    return group, room


async def room_with(house: Running, *people: UserId) -> tuple[GroupId, FakeRoom]:
    """A group's room with Ada and these people in it."""
    group = await house.open_group()
    await house.settle()
    room = house.marked(await house.room_id(group))
    await house.person(ADA).join(room.room)
    for person in people:
        await house.member(group, person)
    await house.settle()
    return group, room


async def agree(house: Running, group: GroupId, how: How = "upgrade") -> None:
    async with house.database.transaction() as db:
        await renewals.agree(db, by=house.cast.ada, group_id=group, how=how, now=house.clock.now())


async def newest(house: Running, group: GroupId) -> FakeRoom:
    return house.all_marked(await house.room_id(group))[-1]


async def accept_all(house: Running, *people: UserId) -> None:
    for user in people:
        for room in await house.person(user).invitations():
            await house.person(user).join(room)
    await house.settle()


async def obstacles(house: Running, group: GroupId) -> list[str]:
    room = await house.room_id(group)
    async with house.database.reading() as db:
        return await db.scalar(select(RoomSighting.obstacles).where(RoomSighting.room_id == room)) or []
