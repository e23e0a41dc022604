"""Columns: instants that sort, wall times, sealed text that only its ring and its place open, blind equality."""

import shutil
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.dialects import sqlite as sqlite_dialects

from facilitator.database import Database, KeyRing, connect
from facilitator.database.keys import CannotOpen
from facilitator.database.tables import Account, Act, BotAccount, Group, Member, MembershipSighting, Room, Series, Table
from facilitator.database.types import RingMissing, Unfit
from facilitator.ids import AccountId, ActId, BotId, GroupId, MemberId, RoomId, SeriesId, UserId
from tests.keys import Keys

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
ADA = UserId("@ada-canary:hearth.example")
BEN = UserId("@ben-canary:hearth.example")


def account(user_id: UserId = ADA, *, name: str = "Ada Canary", created: datetime = NOON) -> Account:
    return Account(
        id=AccountId(user_id[1:4]), role="facilitator", name=name, matrix_id=user_id, matrix_id_index=user_id,
        created=created,
    )  # fmt: skip


def group() -> Group:
    return Group(
        id=GroupId("g"), name="Maple room", purpose="a Canary purpose", language="en", time_zone="UTC", created=NOON
    )


async def keep(database: Database, *rows: Table) -> None:
    for row in rows:  # each in its turn: nothing tells the session that one refers to another
        async with database.transaction() as db:
            db.add(row)


async def test_what_was_put_in_reads_back(any_database: Database) -> None:
    seeds = {"master": "secret-canary", "n": [1, None, "ü"]}
    bot = BotAccount(
        id=BotId("b"), user_id=UserId("@hearth:x"), homeserver="http://localhost", access_token="token-canary",
        seeds=seeds, created=NOON,
    )  # fmt: skip
    await keep(any_database, account(), bot)
    async with any_database.reading() as db:
        ada = (await db.scalars(select(Account))).one()
        kept = (await db.scalars(select(BotAccount))).one()
    assert (ada.name, ada.matrix_id, ada.created, ada.disabled) == ("Ada Canary", ADA, NOON, None)
    assert (kept.access_token, kept.seeds, kept.device_id) == ("token-canary", seeds, None)


async def test_the_same_text_is_sealed_differently_each_time(any_database: Database) -> None:
    await keep(any_database, account(ADA, name="Same"), account(BEN, name="Same"))
    async with any_database.reading() as db:
        sealed = [bytes(value) for value in await db.scalars(text("SELECT name FROM accounts"))]
    assert len(set(sealed)) == 2


async def test_a_stolen_sqlite_file_holds_no_plaintext(database: Database, tmp_path: Path) -> None:
    await keep(database, account(), group())
    await database.close()
    stolen = b"".join(file.read_bytes() for file in tmp_path.glob("hearth.db*"))
    assert b"Maple" not in stolen and b"anary" not in stolen and b"hearth.example" not in stolen
    assert b"facilitator" in stolen  # the search itself works: what is not sealed is found


@pytest.mark.postgres
async def test_a_postgresql_dump_holds_no_plaintext(keys: Keys, postgres_url: str) -> None:
    opened = keys.connect(postgres_url)
    await keep(opened, account(), group())
    async with opened.reading() as db:
        rows = [str(row) for name in ("accounts", "groups") for row in await db.execute(text(f"SELECT * FROM {name}"))]
    await opened.close()
    assert "anary" not in "".join(rows) and "Maple" not in "".join(rows) and "facilitator" in "".join(rows)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param("UPDATE accounts SET matrix_id = name", id="moved to another column"),
        pytest.param("UPDATE accounts SET matrix_id = x'00'", id="cut off"),
        pytest.param("UPDATE accounts SET matrix_id = zeroblob(60)", id="made up"),
    ],
)
async def test_a_sealed_value_that_was_tampered_with_is_refused(database: Database, spoil: str) -> None:
    await keep(database, account())
    async with database.transaction() as db:
        await db.execute(text(spoil))
    with pytest.raises(CannotOpen, match=r"accounts\.matrix_id") as refusal:
        async with database.reading() as db:
            await db.scalars(select(Account))
    assert "anary" not in str(refusal.value)


