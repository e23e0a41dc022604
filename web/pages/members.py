"""Asking somebody into a group, by their Matrix id. The bot carries the invitation; the page says how it went."""

from aiohttp.web import Request, Response

from facilitator import members
from facilitator.errors import Invalid
from web import forms, keys
from web.forms import Mistyped
from web.pages import go
from web.pages.groups import group_id, group_page


async def invite(request: Request) -> Response:
    app = request.config_dict
    try:
        form = forms.read(request, forms.Invite)
        async with app[keys.DATABASE].transaction() as db:
            await members.invite(
                db,
                by=request[keys.SIGNED_IN].account_id,
                group_id=group_id(request),
                matrix_id=form.matrix_id,
                allowed=app[keys.HOUSE].allowed_servers,
                now=app[keys.CLOCK].now(),
            )
    except Mistyped as mistyped:
        return await group_page(request, mistyped.typed)
    except Invalid as refusal:
        return await group_page(request, forms.typed(request, refusal))
    await app[keys.BELL].ring()
    return go(request, "group", group=group_id(request), done="invited")
