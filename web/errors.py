"""Every refusal and every failure as a page: what happened, what to do next, and an id to quote; never a trace."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from aiohttp.typedefs import Handler
from aiohttp.web import HTTPException, Request, Response, StreamResponse, middleware

from facilitator.database import Unavailable
from facilitator.errors import N_, Invalid, NotAllowed, NotFound, Refused, TooLate
from web import forms, guard, keeping, keys
from web.forms import BadForm, Mistyped
from web.guard import SignInFirst
from web.limits import TooOften
from web.logs import log, where
from web.pages import see


@dataclass(frozen=True)
class Words:
    title: str
    sentence: str
    next_step: str
    other_way: str = ""


NOTHING: Mapping[str, str] = MappingProxyType({})
BACK = N_("Go back to the page you came from, or start again from the first page.")
GENERAL = Words(N_("That did not work"), N_("The panel could not do what was asked."), BACK)
BY_STATUS = {
    400: Words(N_("That did not work"), N_("The panel could not understand this request."), BACK),
    401: Words(
        N_("Please sign in"),
        N_("Please sign in to see this page."),
        N_("Open your sign-in link. If it has been used or is older than an hour, ask your coordinator for a new one."),
        N_("Or say the word “panel” to the bot, alone with it: if your Matrix ID is linked, it sends you a link."),
    ),
    403: Words(N_("Not possible"), N_("Your account may not do this."), BACK),
    404: Words(
        N_("Not found"),
        N_("There is no such page here."),
        N_("It may have moved, or it belongs to somebody else. Start again from the first page."),
    ),
    405: Words(N_("That did not work"), N_("This page cannot be used in this way."), BACK),
    410: Words(N_("Too late"), N_("This is no longer possible."), BACK),
    413: Words(N_("Too long"), N_("More was sent than this panel takes."), N_("Go back and shorten what you typed.")),
    429: Words(N_("Please wait a little"), N_("There were too many tries."), N_("Nothing is lost. Come back later.")),
    500: Words(
        N_("Something went wrong"),
        N_("This is our mistake, not yours. Nothing was changed by this request."),
        N_("Please try again. If it happens again, tell whoever hosts this panel the number below."),
    ),
    503: Words(
        N_("Back in a moment"),
        N_("The panel cannot reach its database just now. Nothing was changed."),
        N_("Please wait a few seconds and try again. The rooms and their messages are not affected."),
    ),
}
LOSES = (400, 403, 404, 410)
"""What was typed is shown then, to be copied; where it can be mended, it stands in its form."""
STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (NotFound, 404),
    (SignInFirst, 401),
    (NotAllowed, 403),
    (TooLate, 410),
    (TooOften, 429),
    (BadForm, 400),
    (Invalid, 422),
    (Mistyped, 422),
    (Unavailable, 503),
)


@middleware
async def as_pages(request: Request, handler: Handler) -> StreamResponse:
    try:
        return await handler(request)
    except HTTPException as answer:
        if answer.status < 400:
            raise
        return page(request, answer.status, allow=answer.headers.get("Allow"))
    except (Refused, Unavailable, Mistyped) as refusal:
        status = next(status for kind, status in STATUSES if isinstance(refusal, kind))
        sentence = refusal.sentence if isinstance(refusal, Refused) else ""
        if status == 503:
            return page(request, status, sentence=sentence, typed=await typed(request))
        form = request.get(keys.FORM)
        lost = keeping.words(form) if form and status in LOSES and is_theirs(request) else NOTHING
        anew = keeping.page_of(request) if sentence == guard.STALE else ""
        return page(request, status, sentence=sentence, shown={"lost": lost, "anew": anew})
    except Exception as error:
        log.error("bug", error=type(error).__name__, where=where(error), request_id=request[keys.REQUEST_ID])
        return page(request, 500)


def is_theirs(request: Request) -> bool:
    """A form of whoever is signed in, sent from here: what they typed is not lost with the page that refuses it."""
    signed_in = request.get(keys.SIGNED_IN)
    if request.method != "POST" or signed_in is None or keys.FORM not in request:
        return False
    given = request[keys.FORM].get(forms.FORM_TOKEN, "")
    return secrets.compare_digest(given.encode(), signed_in.form_token.encode())


async def typed(request: Request) -> Mapping[str, str]:
    """What somebody typed into the form that met bad weather, to be sent again by one button."""
    if request.method != "POST" or not guard.is_ours(request):
        return {}
    try:
        guard.check_origin(request)
        return request.get(keys.FORM) or await forms.body(request)
    except (NotAllowed, BadForm, HTTPException):
        return {}


def page(
    request: Request,
    status: int,
    *,
    sentence: str = "",
    allow: str | None = None,
    typed: Mapping[str, str] = NOTHING,
    shown: Mapping[str, Any] = NOTHING,
) -> Response:
    words = BY_STATUS.get(status, GENERAL)
    sentence = sentence or words.sentence
    response = see(
        request,
        "error.html",
        status=status,
        words=words,
        sentence=sentence,
        again=typed,
        **{"lost": NOTHING, "anew": "", **shown},
    )
    if allow:
        response.headers["Allow"] = allow
    if status == 503:
        response.headers["Retry-After"] = "5"
    return response
