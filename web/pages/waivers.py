"""A draft that a coordinator lets open although something is missing, also where they do not run it."""

from aiohttp.web import Request, Response

from facilitator import waivers
from facilitator.errors import Invalid
from web import forms, keys, life
from web.forms import Mistyped, Typed
from web.pages import go, see
from web.pages.groups import group_id


async def ask(request: Request) -> Response:
    return await _form(request, Typed())


async def waive(request: Request) -> Response:
    app = request.config_dict
    try:
        form = forms.read(request, forms.Why)
        async with app[keys.DATABASE].transaction() as db:
            await waivers.waive(
                db, by=request[keys.SIGNED_IN].account_id, group_id=group_id(request), reason=form.reason,
                lines=app[keys.HOUSE].crisis_lines, now=app[keys.CLOCK].now(),
            )  # fmt: skip
    except Mistyped as mistyped:
        return await _form(request, mistyped.typed)
    except Invalid as refusal:
        return await _form(request, forms.typed(request, refusal))
    await app[keys.BELL].ring()
    return go(request, "people", done="waived")


async def _form(request: Request, typed: Typed) -> Response:
    app = request.config_dict
    async with app[keys.DATABASE].reading() as db:
        draft = await waivers.one(
            db, by=request[keys.SIGNED_IN].account_id, group_id=group_id(request), lines=app[keys.HOUSE].crisis_lines,
            now=app[keys.CLOCK].now(),
        )  # fmt: skip
    missing = [life.LACKS[lack] for lack in draft.lacks]
    return see(request, "waive.html", status=422 if typed.errors else 200, draft=draft, missing=missing, typed=typed)