async def test_an_older_key_of_the_ring_still_opens_and_another_ring_does_not(
    keys: Keys, sqlite_url: str, database: Database
) -> None:
    await keep(database, account())
    rotated = connect(sqlite_url, people=keys.people.rotated())
    async with rotated.reading() as db:
        assert (await db.scalars(select(Account).where(Account.matrix_id_index == ADA))).one().name == "Ada Canary"
    await keep(rotated, account(BEN))
    await rotated.close()
    with pytest.raises(CannotOpen, match="key this ring does not have"):
        async with database.reading() as db:  # it holds the ring as it was before
            (await db.scalars(select(Account.name))).all()
    stranger = connect(sqlite_url, people=KeyRing.new())
    with pytest.raises(CannotOpen):
        async with stranger.reading() as db:
            (await db.scalars(select(Account.name))).all()
    await stranger.close()


async def test_without_the_bridges_ring_its_columns_stay_shut(keys: Keys, sqlite_url: str) -> None:
    panel = connect(sqlite_url, people=keys.people)
    bot = BotAccount(
        id=BotId("b"), user_id=UserId("@hearth:x"), homeserver="http://localhost", access_token="t", created=NOON
    )
    with pytest.raises(RingMissing, match=r"access_token opens with bridge\.key alone"):
        await keep(panel, bot)
    await panel.close()


async def test_each_engine_has_its_own_rings(keys: Keys, migrated_file: Path, tmp_path: Path) -> None:
    ours, theirs = (f"sqlite:///{shutil.copy(migrated_file, tmp_path / name)}" for name in ("ours.db", "theirs.db"))
    one, other = keys.connect(ours), Keys().connect(theirs)
    await keep(one, account(), account(BEN))
    await keep(other, account())
    async with one.reading() as here, other.reading() as there:
        indexes = [await db.scalar(select(Account.matrix_id_index).where(Account.id == "ada")) for db in (here, there)]
        assert await here.scalar(select(Account.name).where(Account.id == "ada")) == "Ada Canary"
    assert indexes[0] != indexes[1]
    await one.close()
    await other.close()


async def test_people_are_found_by_their_matrix_id(any_database: Database) -> None:
    await keep(any_database, account(ADA), account(BEN, name="Ben"))
    async with any_database.reading() as db:
        assert (await db.scalars(select(Account.name).where(Account.matrix_id_index == BEN))).one() == "Ben"
        assert (await db.scalars(select(Account.name).where(Account.matrix_id_index.in_([ADA, BEN])))).all()
        assert not (await db.scalars(select(Account).where(Account.matrix_id_index == UserId("@eve:x")))).all()


async def test_one_persons_index_is_the_same_in_every_table(any_database: Database) -> None:
    member = Member(
        id=MemberId("m"), group_id=GroupId("g"), matrix_id=ADA, matrix_id_index=ADA, standing="joined", since=NOON
    )
    await keep(any_database, account(), group(), member)
    joined = select(Member.id).join(Account, Account.matrix_id_index == Member.matrix_id_index)
    async with any_database.reading() as db:
        assert (await db.scalars(joined)).all() == ["m"]


async def test_an_index_read_from_the_database_is_not_hashed_again(any_database: Database) -> None:
    room = Room(id=RoomId("r"), kind="direct", person=ADA, person_index=ADA, created=NOON)
    sighting = MembershipSighting(room_id=RoomId("r"), person_index=ADA, membership="invite", seen=NOON)
    await keep(any_database, room, sighting)
    async with any_database.transaction() as db:
        found = (await db.scalars(select(MembershipSighting))).one()
        found.membership = "join"  # its index is part of the key the UPDATE asks for
    async with any_database.reading() as db:
        again = await db.scalars(
            select(MembershipSighting).where(MembershipSighting.person_index == found.person_index)
        )
        assert again.one().membership == "join"


def test_sealed_columns_cannot_be_compared_or_sorted_in_sql() -> None:
    for question in (lambda: Account.name == "Ada", lambda: Account.name.like("A%"), lambda: Account.name.desc()):
        with pytest.raises(Unfit, match="blind index"):
            question()
    assert "IS NULL" in str(BotAccount.access_token.is_(None)) and "IS NOT NULL" in str(BotAccount.seeds != None)  # noqa: E711


