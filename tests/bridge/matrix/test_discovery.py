"""From what a person typed to a homeserver's address, or a sentence that says what to check."""

import pytest

from bridge.matrix import discovery
from facilitator.errors import Misconfigured
from tests.bridge.matrix.conftest import Server
from tests.clock import TurnedClock

VERSIONS = {"versions": ["v1.11"]}


def name_of(server: Server) -> str:
    return server.url.removeprefix("http://").rstrip("/")


async def refused(typed: str, clock: TurnedClock) -> str:
    with pytest.raises(Misconfigured) as refusal:
        await discovery.find(typed, clock=clock, scheme="http")
    return refusal.value.sentence


@pytest.mark.parametrize("end", ["", "/", " "])
async def test_an_address_is_taken_as_it_is(server: Server, clock: TurnedClock, end: str) -> None:
    server.says(200, VERSIONS)
    assert await discovery.find(server.url + end, clock=clock) == server.url.rstrip("/")
    assert server.asked == ["/_matrix/client/versions"]


async def test_a_name_leads_where_its_owner_says(server: Server, clock: TurnedClock) -> None:
    server.says(200, VERSIONS)
    elsewhere = server.url.rstrip("/").replace("127.0.0.1", "localhost")
    server.at["GET", discovery.WELL_KNOWN] = (200, {"m.homeserver": {"base_url": f"{elsewhere}/"}})
    assert await discovery.find(name_of(server), clock=clock, scheme="http") == elsewhere


@pytest.mark.parametrize(("status", "body"), [(404, "not here"), (200, "<html>"), (200, {})])
async def test_a_name_whose_owner_says_nothing_is_the_address(
    server: Server, clock: TurnedClock, status: int, body: object
) -> None:
    server.says(200, VERSIONS)
    server.at["GET", discovery.WELL_KNOWN] = (status, body)
    assert await discovery.find(name_of(server), clock=clock, scheme="http") == server.url.rstrip("/")


@pytest.mark.parametrize("base", ["", 7, "javascript:x", None])
async def test_a_name_that_leads_nowhere_is_told(server: Server, clock: TurnedClock, base: object) -> None:
    server.at["GET", discovery.WELL_KNOWN] = (200, {"m.homeserver": {"base_url": base}})
    assert "Type the homeserver's address itself" in await refused(name_of(server), clock)


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, "not here"), (200, "<html>"), (200, {}), (200, {"versions": "all"}), (302, ""), (404, {"errcode": "M_X"})],
)
async def test_a_website_is_told_from_a_homeserver(
    server: Server, clock: TurnedClock, status: int, body: object
) -> None:
    server.says(status, body)
    assert "not a Matrix homeserver" in await refused(server.url, clock)


async def test_nobody_there_is_told(clock: TurnedClock) -> None:
    assert "Nobody answers at http://127.0.0.1:9" in await refused("http://127.0.0.1:9", clock)


@pytest.mark.parametrize("typed", ["", "@hearth:example.org", "ftp://example.org", "my server", "http://http://x"])
async def test_what_is_no_address_is_told(clock: TurnedClock, typed: str) -> None:
    assert "no address" in await refused(typed, clock)
