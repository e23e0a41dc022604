"""/livez and /readyz on a loopback port: the one place outside web/ that serves HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from aiohttp.web import Application, AppRunner, Request, Response, TCPSite, json_response

from bridge.vitals import Vitals
from facilitator import sightings
from facilitator.database import Database, Unavailable
from facilitator.errors import Misconfigured

HOST = "127.0.0.1"


@asynccontextmanager
async def served(port: int, vitals: Vitals, database: Database) -> AsyncIterator[None]:
    """Serve health while the block runs; port 0 serves none. Raises Misconfigured when the port is taken."""
    if port == 0:
        yield
        return
    app = Application()

    async def livez(_: Request) -> Response:
        return Response(text="ok")

    async def readyz(_: Request) -> Response:
        missing = vitals.not_ready() + await _database_trouble(database, vitals.clock.now())
        return json_response({"ready": not missing, "missing": missing}, status=503 if missing else 200)

    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    runner = AppRunner(app, access_log=None)
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
