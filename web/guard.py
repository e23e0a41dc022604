"""Nobody passes whom the route does not let in; a route that names nobody lets nobody in.

And nothing is changed for a request another site made: the browser says where it comes from, and every form of a
sign-in carries that sign-in's token (OWASP ASVS 5.0.0 3.5.1).
"""

import secrets

from aiohttp.typedefs import Handler
from aiohttp.web import Request, Response, StreamResponse, middleware

from facilitator.errors import N_, NotAllowed
from facilitator.ids import AccountId
from web import forms, keeping, keys
from web.who import Who

SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")

FOREIGN = N_("This request came from another website, so nothing was done. Open the panel itself and try again there.")
STALE = N_(
    "This page was open for too long, or you signed in again meanwhile. Nothing was done. Open it anew and try again."
)
WITHOUT_TOKEN = ("leave", "sign-out")
"""Going must work from the oldest tab, and a form of ours that is sent twice ends nothing that is not ended."""
NOT_YOURS = N_("Your account may not do this.")


class SignInFirst(NotAllowed):
    """Nobody is signed in."""


def who_of(request: Request) -> Who | None:
    """Who may use the route; None for addresses that do not exist and for routes that declare nobody."""
    method = "GET" if request.method == "HEAD" else request.method
    return request.config_dict[keys.WHO].get((method, request.match_info.route.name or ""))


def is_ours(request: Request) -> bool:
    """There is such a page; otherwise the router's own 404 or 405 is on its way."""
    return request.match_info.http_exception is None


@middleware
async def same_site(request: Request, handler: Handler) -> StreamResponse:
    if request.method not in SAFE_METHODS and is_ours(request):
        check_origin(request)
        request[keys.FORM] = await forms.body(request)
        signed_in = request.get(keys.SIGNED_IN)
        given = request[keys.FORM].get(forms.FORM_TOKEN, "")
        goes = request.match_info.route.name in WITHOUT_TOKEN
        if signed_in and not goes and not secrets.compare_digest(given.encode(), signed_in.form_token.encode()):
            return await stale(request, signed_in.account_id)
    return await handler(request)


async def stale(request: Request, account_id: AccountId) -> Response:
    """A form of an earlier sign-in, sent from a tab that stayed open: its owner gets it back, filled in and not sent.
    Somebody else's is kept for them, and whoever is signed in now sees nothing of it. Raises NotAllowed."""
    if await keeping.keep(request) != account_id:
        raise NotAllowed(STALE)
    page = keeping.page_of(request)
    return Response(status=303, headers={"Location": f"{page}?{keeping.KEPT}=1"})


def check_origin(request: Request) -> None:
    """Fetch metadata, or Origin from browsers that send none. Raises NotAllowed."""
    said = request.headers.get("Sec-Fetch-Site")
    if said is not None and said in ("same-origin", "none"):
        return
    if said is None and request.headers.get("Origin", "").lower() == request.config_dict[keys.SETTINGS].origin:
        return
    raise NotAllowed(FOREIGN)


@middleware
async def let_in(request: Request, handler: Handler) -> StreamResponse:
    if is_ours(request):
        signed_in, who = request.get(keys.SIGNED_IN), who_of(request)
        if who is None or not who.lets_in(signed_in):
            if signed_in is None:
                kept = who is not None and request.method == "POST" and await keeping.keep(request)
                raise SignInFirst(keeping.KEPT_SAFELY if kept else N_("Please sign in to see this page."))
            raise NotAllowed(NOT_YOURS)
    return await handler(request)
