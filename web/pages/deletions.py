"""Deleting a draft or a closed group, the list of what was deleted, and bringing one of them back."""

from aiohttp.web import Request, Response

from facilitator import deletions, glance
from facilitator.errors import Invalid, TooLate
from facilitator.rules import life
from facilitator.rules.access import Deed
from facilitator.rules.life import Change
from web import forms, keys
from web.forms import Mistyped, Typed
from web.pages import go, see
from web.pages.groups import group_id


async def list_deleted(request: Request) -> Response:
    app = request.config_dict
    async with app[keys.DATABASE].reading() as db:
        found = await deletions.of(db, by=request[keys.SIGNED_IN].account_id, now=app[keys.CLOCK].now())
    return see(request, "deleted_groups.html", groups=found)


async def ask_to_delete(request: Request) -> Response:
    return await _ask(request, Typed())


async def delete_group(request: Request) -> Response:
    app = request.config_dict
    try:
        form = forms.read(request, forms.Delete)
        async with app[keys.DATABASE].transaction() as db:
            await deletions.delete_group(
                db,
                by=request[keys.SIGNED_IN].account_id,
                group_id=group_id(request),
                typed_name=form.typed_name,
                now=app[keys.CLOCK].now(),
            )
    except Mistyped as mistyped:
        return await _ask(request, mistyped.typed)
    except Invalid as refusal:
        return await _ask(request, forms.typed(request, refusal))
    return go(request, "deleted-groups", done="deleted")


async def undelete(request: Request) -> Response:
    app = request.config_dict
    forms.read(request, forms.Nothing)
    async with app[keys.DATABASE].transaction() as db:
        await deletions.undelete(
            db, by=request[keys.SIGNED_IN].account_id, group_id=group_id(request), now=app[keys.CLOCK].now()
        )
    return go(request, "group", group=group_id(request), done="brought-back")


async def _ask(request: Request, typed: Typed) -> Response:
    by = request[keys.SIGNED_IN].account_id
    async with request.config_dict[keys.DATABASE].reading() as db:
        group = await glance.of_group(db, by=by, group_id=group_id(request), deed=Deed.DELETE_GROUP)
    if not life.may(Change.DELETE, group.life.state):
        raise TooLate(deletions.GOES_ON)
    status = 422 if typed.errors else 200
    return see(request, "delete_group.html", status=status, group=group, typed=typed, kept_for=deletions.KEPT_FOR.days)
