"""Throwing away what was kept of a form whose sign-in had ended."""

from aiohttp.web import Request, Response

from facilitator import kept_forms
from facilitator.errors import N_, NotFound
from web import forms, keys

NOTHING_KEPT = N_("Nothing is kept of this page any more.")


async def throw_away(request: Request) -> Response:
    """Back to the page, empty. Only pages of which something was kept: nobody is sent anywhere else."""
    form = forms.read(request, forms.ThrowAway)
    async with request.config_dict[keys.DATABASE].transaction() as db:
        if not await kept_forms.forget(db, account_id=request[keys.SIGNED_IN].account_id, page=form.page):
            raise NotFound(NOTHING_KEPT)
    return Response(status=303, headers={"Location": form.page})
