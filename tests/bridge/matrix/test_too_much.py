"""Answers larger than we take: given up early, asked for in smaller pieces, and nobody else pays for them."""

import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError
from aiohttp.test_utils import TestServer
from aiohttp.web import Application, Request, Response, StreamResponse

from bridge.matrix.connection import Connection, TooMuch
from bridge.matrix.listening import TIMELINE
from bridge.matrix.their_keys import TheirKeys
from facilitator.database import Database
from tests.bridge.matrix.besieged import Besieged, besieged, sync
from tests.bridge.matrix.olm_people import ADA, BEN, BOT, EVE, Device, machine
from tests.clock import TurnedClock

MOST = 200_000


@pytest.fixture(autouse=True)
def most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.matrix.connection.LARGEST_ANSWER", MOST)


@pytest.fixture
async def house(database: Database, tmp_path: Path, clock: TurnedClock) -> AsyncIterator[Besieged]:
    async with besieged(database, tmp_path, clock) as house:
        yield house


async def endless(request: Request) -> StreamResponse:
    """Goes on until nobody listens."""
    response = StreamResponse()
    await response.prepare(request)
    try:
        while True:
            await response.write(b" " * 65_536)
    except (ClientError, ConnectionError):
        return response


async def packed(request: Request) -> Response:
    return Response(body=gzip.compress(b" " * 50 * MOST), headers={"Content-Encoding": "gzip"})


@pytest.mark.parametrize("answer", [endless, packed])
async def test_an_answer_without_end_is_given_up_and_the_next_one_taken(clock: TurnedClock, answer: Any) -> None:
    async def short(request: Request) -> Response:
        return Response(text='{"fine": 1}')

    application = Application()
    application.router.add_get("/long", answer)
    application.router.add_get("/short", short)
    async with TestServer(application) as running:
        connection = Connection(str(running.make_url("")), clock=clock)
        with pytest.raises(TooMuch):
            await connection.get("/long")
        assert connection.answered["fault"] == 1
        assert await connection.get("/short") == {"fine": 1}
        await connection.close()


async def test_a_sync_that_is_too_large_is_asked_for_with_fewer_events_until_it_is_not(house: Besieged) -> None:
    large = json.dumps(sync("x1", [{"type": "m.room.message", "content": {"body": "x" * MOST}}]))
    for _ in range(3):
        await house.hears(large)
    asked = [wanted["room"]["timeline"]["limit"] for wanted in [*house.server.filters][-3:]]
    assert asked == [TIMELINE, TIMELINE // 7, 1]
    await house.hears_ada()
    await house.hears_ada()
    assert house.server.filters[-1]["room"]["timeline"]["limit"] == TIMELINE


async def test_one_persons_keys_without_end_cost_nobody_else_a_word(tmp_path: Path, clock: TurnedClock) -> None:
    bot, ada, eve = (Device(machine(tmp_path, user)) for user in (BOT, ADA, EVE))
    asked: list[set[str]] = []

    async def query(request: Request) -> Response:
        users = set((await request.json())["device_keys"])
        asked.append(users)
        shown = [device.keys["device_keys"] for device in (ada, eve) if device.machine.user_id in users]
        more = "x" * MOST if BEN in users else ""
        keys = {user: device for each in shown for user, device in each.items()}
        return Response(text=json.dumps({"device_keys": keys, "more": more}))

    async def claim(request: Request) -> Response:
        users = (await request.json())["one_time_keys"]
        if EVE in users:
            return Response(text='{"more": "' + "x" * MOST)
        return Response(text=json.dumps(ada.take_one_time_key()))

    application = Application()
    application.router.add_post("/_matrix/client/v3/keys/query", query)
    application.router.add_post("/_matrix/client/v3/keys/claim", claim)
    async with TestServer(application) as running:
        connection = Connection(str(running.make_url("")), clock=clock)
        their_keys = TheirKeys(bot.machine, connection, clock)
        await their_keys.know({ADA, BEN, EVE})
        assert [their_keys.answered(user) for user in (ADA, BEN, EVE)] == [True, False, True]
        await their_keys.open_sessions((user, ada.machine.device_id) for user in (ADA, EVE))
        begun = len(asked)
        await their_keys.know({ADA, BEN, EVE})
        await their_keys.close()
        await connection.close()
    assert bot.machine.session_store.get(ada.machine.account.identity_keys["curve25519"]) is not None
    assert len(asked) == begun, "who has too many is left in peace"
    for device in (bot, ada, eve):
        device.machine.store.close()
