"""A group's room over years: a new one for one that is too old or lost, and facilitators asked back into it."""

from aiohttp.web import Request, Response

from facilitator import glance, renewals
from facilitator.errors import TooLate
from web import forms, keys
from web.pages import go, see
from web.pages.groups import group_id


async def ask_to_renew(request: Request) -> Response:
    async with request.config_dict[keys.DATABASE].reading() as db:
        group = await glance.of_group(db, by=request[keys.SIGNED_IN].account_id, group_id=group_id(request))
        care = await renewals.care(db, group.id)
    if care.possible is None:
        raise TooLate(renewals.NOT_NEEDED)
    return see(request, "renew_room.html", group=group, care=care)


async def renew(request: Request) -> Response:
    app = request.config_dict
    form = forms.read(request, forms.Renew)
    async with app[keys.DATABASE].transaction() as db:
        await renewals.agree(
            db,
            by=request[keys.SIGNED_IN].account_id,
            group_id=group_id(request),
            how=form.how,
            now=app[keys.CLOCK].now(),
        )
    await app[keys.BELL].ring()
    return go(request, "group", group=group_id(request), done="renewing")


async def ask_back(request: Request) -> Response:
    app = request.config_dict
    forms.read(request, forms.Nothing)
    async with app[keys.DATABASE].transaction() as db:
        await renewals.ask_back(
            db, by=request[keys.SIGNED_IN].account_id, group_id=group_id(request), now=app[keys.CLOCK].now()
        )
    await app[keys.BELL].ring()
    return go(request, "group", group=group_id(request), done="asked-back")
