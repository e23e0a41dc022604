"""What facilitators do with a group's life, for journeys: paused, resumed, closed."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from facilitator import groups, lives
from facilitator.ids import GroupId
from facilitator.rules.life import KeptBy, closing_moment
from tests.journeys.running import Running

FAREWELL = "Thank you all. Go well."


async def pause(house: Running, group: GroupId) -> None:
    async with house.database.transaction() as db:
        await lives.pause(db, by=house.cast.ada, group_id=group, now=house.clock.now())


async def resume(house: Running, group: GroupId) -> None:
    async with house.database.transaction() as db:
        await lives.resume(db, by=house.cast.ada, group_id=group, now=house.clock.now())


async def close(house: Running, group: GroupId, kept_by: KeptBy, *, days: int = 1, seen: bool = False) -> datetime:
    """Returns the moment it is closed at. `seen`: how it was settled before."""
    async with house.database.transaction() as db:
        page = await groups.page(db, by=house.cast.ada, group_id=group, now=house.clock.now())
        on: date = house.clock.now().astimezone(ZoneInfo(page.time_zone)).date() + timedelta(days=days)
        await lives.close(
            db, by=house.cast.ada, group_id=group, typed_name=page.name, on=on, farewell=FAREWELL, kept_by=kept_by,
            now=house.clock.now(), version=page.life.version if seen else None,
        )  # fmt: skip
    return closing_moment(on, page.time_zone)


async def reopen(house: Running, group: GroupId) -> None:
    async with house.database.transaction() as db:
        await lives.reopen(db, by=house.cast.ada, group_id=group, now=house.clock.now())


async def state_of(house: Running, group: GroupId) -> str:
    return (await house.page(group)).life.state
