"""The panel's pages with 10 and with 200 groups: time at the browser's end, and SQL statements, which must not grow."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import aiohttp
from aiohttp.test_utils import TestServer

from benchmarks.figures import Row
from deploy import ports
from facilitator import accounts, groups, lives, members, schedule
from facilitator.clock import Clock
from facilitator.database import Database, Db, KeyRing, connect
from facilitator.database.wakeup import open_bell
from facilitator.ids import AccountId, GroupId
from facilitator.settings import Settings as House
from web.app import build_app
from web.settings import Settings

VISITS = 100
MEMBERS = 8


async def measure(data: Path) -> list[Row]:
    rows = []
    for count in (10, 200):
        folder = data / str(count)
        folder.mkdir(parents=True, mode=0o700)
        async with _database(folder) as (house, database):
            rows += await _visit(house, database, count)
    return rows


@asynccontextmanager
async def _database(folder: Path) -> AsyncIterator[tuple[House, Database]]:
    house = House(organisation="Bench", emergency_number="112", data_dir=folder)
    database = connect(house.database_url, people=KeyRing.create(house.people_key))
    await database.upgrade()
    yield house, database
    await database.close()


async def _visit(house: House, database: Database, count: int) -> list[Row]:
    clock, port = Clock(), ports.any_free()
    cookie, group = await _filled(database, count, clock)
    settings = Settings(public_url=f"http://localhost:{port}")
    bell = open_bell(house.database_url, house.data_dir)
    app = build_app(settings, house=house, database=database, bell=bell, clock=clock)
    rows = []
    async with TestServer(app, port=port), aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as browser:
        headers = {"Host": settings.allowed_host, "Cookie": f"{settings.cookie}={cookie}"}
        for what, path in (("list of groups", "/groups"), ("one group", f"/groups/{group}")):
            url = f"http://127.0.0.1:{port}{path}"
            before = database.statements
            seconds = [await _load(browser, url, headers) for _ in range(VISITS)]
            statements = (database.statements - before) / VISITS
            rows.append(Row(f"panel, {count} groups: {what}", seconds, note=f"{statements:.1f} SQL statements"))
    await bell.close()
    return rows


async def _load(browser: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> float:
    began = time.perf_counter()
    async with browser.get(url, headers=headers, allow_redirects=False) as answer:
        await answer.read()
        assert answer.status == 200, answer.status
    return time.perf_counter() - began


async def _filled(database: Database, count: int, clock: Clock) -> tuple[str, str]:
    """So many groups with members and a series each. Returns a browser's cookie and one group."""
    now = clock.now()
    async with database.transaction() as db:
        account = await accounts.add_coordinator(db, name="Ada", matrix_id="@ada:localhost", now=now)
        link = await accounts.issue_link(db, account, now=now)
        cookie = await accounts.redeem_link(db, link, browser="Bench", now=now)
        made = [await _group(db, account, number, now) for number in range(count)]
    return cookie, made[0]


async def _group(db: Db, by: AccountId, number: int, now: datetime) -> GroupId:
    group = await groups.start(
        db, by=by, name=f"Room {number}", purpose="Measuring", language="en", time_zone="Europe/Lisbon", now=now
    )
    await lives.open_group(db, by=by, group_id=group, lines=(), waiver="Measuring", now=now)
    for member in range(MEMBERS):
        await members.invite(db, by=by, group_id=group, matrix_id=f"@m{member}:localhost", now=now)
    await schedule.schedule(
        db, by=by, group_id=group, weekday=number % 7, at="19:00", time_zone="Europe/Lisbon", minutes=60, now=now
    )
    return group
