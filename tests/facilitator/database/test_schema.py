"""Migrations up, down and with data on both engines; the start is refused on any schema but this code's."""

import asyncio
import sqlite3
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, inspect, select, text

from facilitator.database import Database, Upgrade, schema
from facilitator.database.tables import (
    Account,
    Act,
    BotAccount,
    Group,
    GroupFacilitator,
    Heartbeat,
    JournalEntry,
    Member,
    Room,
    RoomSighting,
    Series,
    Table,
)
from facilitator.errors import Misconfigured
from facilitator.ids import AccountId, ActId, BotId, GroupId, MatrixRoomId, MemberId, RoomId, SeriesId, UserId
from tests.keys import Keys

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
ADA = UserId("@ada:hearth.example")
HEAD = schema.head()
REVISIONS = [script.revision for script in ScriptDirectory.from_config(schema.config()).walk_revisions()][::-1]
FILLED = 11


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with nothing in it, on each engine in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'hearth.db'}"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


async def on(database: Database, act: Callable[[Connection], Any]) -> Any:
    """Run something synchronous as an upgrade does: in one transaction, foreign keys off on SQLite."""
    engine = database._make_engine(upgrading=True)
    try:
        async with engine.execution_options(**database.kind.CHANGING).begin() as connection:
            return await connection.run_sync(act)
    finally:
        await engine.dispose()


async def fill(database: Database) -> None:
    bot, group, room = BotId("b"), GroupId("g"), RoomId("r")
    ours = {"created": NOW}
    for row in (
        Account(id=AccountId("a"), role="facilitator", name="Ada", matrix_id=ADA, matrix_id_index=ADA, **ours),
        BotAccount(
            id=bot, user_id=UserId("@hearth:x"), homeserver="http://x", access_token="t", seeds={"a": 1}, **ours
        ),
        Group(id=group, name="Maple", purpose="p", language="en", time_zone="UTC", **ours),
        GroupFacilitator(group_id=group, account_id=AccountId("a"), since=NOW),
        Member(id=MemberId("m"), group_id=group, matrix_id=ADA, matrix_id_index=ADA, standing="joined", since=NOW),
        Series(
            id=SeriesId("s"),
            group_id=group,
            starts=NOW.replace(tzinfo=None),
            time_zone="UTC",
            rrule="",
            minutes=9,
            **ours,
        ),
        Room(id=room, kind="group", group_id=group, bot_account_id=bot, **ours),
        Act(id=ActId("c"), room_id=room, seq=1, priority=1, utterance="welcome", parameters={"n": 1}, due=NOW),
        RoomSighting(room_id=room, matrix_room=MatrixRoomId("!r:x"), encryption={"algorithm": "megolm"}),
        JournalEntry(id="j", at=NOW, actor="a", verb="opened", group_id=group),
        Heartbeat(name="timer", at=NOW),
    ):
        async with database.transaction() as db:
            db.add(row)


async def rows(database: Database) -> int:
    async with database.reading() as db:
        return sum(
            [await db.scalar(select(func.count()).select_from(table)) or 0 for table in Table.metadata.sorted_tables]
        )


async def test_upgrading_an_empty_database_makes_it_ready(keys: Keys, empty_url: str) -> None:
    database = keys.connect(empty_url)
    with pytest.raises(Misconfigured, match="empty: run `hearth migrate`"):
        await database.check_schema()
    assert await database.upgrade() == Upgrade(before=None, after=HEAD, copy=None)
    await database.check_schema()
    assert not (await database.upgrade()).changed
    await database.close()


async def test_there_is_no_difference_between_tables_and_migrations(any_database: Database) -> None:
    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, Table.metadata))

    assert await on(any_database, differences) == []


async def test_tables_made_by_migrations_are_those_made_by_the_code(
    keys: Keys, database: Database, tmp_path: Path
) -> None:
    """What Alembic's comparison does not see: STRICT, the columns' own types, ON DELETE."""
    other = keys.connect(f"sqlite:///{tmp_path / 'other.db'}")
    await on(other, Table.metadata.create_all)
    assert await on(database, told_by_sqlite) == await on(other, told_by_sqlite)
    await other.close()


def told_by_sqlite(connection: Connection) -> dict[str, list[object]]:
    return {
        table: [
            connection.exec_driver_sql("SELECT strict FROM pragma_table_list WHERE name = ?", (table,)).scalar(),
            sorted(row[1:] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})")),
            sorted(row[2:] for row in connection.exec_driver_sql(f"PRAGMA foreign_key_list({table})")),
        ]
        for table in Table.metadata.tables
    }


