"""Nobody passes whom the route does not let in; a route that names nobody lets nobody in.

And nothing is changed for a request another site made: the browser says where it comes from, and every form of a
sign-in carries that sign-in's token (OWASP ASVS 5.0.0 3.5.1).
"""

import secrets

from aiohttp.typedefs import Handler
from aiohttp.web import Request, StreamResponse, middleware

from facilitator.errors import N_, NotAllowed
from web import forms, keys
from web.who import Who

SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")

FOREIGN = N_("This request came from another website, so nothing was done. Open the panel itself and try again there.")
STALE = N_(
    "This page was open for too long, or you signed in again meanwhile. Nothing was done. Reload it and try again."
)
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
        if signed_in and not secrets.compare_digest(given.encode(), signed_in.form_token.encode()):
            raise NotAllowed(STALE)
    return await handler(request)


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
                raise SignInFirst(N_("Please sign in to see this page."))
            raise NotAllowed(NOT_YOURS)
    return await handler(request)