async def test_instants_are_the_same_in_every_zone_and_sort(any_database: Database) -> None:
    auckland = timezone(timedelta(hours=13))
    await keep(
        any_database,
        account(ADA, created=datetime(2026, 11, 3, 0, 30, tzinfo=auckland)),  # 11:30 UTC
        account(BEN, created=NOON.replace(microsecond=1)),
    )
    async with any_database.reading() as db:
        assert (await db.scalars(select(Account.id).where(Account.created < NOON))).all() == ["ada"]
        assert (await db.scalars(select(Account.id).order_by(Account.created.desc()))).all() == ["ben", "ada"]
        assert await db.scalar(select(func.max(Account.created))) == NOON.replace(microsecond=1)
        first = await db.scalar(select(Account.created).where(Account.id == "ada"))
    assert first == NOON - timedelta(minutes=30) and first.tzinfo is UTC


@pytest.mark.parametrize("year", [1, 999, 2026, 9999])
async def test_text_of_instants_has_one_width(database: Database, year: int) -> None:
    await keep(database, account(created=datetime(year, 6, 1, tzinfo=UTC)))
    async with database.reading() as db:
        assert await db.scalar(text("SELECT length(created) FROM accounts")) == 32


async def test_an_instant_without_a_zone_is_refused(any_database: Database) -> None:
    with pytest.raises(Unfit, match="naive"):
        await keep(any_database, account(created=datetime(2026, 11, 2, 12)))
    with pytest.raises(Unfit, match="naive"):
        async with any_database.reading() as db:
            await db.scalars(select(Account).where(Account.created < datetime(2026, 11, 2, 12)))


async def test_a_wall_time_reads_back_as_it_was_and_refuses_a_zone(any_database: Database) -> None:
    def series(starts: datetime) -> Series:
        return Series(
            id=SeriesId("s"), group_id=GroupId("g"), starts=starts, time_zone="Europe/Berlin", rrule="FREQ=WEEKLY",
            minutes=90, created=NOON,
        )  # fmt: skip

    await keep(any_database, group(), series(datetime(2026, 10, 25, 2, 30)))
    async with any_database.reading() as db:
        assert await db.scalar(select(Series.starts)) == datetime(2026, 10, 25, 2, 30)
    with pytest.raises(Unfit, match="no time zone"):
        await keep(any_database, series(NOON))
    with pytest.raises(Unfit, match="whole seconds"):
        await keep(any_database, series(datetime(2026, 11, 2, 12, 0, 0, 1)))


async def test_wiped_parameters_are_gone(any_database: Database) -> None:
    room = Room(id=RoomId("r"), kind="group", created=NOON)
    act = Act(
        id=ActId("a"),
        room_id=RoomId("r"),
        seq=1,
        priority=5,
        utterance="reminder",
        parameters={"name": "Canary"},
        due=NOON,
    )
    await keep(any_database, room, act)
    async with any_database.transaction() as db:
        (await db.scalars(select(Act))).one().parameters = None
    async with any_database.reading() as db:
        assert await db.scalar(text("SELECT parameters FROM outbox")) is None


async def test_a_refused_value_never_shows_in_the_error(database: Database) -> None:
    broken = account(name="Ada Canary")
    broken.name = {"Canary": 1}  # type: ignore[assignment]
    with pytest.raises(Unfit) as refusal:
        await keep(database, broken)
    await keep(database, account())
    with pytest.raises(Exception, match="UNIQUE") as clash:
        await keep(database, account())
    assert "anary" not in f"{refusal.value!r}{refusal.value}{clash.value!r}{clash.value}{clash.value.__cause__}"


def test_every_table_is_made_of_strict_types() -> None:
    dialect = sqlite_dialects.dialect()
    kinds = {column.type.compile(dialect) for table in Table.metadata.tables.values() for column in table.columns}
    assert kinds <= {"TEXT", "INTEGER", "BLOB"}


async def test_sqlite_tables_are_strict(database: Database) -> None:
    async with database.reading() as db:
        lax = await db.scalars(text("SELECT name FROM pragma_table_list WHERE type = 'table' AND NOT strict"))
        assert set(lax) <= {"sqlite_schema", "sqlite_temp_schema", "alembic_version"}
