"""The standing cast: Ada facilitates, Ben is a member, Cleo is on call, Dan must see nothing."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from facilitator import accounts, groups, lives
from facilitator.database import Database
from facilitator.ids import AccountId, GroupId, UserId

ADA, BEN, CLEO, DAN = (UserId(f"@{name}:test") for name in ("ada", "ben", "cleo", "dan"))
EVE = UserId("@eve:test")
"""A stranger: nobody here knows her."""
BOT = UserId("@hearth:test")

PURPOSE = "A quiet hour together."
WAIVER = "A test needs no second facilitator."


@dataclass(frozen=True)
class Cast:
    """Who has an account of the panel. Dan has one too, and no business with Ada's groups."""

    ada: AccountId
    dan: AccountId


async def enter(database: Database, *, now: datetime) -> Cast:
    async with database.transaction() as db:
        return Cast(
            ada=await accounts.add_coordinator(db, name="Ada", matrix_id=ADA, now=now),
            dan=await accounts.add_coordinator(db, name="Dan", matrix_id=DAN, now=now),
        )


async def open_group(
    database: Database, by: AccountId, *, now: datetime, name: str = "Maple room", zone: str = "Europe/Berlin"
) -> GroupId:
    """A group people can be asked into."""
    async with database.transaction() as db:
        return await opened(db, by, now=now, name=name, zone=zone)


async def start_group(
    database: Database, by: AccountId, *, now: datetime, name: str = "Maple room", zone: str = "Europe/Berlin"
) -> GroupId:
    """A draft."""
    async with database.transaction() as db:
        return await groups.start(db, by=by, name=name, purpose=PURPOSE, language="en", time_zone=zone, now=now)


async def opened(
    db: AsyncSession, by: AccountId, *, now: datetime, name: str = "Maple room", zone: str = "Europe/Berlin"
) -> GroupId:
    """Started, and opened by a coordinator although nothing it needs is there."""
    group = await groups.start(db, by=by, name=name, purpose=PURPOSE, language="en", time_zone=zone, now=now)
    await lives.open_group(db, by=by, group_id=group, lines=(), waiver=WAIVER, now=now)
    return group
