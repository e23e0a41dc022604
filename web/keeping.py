"""Nothing typed is lost: a form whose sign-in has ended is kept for its owner, and comes back filled in, not sent.

It comes back on the page it was on, asked for by `?kept=1`, which is where the owner's next sign-in leads. Once it went
through, or was thrown away, it is forgotten.
"""

import re
from collections.abc import Mapping
from contextlib import suppress

from aiohttp.typedefs import Handler
from aiohttp.web import Request, StreamResponse, middleware

from facilitator import form_tokens, kept_forms
from facilitator.database import Unavailable
from facilitator.errors import N_
from facilitator.ids import AccountId
from web import forms, keys
from web.addresses import page_at

KEPT = forms.KEPT
"""The field of a form that was brought back, and the word in the address of its page."""
KEPT_SAFELY = N_("You were signed out. What you typed is kept. Sign in again to go on.")
NOT_TYPED = (forms.FORM_TOKEN, KEPT)
HIDDEN = re.compile("was_|(version|account|group|series|page|here|step|noticed|first_shown)$")


async def keep(request: Request) -> AccountId | None:
    """Keep the form for whoever it was made for. None when it is nobody's, or nothing was typed."""
    app, form = request.config_dict, request[keys.FORM]
    token, fields, now = form.get(forms.FORM_TOKEN, ""), typed(form), app[keys.CLOCK].now()
    page = page_of(request)
    if not (token and any(words(form)) and page):
        return None
    async with app[keys.DATABASE].transaction() as db:
        account_id = await form_tokens.whose(db, token, now=now)
        if account_id is None:
            return None
        kept = await kept_forms.keep(db, account_id=account_id, page=page, action=request.path, fields=fields, now=now)
        if kept:
            return account_id
    return None


def typed(form: Mapping[str, str]) -> dict[str, str]:
    """All that was in it, also what was left empty: that may have been meant."""
    return {name: text for name, text in form.items() if name not in NOT_TYPED}


def words(form: Mapping[str, str]) -> dict[str, str]:
    """What is worth being read again: no ids, no version of what was there before."""
    return {name: text for name, text in typed(form).items() if text.strip() and not HIDDEN.match(name)}


def page_of(request: Request) -> str:
    """The page this form is on: the address it goes to, or the nearest above it that can be opened."""
    path = request.path
    while path:
        if page_at(request.app, path):
            return path
        path = path.rpartition("/")[0]
    return ""


@middleware
async def bring_back(request: Request, handler: Handler) -> StreamResponse:
    """After the guards: what is kept of a page is shown to its owner, and forgotten once it went through."""
    signed_in = request.get(keys.SIGNED_IN)
    if signed_in is None:
        return await handler(request)
    app = request.config_dict
    if request.method == "GET" and KEPT in request.query:
        async with app[keys.DATABASE].reading() as db:
            found = await kept_forms.of_page(
                db, account_id=signed_in.account_id, page=request.path, now=app[keys.CLOCK].now()
            )
        if found is not None:
            request[keys.KEPT] = found
    request[keys.CAME_BACK] = keys.KEPT in request or KEPT in request.get(keys.FORM, {})
    response = await handler(request)
    if request[keys.CAME_BACK] and response.status == 303:
        await forget(request, signed_in.account_id, page_of(request))
    return response


async def forget(request: Request, account_id: AccountId, page: str) -> bool:
    """Whether anything was kept of this page. It goes by itself within a day, so a busy database is no obstacle."""
    with suppress(Unavailable):
        async with request.config_dict[keys.DATABASE].transaction() as db:
            return await kept_forms.forget(db, account_id=account_id, page=page)
    return False
