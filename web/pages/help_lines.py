"""Whom to call when somebody needs help now. Words from the settings alone: it is shown whatever else is down."""

from aiohttp.web import Request, Response

from web.pages import see


async def show(request: Request) -> Response:
    return see(request, "help.html")
