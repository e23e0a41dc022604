"""The panel as it runs in production, behind https as far as it can tell, on a temporary database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import date, timedelta
from pathlib import Path

import pytest
from aiohttp.web import Application, TCPSite

from facilitator.database import Database
from facilitator.database.wakeup import Bell, open_bell
from facilitator.ids import AccountId
from facilitator.settings import CrisisLine
from facilitator.settings import Settings as House
from tests.clock import TurnedClock
from tests.keys import Keys
from tests.web import in_browser, sample
from tests.web.in_browser import Panel
from tests.web.sample import Sample
from tests.web.visitor import HOST, Visitor, new_session
from web.app import build_app
from web.service import Runner
from web.settings import Settings

Serve = Callable[..., Awaitable[str]]
SignIn = Callable[[AccountId], Awaitable[Visitor]]


@pytest.fixture
def settings() -> Settings:
    return Settings(public_url=f"https://{HOST}")


@pytest.fixture
def house(tmp_path: Path) -> House:
    line = CrisisLine(
        name="The Listening Line", contact="0800 000 000", hours="day and night", kind="crisis", region="Here",
        language="en", verified_on=date(2026, 10, 1), verified_by="Ada",
    )  # fmt: skip
    return House(organisation="Linden House", emergency_number="112", crisis_lines=(line,), data_dir=tmp_path)


@pytest.fixture
async def bell(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Bell]:
    """Listened to already, so that a ring is not lost."""
    bell = open_bell(sqlite_url, tmp_path)
    await bell.wait(timedelta(0))
    yield bell
    await bell.close()


@pytest.fixture
def app(settings: Settings, house: House, database: Database, bell: Bell, clock: TurnedClock) -> Application:
    return build_app(settings, house=house, database=database, bell=bell, clock=clock)


@pytest.fixture
def app_without_database(settings: Settings, house: House, keys: Keys, bell: Bell, clock: TurnedClock) -> Application:
    """Its database is a PostgreSQL that is not there."""
    database = keys.connect("postgresql://hearth@127.0.0.1:1/hearth?sslmode=disable")
    return build_app(settings, house=house, database=database, bell=bell, clock=clock)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serves an application on a free port and says where."""
    async with AsyncExitStack() as stack:

        async def start(app: Application, port: int = 0) -> str:
            runner = Runner(app, access_log=None, shutdown_timeout=1.0)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await TCPSite(runner, "127.0.0.1", port).start()
            return f"http://127.0.0.1:{runner.addresses[0][1]}"

        yield start


@pytest.fixture
async def visitor(app: Application, serve: Serve) -> AsyncIterator[Visitor]:
    """Somebody who is not signed in."""
    async with new_session() as session:
        yield Visitor(session, await serve(app))


@pytest.fixture
async def outsider(app_without_database: Application, serve: Serve) -> AsyncIterator[Visitor]:
    """Somebody who comes while the database is down."""
    async with new_session() as session:
        yield Visitor(session, await serve(app_without_database))


@pytest.fixture
async def cast(database: Database, clock: TurnedClock) -> Sample:
    return await sample.make(database, clock.now())


@pytest.fixture
def signed_in(visitor: Visitor, database: Database, clock: TurnedClock) -> SignIn:
    async def sign_in(account: AccountId) -> Visitor:
        cookie, form_token = await sample.sign_in(database, account, clock.now())
        return Visitor(visitor.session, visitor.base, cookie, form_token)

    return sign_in


@pytest.fixture
async def ada(signed_in: SignIn, cast: Sample) -> Visitor:
    """Runs the sample's groups."""
    return await signed_in(cast.ada)


@pytest.fixture
async def dan(signed_in: SignIn, cast: Sample) -> Visitor:
    """Is signed in as well and must see none of it."""
    return await signed_in(cast.dan)


@pytest.fixture
async def panel(
    serve: Serve, house: House, database: Database, bell: Bell, clock: TurnedClock, cast: Sample, unused_tcp_port: int
) -> AsyncIterator[Panel]:
    """In a browser, at an address it takes for a safe one."""
    url = f"http://localhost:{unused_tcp_port}"
    settings = Settings(port=unused_tcp_port, public_url=url, leave_to=f"{url}/static/icon.svg", style_page=True)
    await serve(build_app(settings, house=house, database=database, bell=bell, clock=clock), unused_tcp_port)
    async with in_browser.opened(url, database, clock, cast) as panel:
        yield panel


async def rang(bell: Bell) -> bool:
    await asyncio.sleep(0)
    return await bell.wait(timedelta(seconds=0.2))
