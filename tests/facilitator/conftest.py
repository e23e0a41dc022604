"""The scene most use cases are tried on: on SQLite, or on each engine in turn."""

import pytest

from facilitator.database import Database
from tests.facilitator.scene import Scene, set_up


@pytest.fixture
async def scene(database: Database) -> Scene:
    return await set_up(database)


@pytest.fixture
async def any_scene(any_database: Database) -> Scene:
    return await set_up(any_database)
