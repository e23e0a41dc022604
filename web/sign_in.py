"""The cookie and the sign-in behind it, a row in our database: signing out ends it there, whatever a browser kept.

A copied cookie is worth nothing after that (OWASP ASVS 5.0.0 7.4.1).
"""

import re
from contextlib import suppress

from aiohttp.typedefs import Handler
from aiohttp.web import Request, Response, StreamResponse, middleware

from facilitator import accounts
from facilitator.database import Unavailable
from web import guard, keys, patience
from web.who import Who

TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
FAMILIES = (("Firefox/", "Firefox"), ("Edg/", "Edge"), ("OPR/", "Opera"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))


@middleware
async def know_who(request: Request, handler: Handler) -> StreamResponse:
    """Find out who is asking. A page for anyone waits a moment for that at most: help must not hang on a database."""
    token = request.cookies.get(request.config_dict[keys.SETTINGS].cookie, "")
    who = guard.who_of(request)
    if TOKEN.fullmatch(token) and who is not Who.UNASKED:
        request[keys.COOKIE_TOKEN] = token
        signed_in = await (
            patience.a_moment(request, _look_up(request, token)) if who is Who.ANYONE else _look_up(request, token)
        )
        if signed_in is not None:
            request[keys.SIGNED_IN] = signed_in
    return await handler(request)


async def _look_up(request: Request, token: str) -> accounts.SignedIn | None:
    database, now = request.config_dict[keys.DATABASE], request.config_dict[keys.CLOCK].now()
    async with database.reading() as db:
        signed_in = await accounts.signed_in(db, token, now=now)
    if signed_in is not None and not by_itself(request) and now - signed_in.last_seen >= accounts.SEEN_EVERY:
        await _note(request, token)
    return signed_in


def by_itself(request: Request) -> bool:
    """A page that follows what happens asks without anybody being there: that keeps no sign-in alive."""
    return request.match_info.route.name == "events" or "Hearth-By-Itself" in request.headers


async def _note(request: Request, token: str) -> None:
    with suppress(Unavailable):  # a page that could be read is shown; the next one notes it
        async with request.config_dict[keys.DATABASE].transaction() as db:
            await accounts.seen(db, token, now=request.config_dict[keys.CLOCK].now())


def give_cookie(request: Request, response: Response, token: str) -> None:
    """No Max-Age: it goes when the browser is closed."""
    settings = request.config_dict[keys.SETTINGS]
    response.set_cookie(settings.cookie, token, path="/", secure=settings.secure, httponly=True, samesite="Lax")


def take_cookie(request: Request, response: Response) -> None:
    settings = request.config_dict[keys.SETTINGS]
    response.del_cookie(settings.cookie, path="/", secure=settings.secure, httponly=True, samesite="Lax")


def browser(request: Request) -> str:
    """The family of the browser, for the list of one's own sign-ins; nothing finer is kept."""
    agent = request.headers.get("User-Agent", "")
    return next((name for sign, name in FAMILIES if sign in agent), "another browser")
