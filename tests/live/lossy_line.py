"""A line to the homeserver that can lose an answer: what was asked is done, and whoever asked never learns it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp.web import Application, AppRunner, Request, Response, TCPSite

from deploy.homeserver import HOST, free_port

DEED = re.compile(r"/createRoom$|/rooms/[^/]+/send/")
SAID = re.compile(r"/send/m\.room\.encrypted/")
PASSED_ON = ("Authorization", "Content-Type")


@dataclass
class LossyLine:
    """`to`: the homeserver's address. `url`: this line's own."""

    to: str
    url: str = ""
    losing: bool = False
    hanging: bool = False
    """Whether what is said gets no answer until the line ends."""
    hung: asyncio.Event = field(default_factory=asyncio.Event)
    ends: asyncio.Event = field(default_factory=asyncio.Event)
    http: aiohttp.ClientSession = field(default_factory=aiohttp.ClientSession)

    def lose_next(self) -> None:
        """Lose the answer to the next room made or message sent."""
        self.losing = True

    async def pass_on(self, request: Request) -> Response:
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        address = f"{self.to}{request.raw_path}"
        body = await request.read()
        if self.hanging and SAID.search(request.path):
            self.hung.set()
            await self.ends.wait()
            return Response(status=504)
        async with self.http.request(request.method, self._encoded(address), headers=headers, data=body) as answer:
            content = await answer.read()
        if self.losing and DEED.search(request.path):
            self.losing = False
            return Response(status=504)
        return Response(status=answer.status, body=content, content_type="application/json")

    @staticmethod
    def _encoded(address: str) -> "aiohttp.client.URL":
        return aiohttp.client.URL(address, encoded=True)


@asynccontextmanager
async def lossy_line(to: str) -> AsyncIterator[LossyLine]:
    line = LossyLine(to)
    app = Application()
    app.router.add_route("*", "/{anything:.*}", line.pass_on)
    runner = AppRunner(app, access_log=None)
    await runner.setup()
    port = free_port()
    await TCPSite(runner, HOST, port).start()
    line.url = f"http://{HOST}:{port}"
    try:
        yield line
    finally:
        line.ends.set()
        await runner.cleanup()
        await line.http.close()
