"""For whoever watches over the panel: is it alive, and can it serve? No detail: these pages are open to anyone."""

from aiohttp.web import Request, Response

from facilitator.database import Unavailable
from facilitator.errors import Misconfigured
from web import keys
from web.logs import log


async def live(_request: Request) -> Response:
    """It answers, so its event loop turns."""
    return Response(text="ok\n")


async def ready(request: Request) -> Response:
    """The database answers and has the schema this code was written for."""
    try:
        await request.config_dict[keys.DATABASE].check_schema()
    except (Unavailable, Misconfigured) as problem:
        log.warning("not ready", why=type(problem).__name__, request_id=request[keys.REQUEST_ID])
        return Response(status=503, text="the database cannot be used\n")
    return Response(text="ok\n")
