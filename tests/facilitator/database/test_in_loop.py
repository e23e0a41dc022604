"""Statements run in the loop's own thread; what waits for a lock or the disk does not, and is never left half done."""

import asyncio
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, func, insert, select

from facilitator.database import Database, in_loop
from facilitator.database.tables import Heartbeat
from facilitator.ids import new_id
from tests.facilitator.database.test_unavailable import NOW, held, write
from tests.keys import Keys


async def _names(database: Database) -> list[str]:
    async with database.reading() as db:
        return list(await db.scalars(select(Heartbeat.name).order_by(Heartbeat.name)))


@pytest.mark.parametrize("how", ["IMMEDIATE", "EXCLUSIVE"])
async def test_the_loop_goes_on_while_a_change_waits_for_anothers_lock(database: Database, how: str) -> None:
    assert database.file is not None
    with held(database.file, how):
        writing = asyncio.ensure_future(write(database, "one"))
        await asyncio.wait([writing], timeout=0.1)  # only a loop that turns gets on from here
        assert not writing.done()
    await writing
    assert await _names(database) == ["one"]


async def test_a_reader_waits_for_anothers_commit_and_the_loop_goes_on(database: Database) -> None:
    assert database.file is not None
    await write(database, "one")
    with held(database.file, "EXCLUSIVE"):
        reading = asyncio.ensure_future(_names(database))
        await asyncio.wait([reading], timeout=0.1)
        assert not reading.done()
    assert await reading == ["one"]


async def test_many_rows_wait_for_a_reader_instead_of_being_put_twice(database: Database) -> None:
    async with database.transaction() as db:
        await db.execute(insert(Heartbeat), [{"name": f"{n:05}", "at": NOW} for n in range(5000)])
    async with database.reading() as db:
        assert await db.scalar(select(func.count()).select_from(Heartbeat)) == 5000


async def test_a_commit_is_not_asked_of_the_loops_thread(database: Database) -> None:
    at_work = []

    def committing(connection: object) -> None:
        driver = connection.connection.dbapi_connection  # type: ignore[attr-defined]
        driver.set_trace_callback(lambda said: at_work.append((said.split()[0], threading.current_thread())))

    event.listen(database._engine.sync_engine, "begin", committing)
    await write(database, "one")
    await _names(database)
    here = threading.main_thread()
    assert [(said, thread is here) for said, thread in at_work if said in ("BEGIN", "INSERT", "SELECT", "COMMIT")] == [
        ("BEGIN", True), ("INSERT", True), ("COMMIT", False), ("BEGIN", True), ("SELECT", True), ("COMMIT", True),
    ]  # fmt: skip


@pytest.mark.parametrize("turns", range(12))
async def test_whoever_is_cut_off_leaves_no_lock_behind(database: Database, turns: int) -> None:
    assert database.file is not None
    task = asyncio.ensure_future(write(database, "one"))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    other = sqlite3.connect(database.file, timeout=0, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    other.close()
    kept = [] if task.cancelled() and await _names(database) == [] else ["one"]
    assert await _names(database) == kept
    await write(database, "two")


async def test_a_cut_off_change_ends_before_anybody_else_has_its_connection(database: Database) -> None:
    began, free = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        free.wait(10)

    waiting = asyncio.ensure_future(in_loop._to_its_end(work))
    await asyncio.to_thread(began.wait)
    for _ in range(2):  # as the end of a process that is in a hurry does
        waiting.cancel()
        await asyncio.sleep(0)
    assert not waiting.done()
    free.set()
    await asyncio.wait([waiting])
    assert waiting.cancelled()


async def test_those_who_wait_do_not_keep_whom_they_wait_for_from_a_thread(keys: Keys, sqlite_url: str) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))  # as on a small machine that is at work
    databases = [keys.connect(sqlite_url) for _ in range(3)]  # as three processes
    for _ in range(10):
        await asyncio.gather(*(write(database, new_id()) for database in databases))
    assert len(await _names(databases[0])) == 30
    for database in databases:
        await database.close()
