"""The panel on PostgreSQL: the whole way once, and a link that eight browsers want at the same moment."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from facilitator import accounts
from facilitator.database import Database
from facilitator.database.wakeup import open_bell
from facilitator.settings import Settings as House
from tests.clock import TurnedClock
from tests.keys import Keys
from tests.web import sample
from tests.web.conftest import Serve
from tests.web.visitor import Visitor, new_session
from web.app import build_app
from web.settings import Settings

pytestmark = pytest.mark.postgres


@pytest.fixture
async def database(keys: Keys, postgres_url: str) -> AsyncIterator[Database]:
    opened = keys.connect(postgres_url)
    yield opened
    await opened.close()


@pytest.fixture
async def visitor(
    settings: Settings,
    house: House,
    database: Database,
    postgres_url: str,
    tmp_path: Path,
    clock: TurnedClock,
    serve: Serve,
) -> AsyncIterator[Visitor]:
    bell = open_bell(postgres_url, tmp_path)
    app = build_app(settings, house=house, database=database, bell=bell, clock=clock)
    async with new_session() as session:
        yield Visitor(session, await serve(app))
    await bell.close()


async def test_the_whole_way(visitor: Visitor, database: Database, clock: TurnedClock) -> None:
    cast = await sample.make(database, clock.now())
    async with database.transaction() as db:
        link = "/sign-in/" + await accounts.issue_link(db, cast.ada, now=clock.now())
    racers = [Visitor(visitor.session, visitor.base) for _ in range(8)]
    pages = await asyncio.gather(*(racer.post(link) for racer in racers))
    assert sorted(page.status for page in pages) == [303, *[410] * 7]
    ada = next(racer for racer in racers if racer.cookie)
    await ada.get("/groups/new")
    form = {"name": "Cedar room", "purpose": "Talking", "language": "en", "time_zone": "Lisbon"}
    group = (await ada.post("/groups/new", form)).location.partition("?")[0]
    assert (await ada.post(f"{group}/ready", {"waiver": sample.WAIVER})).status == 303
    assert (await ada.post(f"{group}/members", {"matrix_id": "@new:chat.test"})).status == 303
    series = {"weekday": "3", "at": "20:15", "minutes": "60", "time_zone": "Lisbon"}
    assert (await ada.post(f"{group}/sessions/new", series)).status == 303
    page = await ada.get(group)
    assert "Every Thursday at 20:15" in page.words and "@new:chat.test" in page.words
    assert "Maple room Up to date" in (await ada.get("/groups")).words
    assert (await ada.post("/sign-out")).status == 303
    assert (await ada.get("/groups")).status == 401
