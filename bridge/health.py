"""/livez, /readyz and /metrics on a loopback port: the one place outside web/ that serves HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from http import HTTPStatus

import structlog
from aiohttp.web import (
    Application,
    AppRunner,
    BaseRequest,
    Request,
    RequestHandler,
    Response,
    Server,
    StreamResponse,
    TCPSite,
    json_response,
)

from bridge import metrics
from bridge.house import Held
from bridge.vitals import Vitals
from facilitator import bots, figures, sightings
from facilitator.database import Database, Unavailable
from facilitator.errors import Misconfigured

log = structlog.get_logger(__name__)
HOST = "127.0.0.1"
SHUTS_WITHIN = 2.0
"""Seconds: whoever still asks how it is must not keep it from ending."""
HEADERS = {
    "Server": "bridge",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""On every answer: a browser on this machine can be led here by any page."""


@asynccontextmanager
async def served(port: int, vitals: Vitals, database: Database, held: Held) -> AsyncIterator[None]:
    """Serve health while the block runs; port 0 serves none. Raises Misconfigured when the port is taken."""
    if port == 0:
        yield
        return
    app = Application()
    app.on_response_prepare.append(_put_headers)

    async def livez(_: Request) -> Response:
        return Response(text="ok")

    async def readyz(_: Request) -> Response:
        missing = vitals.not_ready() + await _database_trouble(database, vitals.clock.now())
        return json_response({"ready": not missing, "missing": missing}, status=503 if missing else 200)

    async def measured(_: Request) -> Response:
        facts = await _facts(database, vitals, held)
        return Response(body=metrics.exposition(facts), headers={"Content-Type": metrics.CONTENT_TYPE})

    app.router.add_get("/livez", livez)
    app.router.add_get("/metrics", measured)
    app.router.add_get("/readyz", readyz)
    runner = _Runner(app, access_log=None, shutdown_timeout=SHUTS_WITHIN)
    await runner.setup()
    try:
        await TCPSite(runner, HOST, port).start()
    except OSError:
        await runner.cleanup()
        raise Misconfigured(f"Port {port} is taken: set another health_port in [bridge], or free it.") from None
    try:
        yield
    finally:
        await runner.cleanup()


async def _database_trouble(database: Database, now: datetime) -> list[str]:
    try:
        async with database.transaction() as db:
            await sightings.beat(db, "readyz", now=now)
    except Unavailable:
        return ["database"]
    return []


async def _facts(database: Database, vitals: Vitals, held: Held) -> metrics.Facts:
    try:
        async with database.reading() as db:
            counted = await figures.of_bot(db, held.bot, now=vitals.clock.now())
            holds = await bots.holds(db, held.bot, holder=held.holder, epoch=held.epoch)
    except Unavailable:
        return metrics.Facts(vitals, figures=None, held=False)
    return metrics.Facts(vitals, figures=counted, held=holds)


async def _put_headers(_request: Request, response: StreamResponse) -> None:
    response.headers.update(HEADERS)


class _Handler(RequestHandler):
    """Answers what is no HTTP at all, which the application never sees, without the name and version of its library."""

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


class _Server(Server):
    def __call__(self) -> RequestHandler:
        return _Handler(self, loop=self._loop, **self._kwargs)


class _Runner(AppRunner):
    __slots__ = ()

    async def _make_server(self) -> Server:
        made = await super()._make_server()
        return _Server(made.request_handler, request_factory=made.request_factory, loop=made._loop, **made._kwargs)