async def test_all_the_way_down_and_up_again_with_data(any_database: Database) -> None:
    await fill(any_database)
    assert await rows(any_database) == FILLED
    await on(any_database, lambda connection: schema.run(connection, command.downgrade, "base"))
    assert set(await on(any_database, lambda connection: inspect(connection).get_table_names())) <= {"alembic_version"}
    await any_database.upgrade()
    await fill(any_database)
    assert await rows(any_database) == FILLED


async def test_each_step_back_and_forth_keeps_the_data(any_database: Database) -> None:
    await fill(any_database)
    for revision in REVISIONS[-2::-1]:
        await on(any_database, partial(schema.run, direction=command.downgrade, revision=revision))
        await any_database.upgrade()
        assert await rows(any_database) == FILLED


async def test_a_schema_newer_than_the_code_is_refused_and_left_alone(any_database: Database) -> None:
    async with any_database.transaction() as db:
        await db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for attempt in (any_database.check_schema, any_database.upgrade):
        with pytest.raises(Misconfigured, match="newer version of Hearth"):
            await attempt()


@pytest.fixture
def older(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """This code, one migration further: the database is now an older version's."""
    further = tmp_path / "further"
    (further / "versions").mkdir(parents=True)
    for file in (path for path in schema.MIGRATIONS.rglob("*.py") if path.name != "new.py"):
        (further / file.relative_to(schema.MIGRATIONS)).write_text(file.read_text())
    step = further / "versions" / "9000_next.py"
    step.write_text(f"revision = '9000'\ndown_revision = {HEAD!r}\n" + STEP)
    monkeypatch.setattr(schema, "MIGRATIONS", further)
    return step


STEP = """
import sqlalchemy as sa
from alembic import op

def upgrade():
    rebuild = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("groups", recreate=rebuild, table_kwargs={"sqlite_strict": True}) as batch:
        batch.add_column(sa.Column("colour", sa.Text(), nullable=True))

def downgrade():
    with op.batch_alter_table("groups") as batch:
        batch.drop_column("colour")
"""


@pytest.mark.usefixtures("older")
async def test_an_older_schema_is_refused_until_it_is_migrated_and_keeps_its_data(any_database: Database) -> None:
    await fill(any_database)
    with pytest.raises(Misconfigured, match="older version of Hearth: run `hearth migrate`"):
        await any_database.check_schema()
    done = await any_database.upgrade()
    assert (done.before, done.after) == (HEAD, "9000")
    await any_database.check_schema()
    assert await rows(any_database) == FILLED  # a rebuilt table takes nothing with it


@pytest.mark.usefixtures("older")
async def test_sqlite_is_copied_before_an_upgrade_that_changes_something(database: Database) -> None:
    await fill(database)
    copy = (await database.upgrade()).copy
    assert copy is not None and stat.S_IMODE(copy.stat().st_mode) == 0o600
    before = sqlite3.connect(copy)
    assert before.execute("SELECT version_num FROM alembic_version").fetchone() == (HEAD,)
    assert before.execute("SELECT count(*) FROM members").fetchone() == (1,)
    before.close()
    assert (await database.upgrade()).copy is None


async def test_an_upgrade_that_fails_changes_nothing(any_database: Database, older: Path) -> None:
    await fill(any_database)
    older.write_text(older.read_text().replace("\ndef downgrade", "    raise ZeroDivisionError\n\ndef downgrade"))
    with pytest.raises(ZeroDivisionError):
        await any_database.upgrade()
    assert await rows(any_database) == FILLED
    async with any_database.reading() as db:
        assert await db.scalar(text("SELECT version_num FROM alembic_version")) == HEAD
        columns = (await db.execute(text("SELECT * FROM groups"))).keys()
    assert "colour" not in set(columns)


async def test_an_upgrade_that_would_leave_dangling_rows_changes_nothing(database: Database, older: Path) -> None:
    await fill(database)
    older.write_text(
        older.read_text().replace("\ndef downgrade", "    op.execute('DELETE FROM rooms')\n\ndef downgrade")
    )
    with pytest.raises(schema.DanglingRows):
        await database.upgrade()
    assert await rows(database) == FILLED


async def test_two_upgrades_at_once_do_it_once(keys: Keys, empty_url: str) -> None:
    one, other = keys.connect(empty_url), keys.connect(empty_url)
    done = await asyncio.gather(one.upgrade(), other.upgrade())
    assert sorted(upgrade.changed for upgrade in done) == [False, True]
    await one.check_schema()
    await one.close()
    await other.close()


def test_migrations_go_in_one_line() -> None:
    assert len(ScriptDirectory.from_config(schema.config()).get_heads()) == 1


def test_an_installation_without_migrations_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    monkeypatch.setattr(schema, "MIGRATIONS", tmp_path)
    with pytest.raises(Misconfigured, match="install it again"):
        schema.head()
