"""One real Synapse for all live tests, and a fresh world of accounts on it for each."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from bridge.matrix.client import NioHomeserver
from deploy import homeserver
from deploy.homeserver import LocalHomeserver
from tests.live.world import SERVICE_TOKEN, World

NO_CACHED_SYNC = {"caches": {"sync_response_cache_duration": 0}}
"""Asking the same /sync twice must show what is there now: a restarted bridge does that."""
SERVICE = {
    "id": "hearth",
    "url": None,
    "as_token": SERVICE_TOKEN,
    "hs_token": "nothing is pushed",
    "sender_localpart": "service",
    "io.element.msc4190": True,
    "namespaces": {"users": [{"exclusive": True, "regex": "@service-.*"}]},
}
"""An application service, for a bot that signs in as one."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def local_homeserver(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalHomeserver]:
    data = tmp_path_factory.mktemp("homeserver")
    service = data / "service.yaml"
    service.write_text(json.dumps(SERVICE))
    extra = {**NO_CACHED_SYNC, "app_service_config_files": [str(service)]}
    options = homeserver.Options(data=data, port=homeserver.free_port(), extra=extra)
    async with homeserver.running(options) as started:
        yield started


@pytest.fixture
async def world(local_homeserver: LocalHomeserver, tmp_path: Path) -> AsyncIterator[World]:
    world = World(local_homeserver, tmp_path)
    yield world
    await world.close()


@pytest.fixture
def make_homeserver(world: World) -> Callable[[], Awaitable[NioHomeserver]]:
    """A started client for a fresh bot account, as often as it is called. Other people: `world.person()`."""
    return world.client
