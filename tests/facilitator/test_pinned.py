"""Another identity than the first is noticed once, told by our ids alone, and stops nothing."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from facilitator import bots, members, pinned
from facilitator.database import Database
from facilitator.database.tables import JournalEntry, PinnedIdentity
from facilitator.ids import BotId, UserId
from tests import cast
from tests.cast import ADA, BEN, BOT, CLEO
from tests.clock import TurnedClock

ONE, TWO, THREE = "key one", "key two", "key three"


class House:
    def __init__(self, database: Database, clock: TurnedClock, bot: BotId) -> None:
        self.database, self.clock, self.bot = database, clock, bot

    async def seen(self, **shown: str) -> int:
        """How many are told of."""
        self.clock.turn(timedelta(minutes=1))
        people = {UserId(f"@{name}:test"): key for name, key in shown.items()}
        async with self.database.transaction() as db:
            return len(await pinned.seen(db, self.bot, people, now=self.clock.now()))

    async def changed(self) -> set[UserId]:
        async with self.database.reading() as db:
            return set(await pinned.changed(db, self.bot, [ADA, BEN, CLEO]))

    async def journal(self) -> int:
        async with self.database.reading() as db:
            entries = await db.scalars(select(JournalEntry).where(JournalEntry.verb == "identity changed"))
            return len(entries.all())


@pytest.fixture
async def house(any_database: Database, clock: TurnedClock) -> House:
    who = await cast.enter(any_database, now=clock.now())
    groups = [await cast.open_group(any_database, who.ada, now=clock.now(), name=n) for n in ("Maple room", "Harbour")]
    async with any_database.transaction() as db:
        for group in groups:
            await members.invite(db, by=who.ada, group_id=group, matrix_id=BEN, now=clock.now())
        bot = await bots.enrol(db, user_id=BOT, homeserver="http://test", now=clock.now())
    return House(any_database, clock, bot.id)


async def test_the_first_identity_is_kept_and_the_same_again_is_nothing(house: House) -> None:
    assert [await house.seen(ada=ONE, ben=ONE), await house.seen(ada=ONE), await house.seen(ben=ONE)] == [0, 0, 0]
    assert await house.changed() == set()


async def test_another_is_told_once_for_each_group_and_stays_known(house: House) -> None:
    await house.seen(ada=ONE, ben=ONE)
    assert await house.seen(ada=ONE, ben=TWO) == 2, "in each of the two groups"
    assert [await house.seen(ben=TWO), await house.seen(ben=THREE), await house.seen()] == [0, 0, 0]
    assert (await house.changed(), await house.journal()) == ({BEN}, 2)


async def test_a_facilitators_is_told_too(house: House) -> None:
    await house.seen(ada=ONE)
    assert await house.seen(ada=TWO) == 1
    assert await house.journal() == 1


async def test_the_first_one_back_is_no_change_any_more(house: House) -> None:
    await house.seen(ben=ONE)
    await house.seen(ben=TWO)
    await house.seen(ben=ONE)
    assert await house.changed() == set()
    assert await house.seen(ben=TWO) == 2


async def test_thousands_are_compared_in_a_few_statements(house: House) -> None:
    many = {UserId(f"@p{number}:test"): ONE for number in range(1_200)}
    async with house.database.transaction() as db:
        await pinned.seen(db, house.bot, many, now=house.clock.now())
        await pinned.seen(db, house.bot, dict.fromkeys(many, TWO), now=house.clock.now())
        rows = (await db.scalars(select(PinnedIdentity.changed))).all()
    assert len(rows) == 1_200
    assert None not in rows


async def test_no_id_and_no_key_stands_in_the_database_in_clear(house: House) -> None:
    await house.seen(ben=ONE)
    async with house.database.reading() as db:
        (row,) = (await db.scalars(select(PinnedIdentity))).all()
    assert BEN not in row.person_index
    assert ONE not in row.master_key
