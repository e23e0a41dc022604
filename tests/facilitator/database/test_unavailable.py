"""Bad weather is told apart from bugs: a busy file, a full disk, a server that is away; and nothing is half kept."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from facilitator.database import Database, Unavailable, connect, in_loop, sqlite
from facilitator.database.tables import Heartbeat
from facilitator.database.unavailable import why_unavailable
from tests.keys import Keys
from tests.postgres import Server

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


def beat(name: str) -> Heartbeat:
    return Heartbeat(name=name, at=NOW)


async def number(database: Database) -> int | None:
    async with database.reading() as db:
        return await db.scalar(select(func.count()).select_from(Heartbeat))


async def write(database: Database, name: str) -> None:
    async with database.transaction() as db:
        db.add(beat(name))


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
    monkeypatch.setattr(in_loop, "BUSY_SECONDS", 0.2)


async def test_a_broken_promise_is_no_bad_weather(any_database: Database) -> None:
    await write(any_database, "one")
    with pytest.raises(IntegrityError):
        await write(any_database, "one")
    with pytest.raises(DBAPIError, match=r"(?i)nonsense"):
        async with any_database.reading() as db:
            await db.execute(text("SELECT nonsense"))


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
