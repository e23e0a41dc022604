"""/livez and /readyz of the bridge tell the truth, on a loopback port, and never a name."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientSession

from bridge import health
from bridge.house import Held
from bridge.vitals import SYNC_AT_MOST, Vitals
from deploy import ports
from facilitator import sightings
from facilitator.database import Database
from facilitator.errors import Misconfigured
from facilitator.ids import BotId
from tests.clock import TurnedClock
from tests.keys import Keys

NOBODYS = Held(BotId("none"), "nobody", 1)


@dataclass
class Asked:
    """A served bridge, asked over HTTP as a watchdog does."""

    port: int
    vitals: Vitals
    session: ClientSession

    async def get(self, path: str) -> tuple[int, str]:
        async with self.session.get(f"http://127.0.0.1:{self.port}{path}") as answer:
            return answer.status, await answer.text()

    async def ready(self) -> tuple[int, dict[str, Any]]:
        async with self.session.get(f"http://127.0.0.1:{self.port}/readyz") as answer:
            return answer.status, await answer.json()


async def serving(database: Database, clock: TurnedClock) -> AsyncIterator[Asked]:
    port, vitals = ports.any_free(), Vitals(clock)
    async with health.served(port, vitals, database, NOBODYS), ClientSession() as session:
        yield Asked(port, vitals, session)


@pytest.fixture
async def asked(database: Database, clock: TurnedClock) -> AsyncIterator[Asked]:
    async for each in serving(database, clock):
        yield each


@pytest.fixture
async def without_database(keys: Keys, clock: TurnedClock) -> AsyncIterator[Asked]:
    """Its PostgreSQL does not answer."""
    nowhere = keys.connect(f"postgresql://hearth:secret@127.0.0.1:{ports.any_free()}/hearth")
    async for each in serving(nowhere, clock):
        yield each
    await nowhere.close()


def running(vitals: Vitals) -> None:
    vitals.starting, vitals.signed = None, True
    vitals.passed_now("listener")


async def test_alive_says_only_that_it_answers(asked: Asked, without_database: Asked) -> None:
    assert await asked.get("/livez") == (200, "ok")
    assert await without_database.get("/livez") == (200, "ok")


async def test_ready_is_true_only_when_nothing_is_missing(asked: Asked, clock: TurnedClock) -> None:
    assert await asked.ready() == (503, {"ready": False, "missing": ["starting"]})
    running(asked.vitals)
    assert await asked.ready() == (200, {"ready": True, "missing": []})
    asked.vitals.signed = False
    assert await asked.ready() == (503, {"ready": False, "missing": ["device_not_signed"]})
    clock.turn(SYNC_AT_MOST)
    assert await asked.ready() == (503, {"ready": False, "missing": ["device_not_signed", "no_sync"]})
    asked.vitals.starting = "stopping"
    assert await asked.ready() == (503, {"ready": False, "missing": ["stopping"]})


async def test_a_database_that_does_not_answer_is_told_without_its_address(without_database: Asked) -> None:
    running(without_database.vitals)
    status, text = await without_database.get("/readyz")
    assert status == 503
    assert '["database"]' in text
    assert "secret" not in text and "127.0.0.1" not in text


async def test_being_asked_is_no_sign_that_the_loops_live(asked: Asked, database: Database, clock: TurnedClock) -> None:
    clock.turn(timedelta(minutes=5))
    await asked.ready()
    async with database.reading() as db:
        assert {"bridge", "homeserver"} & (await sightings.heartbeats(db)).keys() == set()


async def test_only_this_machine_is_answered(asked: Asked) -> None:
    with socket.socket() as caller:
        assert caller.connect_ex(("127.0.0.2", asked.port)) != 0
    assert health.HOST == "127.0.0.1"


async def test_nothing_else_is_served(asked: Asked) -> None:
    for path in ("/", "/metrics/x", "/readyz/x", "/.env"):
        assert (await asked.get(path))[0] == 404


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET /livez HTTP/1.1", 200),
        ("GET /readyz HTTP/1.1", 503),
        ("GET /metrics HTTP/1.1", 200),
        ("GET /nowhere HTTP/1.1", 404),
        ("POST /readyz HTTP/1.1", 405),
        ("this is no HTTP", 400),
    ],
)
async def test_every_answer_is_kept_by_nobody_and_names_no_library(
    asked: Asked, request_line: str, status: int
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", asked.port)
    writer.write(f"{request_line}\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    head, _, _ = answer.partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert first.split()[1] == str(status)
    assert headers.items() >= health.HEADERS.items()
    assert headers["Server"] == "bridge"
    assert "aiohttp" not in answer
    assert "Python" not in answer


async def test_a_port_that_is_taken_is_one_sentence(asked: Asked, database: Database, clock: TurnedClock) -> None:
    with pytest.raises(Misconfigured) as refused:
        async with health.served(asked.port, Vitals(clock), database, NOBODYS):
            raise AssertionError("served twice")
    assert refused.value.sentence == (f"Port {asked.port} is taken: set another health_port in [bridge], or free it.")
    assert await asked.get("/livez") == (200, "ok")


async def test_the_port_is_free_again_afterwards(database: Database, clock: TurnedClock) -> None:
    port = ports.any_free()
    for _ in range(2):
        async with health.served(port, Vitals(clock), database, NOBODYS):
            pass


async def test_port_nought_serves_none(database: Database, clock: TurnedClock) -> None:
    async with health.served(0, Vitals(clock), database, NOBODYS):
        pass
