"""The fixtures everybody uses: a real temporary database, its keys, and a clock to turn."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from facilitator.database import Database
from tests.clock import TurnedClock
from tests.found import keep_what_is_found
from tests.keys import Keys, migrate

CONTRACT = ("account", "keys", "messages", "people", "rooms", "world")
pytest.register_assert_rewrite(*(f"tests.contract_{part}" for part in CONTRACT))
pytest_plugins = ["tests.postgres", "tests.left_out"]  # in this order: the second imports the first
keep_what_is_found()


LONGEST = ("journeys/test_crashes.py", "live/test_kills.py", "web/test_browser.py", "live/test_demo.py")
"""Files to begin with: where several processes share the tests, none is left with such a one at the end."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONGEST))


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys()


@pytest.fixture
def clock() -> TurnedClock:
    """Stands at a Monday noon, UTC, until turned."""
    return TurnedClock()


@pytest.fixture(scope="session")
def migrated_file(keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file at the latest schema, made once and copied for each test."""
    file = tmp_path_factory.mktemp("migrated") / "hearth.db"
    migrate(f"sqlite:///{file}", keys)
    return file


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    """A migrated SQLite file of this test's own."""
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'hearth.db')}"


@pytest.fixture
async def database(keys: Keys, sqlite_url: str) -> AsyncIterator[Database]:
    """A fresh, migrated database with both key rings."""
    opened = keys.connect(sqlite_url)
    yield opened
    await opened.close()


@pytest.fixture(params=["sqlite_url", pytest.param("postgres_url", marks=pytest.mark.postgres)])
def any_url(request: pytest.FixtureRequest) -> str:
    """A migrated database on each engine in turn."""
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture
async def any_database(keys: Keys, any_url: str) -> AsyncIterator[Database]:
    """As `database`, on each engine in turn."""
    opened = keys.connect(any_url)
    yield opened
    await opened.close()
