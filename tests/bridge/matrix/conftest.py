"""A server that answers whatever a test wants, and a connection to it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from aiohttp.web import Application, Request, Response

from bridge.matrix.connection import Connection
from tests.clock import TurnedClock


class Server:
    """Answers whatever it was told to, and remembers what it was asked. `at`: by method and the end of the address."""

    def __init__(self) -> None:
        self.url = ""
        self.at: dict[tuple[str, str], tuple[int, Any]] = {}
        self.asked: list[str] = []
        self.headers: dict[str, str] = {}
        self.says(200, {})

    def says(self, status: int, body: Any) -> None:
        self.usual = (status, body)

    async def answer(self, request: Request) -> Response:
        self.asked.append(request.raw_path)
        known = (said for (how, end), said in self.at.items() if how == request.method and request.path.endswith(end))
        status, body = next(known, self.usual)
        text = body if isinstance(body, str) else json.dumps(body)
        return Response(status=status, text=text, content_type="application/json", headers=self.headers)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server, application = Server(), Application()
    application.router.add_route("*", "/{path:.*}", server.answer)
    async with TestServer(application) as running:
        server.url = str(running.make_url(""))
        yield server


@pytest.fixture
async def connection(server: Server, clock: TurnedClock) -> AsyncIterator[Connection]:
    connection = Connection(server.url, "token", clock=clock)
    yield connection
    await connection.close()
