"""The two ways in: readers cannot write, changes hold together, connections are as the house wants them."""

import asyncio
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, make_url, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from facilitator.database import Database, connect, postgresql
from facilitator.database.tables import Account, Heartbeat
from facilitator.errors import Misconfigured
from facilitator.ids import AccountId, UserId
from tests.keys import Keys

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


def beat(name: str) -> Heartbeat:
    return Heartbeat(name=name, at=NOW)


async def number(database: Database) -> int | None:
    async with database.reading() as db:
        return await db.scalar(select(func.count()).select_from(Heartbeat))


async def write(database: Database, name: str) -> None:
    async with database.transaction() as db:
        db.add(beat(name))


async def test_a_transaction_is_kept_whole_or_not_at_all(any_database: Database) -> None:
    async with any_database.transaction() as db:
        db.add(beat("one"))
    with pytest.raises(ZeroDivisionError):
        async with any_database.transaction() as db:
            db.add(beat("two"))
            await db.flush()
            raise ZeroDivisionError
    assert await number(any_database) == 1


async def test_what_was_read_can_be_used_after_its_transaction(any_database: Database) -> None:
    async with any_database.transaction() as db:
        row = beat("one")
        db.add(row)
    assert row.name == "one"


async def test_a_reader_cannot_write(any_database: Database) -> None:
    with pytest.raises(DBAPIError, match=r"(?i)read-?only"):
        async with any_database.reading() as db:
            db.add(beat("one"))
    assert await number(any_database) == 0
    async with any_database.transaction() as db:  # on the very connection that was read-only
        db.add(beat("one"))
    assert await number(any_database) == 1


async def test_what_is_read_in_one_go_is_of_one_moment(database: Database) -> None:
    async with database.reading() as db:
        assert await db.scalar(select(func.count()).select_from(Heartbeat)) == 0
        writer = asyncio.create_task(write(database, "one"))
        await asyncio.sleep(0.05)
        assert await db.scalar(select(func.count()).select_from(Heartbeat)) == 0
    await writer
    assert await number(database) == 1


async def test_many_writers_queue_and_none_fails(any_database: Database) -> None:
    await asyncio.gather(*(write(any_database, str(count)) for count in range(40)))
    assert await number(any_database) == 40


async def test_two_processes_may_count_upwards_without_losing_one(keys: Keys, sqlite_url: str) -> None:
    one, other = keys.connect(sqlite_url), keys.connect(sqlite_url)  # as two processes: each with its own lock
    await write(one, "0")

    async def count_up(database: Database) -> None:
        for _ in range(10):
            async with database.transaction() as db:
                row = (await db.scalars(select(Heartbeat))).one()
                await db.execute(text("UPDATE heartbeats SET name = :name"), {"name": str(int(row.name) + 1)})

    await asyncio.gather(count_up(one), count_up(other))
    async with one.reading() as db:
        assert (await db.scalars(select(Heartbeat.name))).one() == "20"
    await one.close()
    await other.close()


async def test_a_row_nobody_refers_to_may_not_be_referred_to(any_database: Database) -> None:
    with pytest.raises(IntegrityError):
        async with any_database.transaction() as db:
            await db.execute(
                text(
                    "INSERT INTO group_facilitators (group_id, account_id, since)"
                    " VALUES ('none', 'none', '2026-11-02 12:00:00+00:00')"
                )
            )


async def test_statements_are_counted_but_not_our_own_housekeeping(any_database: Database) -> None:
    before = any_database.statements
    async with any_database.reading() as db:
        await db.execute(select(Heartbeat))
        await db.execute(select(Heartbeat.name))
    async with any_database.transaction() as db:
        db.add_all([beat("one"), beat("two")])
    assert any_database.statements - before == 3


async def test_what_failed_in_a_savepoint_leaves_the_rest_of_the_transaction(any_database: Database) -> None:
    async with any_database.transaction() as db:
        db.add(beat("one"))
        for name in ("two", "three"):
            with suppress(IntegrityError):
                async with db.begin_nested():
                    db.add(beat(name))
                    await db.flush()
                    await db.execute(text("INSERT INTO heartbeats SELECT * FROM heartbeats WHERE name = 'two'"))
    async with any_database.reading() as db:
        assert (await db.scalars(select(Heartbeat.name).order_by(Heartbeat.name))).all() == ["one", "three"]


async def test_sqlite_connections_are_set_as_the_house_wants(database: Database) -> None:
    async with database.reading() as db:
        names = ("foreign_keys", "busy_timeout", "synchronous", "trusted_schema", "secure_delete", "cell_size_check",
                 "temp_store", "journal_mode", "query_only")  # fmt: skip
        found = [await db.scalar(text(f"PRAGMA {name}")) for name in names]
    wal = sqlite3.sqlite_version_info >= (3, 51, 3)
    assert found == [1, 0, 2 if wal else 3, 0, 1, 1, 2, "wal" if wal else "delete", 1]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://root@localhost/hearth",
        "postgresql://a:canary@[::1/x",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_an_address_that_cannot_be_used_is_refused(keys: Keys, url: str) -> None:
    with pytest.raises(Misconfigured, match="database_url") as refusal:
        connect(url, people=keys.people)
    assert "canary" not in refusal.value.sentence


def test_a_password_in_the_address_never_shows(keys: Keys) -> None:
    assert "canary" not in repr(connect("postgresql://hearth:canary@localhost/hearth", people=keys.people))


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("postgresql://db.example/hearth", "verify-full"),
        ("postgresql://db.example/hearth?sslmode=require", "require"),
        ("postgresql://localhost/hearth", None),
        ("postgresql:///hearth", None),
        ("postgresql:///hearth?host=/run/postgresql", None),
        ("postgresql:///hearth?host=db.example", "verify-full"),
    ],
)
def test_over_a_network_postgresql_must_prove_who_it_is(url: str, mode: str | None) -> None:
    assert postgresql.with_safe_transport(make_url(url)).query.get("sslmode") == mode


@pytest.mark.postgres
async def test_postgresql_waits_for_nothing_for_ever(keys: Keys, postgres_url: str) -> None:
    database = keys.connect(postgres_url)
    names = (
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "TimeZone",
        "transaction_isolation",
    )
    async with database.reading() as db:
        found = [await db.scalar(text(f"SHOW {name}")) for name in names]
    assert found == ["5s", "2s", "10s", "UTC", "read committed"]
    await database.close()


async def test_a_constraint_error_does_not_tell_what_was_given(database: Database) -> None:
    def ada() -> Account:
        return Account(
            id=AccountId("ada"), role="canary", name="Canary", matrix_id=UserId("@canary:x"),
            matrix_id_index=UserId("@canary:x"), created=NOW,
        )  # fmt: skip

    async with database.transaction() as db:
        db.add(ada())
    with pytest.raises(IntegrityError) as clash:
        async with database.transaction() as db:
            db.add(ada())
    assert "anary" not in f"{clash.value}{clash.value!r}"
