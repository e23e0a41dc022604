"""What every request passes, in order: a number and a line in the log, error pages, allowed hosts, who is signed in,
cross-site checks, the route's own rule, and what was kept for who is back. Error pages come second, so that every later
refusal becomes one.
"""

import secrets

from aiohttp.typedefs import Handler, Middleware
from aiohttp.web import Request, StreamResponse, middleware

from facilitator.errors import N_
from web import errors, guard, keeping, keys, sign_in
from web.forms import BadForm
from web.limits import client_address
from web.logs import log

WRONG_HOST = N_("This panel is not known by that address. Please use the address you were given.")
STATIC = "/static/{file}"
"""Its successes say nothing, four times a page."""
ANY_HOST = ("livez", "readyz")
"""Whoever watches over the panel asks it by whatever address it has."""


@middleware
async def number_and_note(request: Request, handler: Handler) -> StreamResponse:
    """The log has the route's template, never what stood in it, nor a query, referrer or address."""
    request[keys.REQUEST_ID] = secrets.token_hex(6)
    clock = request.config_dict[keys.CLOCK]
    began, status = clock.monotonic(), 0
    try:
        response = await handler(request)
        status = response.status
        return response
    finally:
        if status != 200 or template(request) != STATIC:
            took = round((clock.monotonic() - began) * 1000, 1)
            note = {"method": known_method(request), "route": template(request), "status": status}
            log.info("request", request_id=request[keys.REQUEST_ID], milliseconds=took, **note)


def template(request: Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else "unknown"


def known_method(request: Request) -> str:
    return request.method if request.method in ("GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE") else "other"


@middleware
async def right_host(request: Request, handler: Handler) -> StreamResponse:
    settings = request.config_dict[keys.SETTINGS]
    if request.headers.get("Host", "").lower() != settings.allowed_host and not asks_for_health(request):
        raise BadForm(WRONG_HOST)
    return await handler(request)


def asks_for_health(request: Request) -> bool:
    return request.match_info.route.name in ANY_HOST


def address(request: Request) -> str:
    """Where a request came from, for counting failed tries in memory and for nothing else."""
    settings = request.config_dict[keys.SETTINGS]
    return client_address(request.remote or "", request.headers.get("X-Forwarded-For", ""), settings.proxies)


MIDDLEWARES: tuple[Middleware, ...] = (
    number_and_note,
    errors.as_pages,
    right_host,
    sign_in.know_who,
    guard.same_site,
    guard.let_in,
    keeping.bring_back,
)
