"""Who runs a group: adding somebody of the house, what each is in it, going, handing over."""

from aiohttp.web import Request, Response

from facilitator import facilitators
from facilitator.errors import Invalid, NotAllowed
from facilitator.facilitators import Helm
from facilitator.ownership import NOT_AS_CO_FACILITATOR
from facilitator.rules.access import Part
from web import forms, keys
from web.forms import Mistyped, Typed
from web.pages import go, see
from web.pages.groups import group_id


async def show(request: Request) -> Response:
    return _page(request, await _helm(request), Typed())


async def add(request: Request) -> Response:
    app = request.config_dict
    try:
        form = forms.read(request, forms.AddFacilitator)
        async with app[keys.DATABASE].transaction() as db:
            await facilitators.add(
                db, by=request[keys.SIGNED_IN].account_id, group_id=group_id(request), account_id=form.account,
                part=form.part, now=app[keys.CLOCK].now(),
            )  # fmt: skip
    except Mistyped as mistyped:
        return await _again(request, mistyped.typed)
    except Invalid as refusal:
        return await _again(request, forms.typed(request, refusal))
    await app[keys.BELL].ring()
    return go(request, "facilitators", group=group_id(request), done="added")


async def change_part(request: Request) -> Response:
    app = request.config_dict
    try:
        form = forms.read(request, forms.ChangePart)
        async with app[keys.DATABASE].transaction() as db:
            await facilitators.change_part(
                db, by=request[keys.SIGNED_IN].account_id, group_id=group_id(request),
                account_id=request.match_info["account"], part=form.part, now=app[keys.CLOCK].now(),
            )  # fmt: skip
    except Mistyped as mistyped:
        (await _helm(request)).one(request.match_info["account"])
        return await _again(request, mistyped.typed)
    except Invalid as refusal:
        return await _again(request, forms.typed(request, refusal))
    await app[keys.BELL].ring()
    if request.match_info["account"] == request[keys.SIGNED_IN].account_id:
        return go(request, "facilitators", group=group_id(request), done="own-part")
    return go(request, "facilitators", group=group_id(request), done="part")


async def ask_to_remove(request: Request) -> Response:
    return await _removal(request, Typed())


async def remove(request: Request) -> Response:
    app = request.config_dict
    try:
        form = forms.read(request, forms.Why)
        async with app[keys.DATABASE].transaction() as db:
            await facilitators.remove(
                db, by=request[keys.SIGNED_IN].account_id, group_id=group_id(request),
                account_id=request.match_info["account"], reason=form.reason, now=app[keys.CLOCK].now(),
            )  # fmt: skip
    except Mistyped as mistyped:
        return await _removal(request, mistyped.typed)
    except Invalid as refusal:
        return await _removal(request, forms.typed(request, refusal))
    await app[keys.BELL].ring()
    return go(request, "facilitators", group=group_id(request), done="removed")


async def ask_to_leave(request: Request) -> Response:
    return _leaving(request, await _helm(request, also_closed=True), Typed())


async def leave(request: Request) -> Response:
    app = request.config_dict
    try:
        form = forms.read(request, forms.Disable)
        async with app[keys.DATABASE].transaction() as db:
            await facilitators.leave(
                db, by=request[keys.SIGNED_IN].account_id, group_id=group_id(request),
                successor=form.successor or None, now=app[keys.CLOCK].now(),
            )  # fmt: skip
    except Mistyped as mistyped:
        return _leaving(request, await _helm(request, also_closed=True), mistyped.typed)
    except Invalid as refusal:
        return _leaving(request, await _helm(request, also_closed=True), forms.typed(request, refusal))
    await app[keys.BELL].ring()
    return go(request, "groups", done="left")


async def _helm(request: Request, *, also_closed: bool = False) -> Helm:
    by = request[keys.SIGNED_IN].account_id
    async with request.config_dict[keys.DATABASE].reading() as db:
        return await facilitators.of_group(db, by=by, group_id=group_id(request), also_closed=also_closed)


async def _again(request: Request, typed: Typed) -> Response:
    """What was typed cannot be used, if it was theirs to type at all."""
    return _page(request, _theirs(await _helm(request)), typed)


def _theirs(helm: Helm) -> Helm:
    if not helm.may_change:
        raise NotAllowed(NOT_AS_CO_FACILITATOR)
    return helm


def _page(request: Request, helm: Helm, typed: Typed) -> Response:
    typed = Typed({"part": Part.FACILITATOR, **typed.values}, typed.errors, typed.facts)
    return see(request, "facilitators.html", status=422 if typed.errors else 200, helm=helm, typed=typed)


async def _removal(request: Request, typed: Typed) -> Response:
    helm = _theirs(await _helm(request))
    one = helm.one(request.match_info["account"])
    if one.myself:
        return go(request, "leave-group", group=group_id(request))
    return see(request, "remove_facilitator.html", status=422 if typed.errors else 200, helm=helm, one=one, typed=typed)


def _leaving(request: Request, helm: Helm, typed: Typed) -> Response:
    return see(request, "leave_group.html", status=422 if typed.errors else 200, helm=helm, typed=typed)
