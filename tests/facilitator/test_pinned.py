"""Another identity than the first is noticed once, told by our ids alone, and stops nothing."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from facilitator import bots, encryption_health, members, pinned, rooms, roster, sightings
from facilitator.database import Database
from facilitator.database.tables import JournalEntry, Member, PinnedIdentity
from facilitator.errors import NotAllowed, NotFound, TooLate
from facilitator.ids import AccountId, BotId, GroupId, MatrixRoomId, MemberId, UserId
from facilitator.rules import reach
from facilitator.rules.reach import Health
from tests import cast
from tests.cast import ADA, BEN, BOT, CLEO, DAN, Cast
from tests.clock import TurnedClock

ONE, TWO, THREE = "key one", "key two", "key three"


class House:
    def __init__(self, database: Database, clock: TurnedClock, who: Cast, bot: BotId) -> None:
        self.database, self.clock, self.who, self.bot = database, clock, who, bot
        self.group, self.ben = GroupId(""), MemberId("")

    async def seen(self, **shown: str) -> int:
        """How many are told of."""
        self.clock.turn(timedelta(minutes=1))
        people = {UserId(f"@{name}:test"): key for name, key in shown.items()}
        async with self.database.transaction() as db:
            return len(await pinned.seen(db, self.bot, people, now=self.clock.now()))

    async def changed(self) -> set[UserId]:
        async with self.database.reading() as db:
            return set(await pinned.changed(db, self.bot, [ADA, BEN, CLEO]))

    async def journal(self, verb: str = "identity changed") -> int:
        async with self.database.reading() as db:
            entries = await db.scalars(select(JournalEntry).where(JournalEntry.verb == verb))
            return len(entries.all())

    async def health(self) -> datetime | None:
        """Since when the roster shows Ben with a new identity."""
        async with self.database.reading() as db:
            ((health, since),) = (await encryption_health.of_group(db, self.group, now=self.clock.now())).values()
        return since if health == Health.IDENTITY_CHANGED else None

    async def it_was_them(
        self, noticed: datetime | None, *, by: AccountId | None = None, member: MemberId | None = None
    ) -> None:
        assert noticed is not None
        async with self.database.transaction() as db:
            await pinned.it_was_them(
                db, by=by or self.who.ada, group_id=self.group, member_id=member or self.ben, noticed=noticed,
                now=self.clock.now(),
            )  # fmt: skip

    async def forget_which(self) -> None:
        """As code did that did not keep it."""
        async with self.database.transaction() as db:
            await db.execute(update(PinnedIdentity).values(latest=None))


@pytest.fixture
async def house(any_database: Database, clock: TurnedClock) -> House:
    who = await cast.enter(any_database, now=clock.now())
    groups = [await cast.open_group(any_database, who.ada, now=clock.now(), name=n) for n in ("Maple room", "Harbour")]
    async with any_database.transaction() as db:
        bot = await bots.enrol(db, user_id=BOT, homeserver="http://test", now=clock.now())
        house = House(any_database, clock, who, bot.id)
        for house.group in groups:
            house.ben = await members.invite(db, by=who.ada, group_id=house.group, matrix_id=BEN, now=clock.now())
            room = await rooms.group_room_id(db, house.group)
            await members.joined(db, house.group, room, BEN, now=clock.now())
        await rooms.take_charge(db, bot.id)
        await sightings.found(db, room, MatrixRoomId("!one"), now=clock.now())
        await encryption_health.expect(db, room, [BEN], now=clock.now())
    return house


async def test_the_first_identity_is_kept_and_the_same_again_is_nothing(house: House) -> None:
    assert [await house.seen(ada=ONE, ben=ONE), await house.seen(ada=ONE), await house.seen(ben=ONE)] == [0, 0, 0]
    assert await house.changed() == set()


async def test_another_is_told_once_for_each_group_and_stays_known(house: House) -> None:
    await house.seen(ada=ONE, ben=ONE)
    assert await house.seen(ada=ONE, ben=TWO) == 2, "in each of the two groups"
    assert [await house.seen(ben=TWO), await house.seen()] == [0, 0]
    assert (await house.changed(), await house.journal()) == ({BEN}, 2)


async def test_every_later_one_is_noticed_and_shown_from_then_on(house: House) -> None:
    await house.seen(ben=ONE)
    await house.seen(ben=TWO)
    before = await house.health()
    house.clock.turn(reach.CHANGE_SHOWN)
    assert await house.health() is None
    assert [await house.seen(ben=THREE), await house.seen(ben=THREE)] == [2, 0]
    assert await house.health() == house.clock.now() - timedelta(minutes=1) != before
    assert [await house.seen(ben=TWO), await house.seen(ben=THREE)] == [2, 2], "to and fro is no secret either"


async def test_a_facilitators_word_ends_the_notice_in_every_group_and_the_next_is_noticed_again(house: House) -> None:
    await house.seen(ben=ONE)
    await house.seen(ben=TWO)
    noticed = await house.health()
    await house.it_was_them(noticed)
    await house.it_was_them(noticed)
    assert (await house.changed(), await house.health(), await house.journal("identity confirmed")) == (set(), None, 1)
    assert await house.seen(ben=TWO) == 0, "it is theirs now"
    assert await house.seen(ben=ONE) == 2, "and the first is not any more"


async def test_the_word_for_one_change_is_none_for_the_next(house: House) -> None:
    await house.seen(ben=ONE)
    await house.seen(ben=TWO)
    noticed = await house.health()
    await house.seen(ben=THREE)
    with pytest.raises(TooLate):
        await house.it_was_them(noticed)
    assert await house.changed() == {BEN}


async def test_it_is_for_those_who_run_the_group_to_say(house: House) -> None:
    await house.seen(ben=ONE)
    await house.seen(ben=TWO)
    with pytest.raises(NotFound):
        await house.it_was_them(await house.health(), by=house.who.dan)
    with pytest.raises(NotFound):
        await house.it_was_them(await house.health(), member=MemberId("nobody"))
    assert await house.changed() == {BEN}


@pytest.mark.parametrize("standing", ["invited", "left", "removed"])
async def test_of_whoever_is_not_in_the_group_nobody_says_it(house: House, standing: str) -> None:
    await house.seen(ben=ONE)
    await house.seen(ben=TWO)
    noticed = await house.health()
    async with house.database.transaction() as db:
        await db.execute(update(Member).where(Member.id == house.ben).values(standing=standing))
    with pytest.raises(NotFound):
        await house.it_was_them(noticed)
    assert await house.changed() == {BEN}


async def test_of_somebody_with_an_account_nobody_says_it(house: House) -> None:
    """Else whoever runs any group could open the panel to whoever has taken a coordinator's Matrix id over."""
    async with house.database.transaction() as db:
        dan = await members.invite(db, by=house.who.ada, group_id=house.group, matrix_id=DAN, now=house.clock.now())
        room = await rooms.group_room_id(db, house.group)
        await members.joined(db, house.group, room, DAN, now=house.clock.now())
    await house.seen(dan=ONE)
    await house.seen(dan=TWO)
    with pytest.raises(NotAllowed, match="coordinator"):
        await house.it_was_them(house.clock.now(), member=dan)
    async with house.database.reading() as db:
        assert await pinned.latest_change(db, DAN) == house.clock.now()
        (line,) = [line for line in await roster.of_group(db, house.group) if line.id == dan]
        assert line.has_account


