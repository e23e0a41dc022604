"""A group's life, one step to a page: made ready and opened, paused and resumed, closed, kept open after all."""

from typing import Any

from aiohttp.web import Request, Response

from facilitator import glance, lives
from facilitator.errors import Invalid, TooLate
from facilitator.glance import Glance
from facilitator.lives import Closing, SettledMeanwhile
from facilitator.rules import life as rules
from facilitator.rules.access import Deed
from facilitator.rules.life import Change, KeptBy
from web import forms, keys, life
from web.forms import Form, Mistyped, Typed
from web.pages import go, see
from web.pages.groups import group_id

DEEDS = {
    Change.OPEN: Deed.MAKE_READY,
    Change.PAUSE: Deed.PAUSE_GROUP,
    Change.RESUME: Deed.PAUSE_GROUP,
    Change.CLOSE: Deed.CLOSE_GROUP,
    Change.REOPEN: Deed.CLOSE_GROUP,
}
"""What each step is, where it is asked who may take it: also before its page is shown."""
CLOSE = "close_group.html"


async def ask_to_open(request: Request) -> Response:
    return await _ask(request, Change.OPEN, "ready_group.html", Typed())


async def open_group(request: Request) -> Response:
    return await _do(request, forms.Open, Change.OPEN, "ready_group.html", done="opened")


async def ask_to_pause(request: Request) -> Response:
    return await _ask(request, Change.PAUSE, "pause_group.html", Typed())


async def pause(request: Request) -> Response:
    return await _do(request, forms.Pause, Change.PAUSE, "pause_group.html", done="paused")


async def resume(request: Request) -> Response:
    return await _do(request, forms.Nothing, Change.RESUME, "pause_group.html", done="resumed")


async def ask_to_close(request: Request) -> Response:
    group, settled, farewell = await _closing(request)
    if settled is not None:
        raise TooLate(lives.MEANWHILE)
    return _form(request, group, CLOSE, Typed({"farewell": farewell, "version": str(group.life.version)}))


async def close(request: Request) -> Response:
    try:
        return await _do(request, forms.Close, Change.CLOSE, CLOSE, done="closing")
    except SettledMeanwhile:
        return await _ask_again(request, Change.CLOSE, CLOSE, forms.typed(request))


async def reopen(request: Request) -> Response:
    return await _do(request, forms.Nothing, Change.REOPEN, CLOSE, done="reopened")


async def _ask(request: Request, change: Change, template: str, typed: Typed) -> Response:
    """The page of a step, with what it means; only while the group stands where it can be taken."""
    by = request[keys.SIGNED_IN].account_id
    async with request.config_dict[keys.DATABASE].reading() as db:
        group = await glance.of_group(db, by=by, group_id=group_id(request), deed=DEEDS[change])
    if not rules.may(change, group.life.state):
        raise TooLate(lives.MEANWHILE)
    return _form(request, group, template, typed)


async def _ask_again(request: Request, change: Change, template: str, typed: Typed) -> Response:
    """The page of a step that could not be taken, with all that was typed; beside it, what somebody else has settled
    meanwhile."""
    if change is not Change.CLOSE:
        return await _ask(request, change, template, typed)
    group, settled, _ = await _closing(request)
    if settled is None and not rules.may(change, group.life.state):
        raise TooLate(lives.MEANWHILE)
    if settled is not None and typed.values.get("version") != str(settled.version):
        typed = Typed({**typed.values, "version": str(settled.version)}, typed.errors, typed.facts)
        return _form(request, group, template, typed, settled=settled)
    return _form(request, group, template, typed)


async def _closing(request: Request) -> tuple[Glance, Closing | None, str]:
    by = request[keys.SIGNED_IN].account_id
    async with request.config_dict[keys.DATABASE].reading() as db:
        group = await glance.of_group(db, by=by, group_id=group_id(request), deed=Deed.CLOSE_GROUP)
        return group, *await lives.closing(db, by=by, group_id=group_id(request))


def _form(request: Request, group: Glance, template: str, typed: Typed, *, settled: Closing | None = None) -> Response:
    app = request.config_dict
    now = app[keys.CLOCK].now()
    standing = life.standing(group, app[keys.HOUSE].crisis_lines, now)
    first, last = rules.closing_days(now, group.time_zone)
    status = 422 if typed.errors else 409 if settled else 200
    return see(
        request, template, status=status, group=group, typed=typed, standing=standing, first_day=first, last_day=last,
        needs=tuple(life.LACKS.items()), facilitators_page=_facilitators_page(request),
        settled=settled,
    )  # fmt: skip


def _facilitators_page(request: Request) -> str:
    router = request.app.router
    return str(router["facilitators"].url_for(group=group_id(request))) if "facilitators" in router else ""


async def _do(request: Request, form: type[Form], change: Change, template: str, *, done: str) -> Response:
    app = request.config_dict
    try:
        given = forms.read(request, form)
        async with app[keys.DATABASE].transaction() as db:
            who = {"by": request[keys.SIGNED_IN].account_id, "group_id": group_id(request)}
            await _take(db, change, given, who=who | {"now": app[keys.CLOCK].now()}, lines=app[keys.HOUSE].crisis_lines)
    except Mistyped as mistyped:
        return await _ask_again(request, change, template, mistyped.typed)
    except Invalid as refusal:
        return await _ask_again(request, change, template, forms.typed(request, refusal))
    await app[keys.BELL].ring()
    return go(request, "group", group=group_id(request), done=done)


async def _take(db: Any, change: Change, given: Form, *, who: dict[str, Any], lines: Any) -> None:
    match change, given:
        case Change.OPEN, forms.Open():
            await lives.open_group(db, **who, lines=lines, waiver=given.waiver)
        case Change.PAUSE, forms.Pause():
            await lives.pause(db, **who, reason=given.reason)
        case Change.RESUME, _:
            await lives.resume(db, **who)
        case Change.REOPEN, _:
            await lives.reopen(db, **who)
        case Change.CLOSE, forms.Close():
            await lives.close(
                db, **who, typed_name=given.typed_name, on=given.closes_on, farewell=given.farewell,
                kept_by=KeptBy(given.kept_by), reason=given.reason, version=given.version,
            )  # fmt: skip
