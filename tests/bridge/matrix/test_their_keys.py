"""Other people's devices: one question for all, silent servers left in peace, a change met by asking anew."""

import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from aiohttp.web import Application, Request, Response, json_response

from bridge.matrix.connection import Connection
from bridge.matrix.hardened import Machine
from bridge.matrix.keystore import KeyStore
from bridge.matrix.their_keys import ASK_AGAIN, TheirKeys
from facilitator.ids import UserId
from tests.clock import TurnedClock

BOT, ADA, BEN = UserId("@hearth:test"), "@ada:test", "@ben:silent.example"
MOMENT = timedelta(seconds=1)


class Server:
    """Knows nobody's devices, and cannot reach silent.example."""

    def __init__(self) -> None:
        self.asked: list[set[str]] = []
        self.status = 200
        self.meanwhile: Any = lambda: None

    async def answer(self, request: Request) -> Response:
        users = set((await request.json())["device_keys"])
        self.asked.append(users)
        self.meanwhile()
        failures = {"silent.example": {}} if BEN in users else {}
        answer = {"device_keys": {user: {} for user in users - {BEN}}, "failures": failures}
        if self.status != 200:
            return json_response({"errcode": "M_INVALID_PARAM"}, status=self.status)
        return json_response(answer)


@pytest.fixture
async def server() -> Server:
    return Server()


@pytest.fixture
async def their_keys(server: Server, clock: TurnedClock, tmp_path: Path) -> AsyncIterator[TheirKeys]:
    application = Application()
    application.router.add_post("/_matrix/client/v3/keys/query", server.answer)
    machine = Machine(BOT, "DEVICE", KeyStore(tmp_path / "k.db", secrets.token_bytes(32)).open(BOT, "DEVICE"))
    async with TestServer(application) as running:
        connection = Connection(str(running.make_url("")), clock=clock)
        yield TheirKeys(machine, connection, clock)
        await connection.close()
    machine.store.close()


async def test_who_is_known_is_not_asked_about_again_until_they_change(server: Server, their_keys: TheirKeys) -> None:
    await their_keys.know({ADA, "@cleo:test"})
    await their_keys.know({ADA})
    their_keys.changed([ADA])
    await their_keys.know({ADA, "@cleo:test"})
    assert server.asked == [{ADA, "@cleo:test"}, {ADA}]


async def test_a_silent_server_is_left_in_peace_for_a_while(
    server: Server, their_keys: TheirKeys, clock: TurnedClock
) -> None:
    await their_keys.know({ADA, BEN})
    clock.turn(ASK_AGAIN - MOMENT)
    await their_keys.know({ADA, BEN})
    assert server.asked == [{ADA, BEN}]

    clock.turn(2 * MOMENT)
    await their_keys.know({ADA, BEN})
    assert server.asked == [{ADA, BEN}, {BEN}]


async def test_a_question_the_server_will_not_answer_stops_nobody(server: Server, their_keys: TheirKeys) -> None:
    server.status = 400
    await their_keys.know({ADA})
    await their_keys.know({ADA})
    assert server.asked == [{ADA}]


async def test_a_change_during_the_question_is_not_lost(server: Server, their_keys: TheirKeys) -> None:
    server.meanwhile = lambda: their_keys.changed([ADA])
    await their_keys.know({ADA})
    server.meanwhile = lambda: None
    await their_keys.know({ADA})
    assert server.asked == [{ADA}, {ADA}]