async def test_no_moment_but_the_one_shown_will_do(house: House) -> None:
    await house.seen(ben=ONE)
    await house.seen(ben=TWO)
    with pytest.raises(TooLate):
        await house.it_was_them(house.clock.now() + timedelta(days=900))
    assert await house.changed() == {BEN}


async def test_what_two_bots_noticed_at_different_times_is_one_change(house: House) -> None:
    async with house.database.transaction() as db:
        other = await bots.enrol(db, user_id=UserId("@hearth2:test"), homeserver="http://test", now=house.clock.now())
    ours, theirs = house.bot, other.id
    for key in (ONE, TWO):
        for house.bot in (ours, theirs):
            await house.seen(ben=key)
    await house.it_was_them(await house.health())
    async with house.database.reading() as db:
        assert await pinned.latest_change(db, BEN) is None
    for house.bot in (ours, theirs):
        assert await house.seen(ben=TWO) == 0


async def test_what_another_bot_noticed_since_is_not_confirmed_with_it(house: House) -> None:
    async with house.database.transaction() as db:
        other = await bots.enrol(db, user_id=UserId("@hearth2:test"), homeserver="http://test", now=house.clock.now())
    ours, theirs = house.bot, other.id
    for house.bot, keys in ((ours, (ONE, TWO)), (theirs, (ONE, THREE))):
        for key in keys:
            await house.seen(ben=key)
    await house.it_was_them(await house.health())
    house.bot = ours
    assert await house.changed() == set()
    house.bot = theirs
    assert await house.changed() == {BEN}


async def test_what_older_code_noticed_is_not_told_again_and_can_be_confirmed(house: House) -> None:
    for confirmed in (False, True):
        await house.seen(ben=ONE)
        await house.seen(ben=TWO)
        await house.forget_which()
        if confirmed:
            await house.it_was_them(await house.health())
        assert [await house.seen(ben=TWO), await house.seen(ben=THREE)] == [0, 2]
        await house.seen(ben=ONE)


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
