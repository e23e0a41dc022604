"""Other people's devices: one question to each server, silent ones left in peace, slow ones not waited for, a change
met by asking anew."""

import asyncio
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
from bridge.matrix.homeserver import TryLater
from bridge.matrix.keystore import KeyStore
from bridge.matrix.their_keys import ASK_AGAIN, HEARD_FROM, TheirKeys
from facilitator.ids import UserId
from tests.clock import TurnedClock

BOT, ADA, BEN, CLEO = UserId("@hearth:test"), "@ada:test", "@ben:silent.example", "@cleo:slow.example"
NOT_AT_ALL = timedelta(0)
MOMENT = timedelta(seconds=1)


class Server:
    """Knows nobody's devices, cannot reach silent.example, and waits for slow.example until that is `awake`."""

    def __init__(self) -> None:
        self.asked: list[set[str]] = []
        self.awake = asyncio.Event()
        self.status = 200
        self.meanwhile: Any = lambda: None

    async def answer(self, request: Request) -> Response:
        users = set((await request.json())["device_keys"])
        self.asked.append(users)
        self.meanwhile()
        if CLEO in users:
            await self.awake.wait()
        failures = {"silent.example": {}} if BEN in users else {}
        answer = {"device_keys": {user: {} for user in users - {BEN}}, "failures": failures}
        if self.status != 200 and CLEO not in users:
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
        keys = TheirKeys(machine, connection, clock)
        yield keys
        await keys.close()
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
    assert sorted(map(sorted, server.asked)) == [[ADA], [BEN]]

    clock.turn(2 * MOMENT)
    await their_keys.know({ADA, BEN})
    assert server.asked[2:] == [{BEN}]


async def test_a_silent_server_that_is_heard_from_is_asked_at_once_but_not_with_every_word(
    server: Server, their_keys: TheirKeys, clock: TurnedClock
) -> None:
    await their_keys.know({BEN})
    their_keys.heard_from([BEN])
    await their_keys.know({BEN})
    their_keys.heard_from([BEN])
    await their_keys.know({BEN})
    assert server.asked == [{BEN}, {BEN}]

    clock.turn(HEARD_FROM)
    their_keys.heard_from([CLEO])
    await their_keys.know({BEN})
    their_keys.heard_from([BEN])
    await their_keys.know({BEN})
    assert server.asked == [{BEN}] * 3


async def test_a_server_that_never_answers_holds_up_nobody_else_and_is_learned_of_when_it_does(
    server: Server, their_keys: TheirKeys
) -> None:
    await their_keys.know({ADA, CLEO}, patience=NOT_AT_ALL)
    assert (their_keys.answered(ADA), their_keys.answered(CLEO)) == (True, False)

    async with asyncio.timeout(1):  # and now it is known to be slow: not waited for, nor asked twice
        await their_keys.know({ADA, CLEO})
    assert server.asked.count({CLEO}) == 1

    server.awake.set()
    their_keys.heard_from([CLEO])
    await their_keys.know({CLEO})
    assert their_keys.answered(CLEO)


async def test_what_goes_wrong_at_home_is_told_and_asked_again_at_once(server: Server, their_keys: TheirKeys) -> None:
    server.status = 500
    with pytest.raises(TryLater):
        await their_keys.know({ADA})
    server.status = 200
    await their_keys.know({ADA})
    assert their_keys.answered(ADA)


async def test_what_goes_wrong_about_another_server_stops_nobody(server: Server, their_keys: TheirKeys) -> None:
    server.status = 500
    await their_keys.know({BEN})
    await their_keys.know({BEN})
    assert server.asked == [{BEN}]


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


async def test_whoever_is_named_to_us_is_remembered_to_a_number(
    server: Server, their_keys: TheirKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.matrix.their_keys.REMEMBERED", 5)
    for number in range(20):
        their_keys.changed([f"@eve{number}:server{number}.test"])
        their_keys._leave_in_peace([f"@eve{number}:server{number}.test"])
    kept = (their_keys._changes, their_keys._called_on, their_keys._in_peace_until)
    assert all(len(each) <= 5 for each in kept)
    await their_keys.know({ADA})
    await their_keys.know({ADA})
    assert server.asked == [{ADA}]
