"""The two ways in: readers cannot write, changes hold together, bad weather is told apart from bugs."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, make_url, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from facilitator.database import Database, Unavailable, connect, postgresql, sqlite
from facilitator.database.tables import Account, Heartbeat
from facilitator.database.unavailable import why_unavailable
from facilitator.errors import Misconfigured
from facilitator.ids import AccountId, UserId
from tests.keys import Keys
from tests.postgres import Server

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


def beat(name: str) -> Heartbeat:
    return Heartbeat(name=name, at=NOW)


async def number(database: Database) -> int | None:
    async with database.reading() as db:
        return await db.scalar(select(func.count()).select_from(Heartbeat))


@contextmanager
def held(file: Path, how: str = "EXCLUSIVE") -> Iterator[None]:
    """Another process's lock on the file."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute(f"BEGIN {how}")
    try:
        yield
    finally:
        other.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up on a busy file after a fifth of a second instead of five."""
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.2)


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


async def write(database: Database, name: str) -> None:
    async with database.transaction() as db:
        db.add(beat(name))


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


async def test_a_broken_promise_is_no_bad_weather(any_database: Database) -> None:
    await write(any_database, "one")
    with pytest.raises(IntegrityError):
        await write(any_database, "one")
    with pytest.raises(DBAPIError, match=r"(?i)nonsense"):
        async with any_database.reading() as db:
            await db.execute(text("SELECT nonsense"))


async def test_a_row_nobody_refers_to_may_not_be_referred_to(any_database: Database) -> None:
    with pytest.raises(IntegrityError):
        async with any_database.transaction() as db:
            await db.execute(
                text("INSERT INTO group_facilitators VALUES ('none', 'none', '2026-11-02 12:00:00+00:00')")
            )


async def test_statements_are_counted_but_not_our_own_housekeeping(any_database: Database) -> None:
    before = any_database.statements
    async with any_database.reading() as db:
        await db.execute(select(Heartbeat))
        await db.execute(select(Heartbeat.name))
    async with any_database.transaction() as db:
        db.add_all([beat("one"), beat("two")])
    assert any_database.statements - before == 3


async def test_a_file_locked_by_another_process_is_unavailable(impatient: None, keys: Keys, sqlite_url: str) -> None:
    database = keys.connect(sqlite_url)
    assert database.file is not None
    with held(database.file):
        with pytest.raises(Unavailable, match="busy"):
            await write(database, "one")
        with pytest.raises(Unavailable, match="busy"):
            await number(database)
    await write(database, "one")
    with held(database.file, "IMMEDIATE"), pytest.raises(Unavailable, match="busy"):
        await write(database, "two")
    assert await number(database) == 1
    await database.close()


async def test_a_reader_that_stays_makes_the_commit_unavailable_and_nothing_is_kept(
    impatient: None, keys: Keys, sqlite_url: str
) -> None:
    database = keys.connect(sqlite_url)
    assert database.file is not None
    reader = sqlite3.connect(database.file, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM heartbeats").fetchall()
    if sqlite.journal_mode() == "DELETE":
        with pytest.raises(Unavailable, match="busy"):
            await write(database, "one")
    reader.close()
    await write(database, "one")
    assert await number(database) == 1
    await database.close()


async def test_waiting_for_a_writer_of_this_process_ends_too(impatient: None, keys: Keys, sqlite_url: str) -> None:
    database = keys.connect(sqlite_url)
    async with database.transaction():
        begun = time.monotonic()
        with pytest.raises(Unavailable, match="busy"):
            await write(database, "one")
        assert time.monotonic() - begun < 3
    await database.close()


async def test_a_full_disk_is_unavailable_and_nothing_is_kept(database: Database) -> None:
    with pytest.raises(Unavailable, match="full"):
        async with database.transaction() as db:
            pages = await db.scalar(text("PRAGMA page_count"))
            await db.execute(text(f"PRAGMA max_page_count = {pages}"))
            db.add_all(beat(f"{count:0500}") for count in range(100))
    assert await number(database) == 0
    async with database.reading() as db:
        assert await db.scalar(text("PRAGMA integrity_check")) == "ok"


async def test_bad_weather_comes_out_of_the_statement_it_befell(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as db:
            await db.execute(text(f"PRAGMA max_page_count = {await db.scalar(text('PRAGMA page_count'))}"))
            with pytest.raises(Unavailable, match="full"):
                async with db.begin_nested():
                    db.add_all(beat(f"{count:0500}") for count in range(100))
            raise ZeroDivisionError


async def test_a_savepoint_that_went_with_its_transaction_is_bad_weather(database: Database) -> None:
    with pytest.raises(Unavailable):
        async with database.transaction() as db, db.begin_nested():
            await db.execute(text("ROLLBACK"))  # as SQLite does by itself when the disk fails it
            raise ZeroDivisionError


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
    assert found == [1, 5000, 2 if wal else 3, 0, 1, 1, 2, "wal" if wal else "delete", 1]


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


@pytest.mark.postgres
async def test_postgresqls_bad_weather_is_unavailable(keys: Keys, postgres_url: str, postgres_server: Server) -> None:
    database = keys.connect(postgres_url)
    await write(database, "one")
    with pytest.raises(Unavailable, match="busy"):
        async with database.transaction() as db:
            await db.execute(text("SET LOCAL statement_timeout = '50ms'"))
            await db.execute(text("SELECT pg_sleep(5)"))
    with pytest.raises(Unavailable, match="busy"):
        async with database.transaction() as db, database.transaction() as other:
            await db.execute(text("LOCK TABLE heartbeats"))
            await other.execute(text("SET LOCAL lock_timeout = '50ms'"))
            await other.execute(select(Heartbeat))
    with pytest.raises(Unavailable, match="unreachable"):
        async with database.transaction() as db:
            postgres_server.administer(
                f"SELECT pg_terminate_backend({await db.scalar(text('SELECT pg_backend_pid()'))})"
            )
            await db.execute(select(Heartbeat))
    await database.close()


@pytest.mark.postgres
async def test_connections_that_died_meanwhile_are_replaced_unseen(
    keys: Keys, postgres_url: str, postgres_server: Server
) -> None:
    database = keys.connect(postgres_url)
    await write(database, "one")
    async with database.reading() as db:
        pid = await db.scalar(text("SELECT pg_backend_pid()"))
    postgres_server.administer(f"SELECT pg_terminate_backend({pid}, 5000)")
    assert await number(database) == 1
    await database.close()


@pytest.mark.parametrize(
    ("state", "why"), [("53100", "full"), ("53300", "busy"), ("57P01", "unreachable"), ("08006", "unreachable")]
)
def test_what_postgresql_says_of_itself_is_understood(state: str, why: str) -> None:
    assert why_unavailable(OperationalError("", None, psycopg.errors.lookup(state)())) == why


def test_a_damaged_file_or_a_wrong_statement_is_no_bad_weather() -> None:
    wrong = sqlite3.OperationalError()
    wrong.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    assert why_unavailable(OperationalError("", None, wrong)) is None
    assert why_unavailable(OperationalError("", None, psycopg.errors.UndefinedTable())) is None


async def test_a_postgresql_that_is_not_there_is_unavailable(keys: Keys, tmp_path: Path) -> None:
    database = connect(f"postgresql:///hearth?host={tmp_path}", people=keys.people)
    with pytest.raises(Unavailable, match="unreachable"):
        await number(database)
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
