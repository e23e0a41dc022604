"""The panel as a process: open what it needs, serve until asked to stop, finish what is under way."""

import asyncio
import errno
import signal
from contextlib import AsyncExitStack
from http import HTTPStatus

from aiohttp.web import AppRunner, BaseRequest, RequestHandler, Response, Server, StreamResponse, TCPSite

from facilitator.clock import Clock
from facilitator.database import KeyRing, connect
from facilitator.database.wakeup import open_bell
from facilitator.errors import Misconfigured
from facilitator.settings import Settings as House
from web.app import build_app
from web.headers import HEADERS
from web.logs import log
from web.settings import Settings

FINISH_SECONDS = 20.0
"""How long a request under way may take when the panel is asked to stop."""


async def run(house: House, settings: Settings, *, clock: Clock | None = None) -> None:
    """Serve until SIGTERM or SIGINT. Raises Misconfigured with one sentence when it cannot start."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with AsyncExitStack() as stack:
        database = connect(house.database_url, people=KeyRing.load(house.people_key))
        stack.push_async_callback(database.close)
        await database.check_schema()
        bell = open_bell(house.database_url, house.data_dir)
        stack.push_async_callback(bell.close)
        app = build_app(settings, house=house, database=database, bell=bell, clock=clock or Clock())
        runner = Runner(app, access_log=None, shutdown_timeout=FINISH_SECONDS)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        port = await listen(runner, settings)
        log.info("panel serves", port=port)
        await stop.wait()
        log.info("panel stops")


async def listen(runner: "Runner", settings: Settings) -> int:
    """The port it listens on. Raises Misconfigured when it cannot have the one it should."""
    try:
        await TCPSite(runner, settings.host, settings.port).start()
    except OSError as error:
        raise Misconfigured(why_not(error, settings)) from None
    return int(runner.addresses[0][1])


def why_not(error: OSError, settings: Settings) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {settings.port} on {settings.host} is taken by another program: stop that one, or set "
            "[web] port to a free one."
        )
    if error.errno == errno.EACCES:
        return f"Port {settings.port} may not be used by this account: set [web] port to one above 1023."
    return f"[web] host is {settings.host}, which is no address of this machine: set it to 127.0.0.1."


class Handler(RequestHandler):
    """Answers what is no HTTP at all, which no middleware sees, as plainly as everything else: with our headers, and
    without writing down the bytes or the address they came from."""

    __slots__ = ()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> StreamResponse:
        log.warning("unreadable request", status=status, error=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer is on its way already")
        response = Response(status=status, text=f"{HTTPStatus(status).phrase}\n", headers=HEADERS)
        response.force_close()
        return response


class OurServer(Server):
    def __call__(self) -> RequestHandler:
        return Handler(self, loop=self._loop, **self._kwargs)


class Runner(AppRunner):
    """aiohttp's runner with our handler of unreadable requests."""

    __slots__ = ()

    async def _make_server(self) -> Server:
        made = await super()._make_server()
        return OurServer(made.request_handler, request_factory=made.request_factory, loop=made._loop, **made._kwargs)
