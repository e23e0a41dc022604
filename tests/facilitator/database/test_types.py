"""Columns: instants that sort, wall times, sealed text that only its ring and its place open, blind equality."""

import sqlite3
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select, text, update

from facilitator.database import Database, connect
from facilitator.database.keys import CannotOpen
from facilitator.database.tables import Account, Act, BotAccount, Group, MembershipSighting, Room, Series
from facilitator.database.types import RingMissing, Unfit
from facilitator.ids import AccountId, ActId, BotId, GroupId, RoomId, SeriesId, UserId
from tests.keys import Keys

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
ADA = UserId("@ada-of-the-canary:hearth.example")


def ada(account_id: str = "ada", matrix_id: UserId = ADA, created: datetime = NOON) -> Account:
    return Account(
        id=AccountId(account_id), role="facilitator", name="Ada Canary", matrix_id=matrix_id,
        matrix_id_index=matrix_id, created=created,
    )  # fmt: skip


async def test_what_was_sealed_reads_back(any_database: Database) -> None:
    async with any_database.transaction() as db:
        db.add(ada())
    async with any_database.reading() as db:
        found = (await db.scalars(select(Account))).one()
    assert (found.name, found.matrix_id, found.created, found.disabled) == ("Ada Canary", ADA, NOON, None)
