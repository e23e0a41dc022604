"""Coming in by a one-time link, and going: signing out, and leaving quickly when somebody looks over a shoulder."""

from datetime import datetime

from aiohttp.web import Request, Response

from facilitator import accounts, kept_forms
from facilitator.database import Db
from facilitator.errors import NotFound, TooLate
from web import forms, headers, keeping, keys, patience, sign_in
from web.middleware import address
from web.pages import go, see


async def landing(request: Request) -> Response:
    if keys.SIGNED_IN in request:
        return go(request, "home")
    return see(request, "landing.html")


async def show_link(request: Request) -> Response:
    """A button, no more: mail programs and chat previews open links too, and must not use one up."""
    app, now = request.config_dict, request.config_dict[keys.CLOCK].now()
    app[keys.TRIES].check(address(request), now)
    try:
        async with app[keys.DATABASE].reading() as db:
            await accounts.link_state(db, request.match_info["token"], now=now)
    except (NotFound, TooLate) as refusal:
        return _gone(request, refusal)
    return see(request, "sign_in.html")


async def use_link(request: Request) -> Response:
    app, now = request.config_dict, request.config_dict[keys.CLOCK].now()
    app[keys.TRIES].check(address(request), now)
    forms.read(request, forms.Nothing)
    try:
        async with app[keys.DATABASE].transaction() as db:
            token = await accounts.redeem_link(
                db, request.match_info["token"], browser=sign_in.browser(request), now=now
            )
            kept = await _kept_of(db, token, now)
            if keys.COOKIE_TOKEN in request:  # a new sign-in takes the place of an old one
                await accounts.sign_out(db, request[keys.COOKIE_TOKEN])
    except (NotFound, TooLate) as refusal:
        return _gone(request, refusal)
    response = Response(status=303, headers={"Location": f"{kept}?{keeping.KEPT}=1"}) if kept else go(request, "home")
    sign_in.give_cookie(request, response, token)
    return response


async def _kept_of(db: Db, token: str, now: datetime) -> str | None:
    """The page on which something is kept for who has just signed in."""
    who = await accounts.signed_in(db, token, now=now)
    return await kept_forms.latest_page(db, account_id=who.account_id, now=now) if who else None


async def sign_out(request: Request) -> Response:
    await _end(request)
    return _cleared(request, go(request, "landing", done="signed-out"))


async def leave(request: Request) -> Response:
    """Away to a page anybody might have open, at once: a database that does not answer is no obstacle. The browser
    forgets its cookie, and the sign-in ends when the database can, or by itself after half an hour."""
    await patience.a_moment(request, _end(request))
    return _cleared(request, see(request, "leave.html"))


async def _end(request: Request) -> None:
    if keys.COOKIE_TOKEN in request:
        async with request.config_dict[keys.DATABASE].transaction() as db:
            await accounts.sign_out(db, request[keys.COOKIE_TOKEN])


def _cleared(request: Request, response: Response) -> Response:
    sign_in.take_cookie(request, response)
    response.headers.update(headers.CLEAR)
    return response


def _gone(request: Request, refusal: NotFound | TooLate) -> Response:
    if isinstance(refusal, NotFound):
        request.config_dict[keys.TRIES].failed(address(request), request.config_dict[keys.CLOCK].now())
    return see(request, "link_gone.html", status=404 if isinstance(refusal, NotFound) else 410, refusal=refusal)
