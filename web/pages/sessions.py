"""A group's weekly sessions: plan a series, look at its dates first, end it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from aiohttp.web import Request, Response

from facilitator import glance, schedule
from facilitator.errors import N_, Invalid, NotFound
from facilitator.glance import Glance
from facilitator.ids import AccountId, SeriesId, new_id
from facilitator.rules.recurrence import Occurrence
from facilitator.schedule import SeriesLine
from web import chosen_language, forms, keys
from web.forms import Mistyped, Typed
from web.pages import go, see
from web.pages.groups import did_they_mean, group_id

FARTHEST = timedelta(days=366)
NO_SERIES = N_("There is no such series in this group. It may have ended already.")
TOO_FAR = N_("Choose a day within the next year.")
FIRST = {"weekday": "0", "at": "19:00", "minutes": "90"}
"""What stands in a form that nobody has filled in yet."""


async def new(request: Request) -> Response:
    group = await _group(request)
    home = chosen_language.cities(request).label(group.time_zone)
    return _form(request, group, Typed(FIRST | {"series": new_id(), "time_zone": home}))


async def schedule_series(request: Request) -> Response:
    app = request.config_dict
    try:
        form = forms.read(request, forms.Schedule)
        wanted = _wanted(request, form)
        if form.step == "preview":
            return _form(request, await _group(request), forms.typed(request), dates=schedule.preview(**wanted))
        async with app[keys.DATABASE].transaction() as db:
            await schedule.schedule(
                db, by=_me(request), group_id=group_id(request), series_id=SeriesId(form.series), **wanted
            )
    except Mistyped as mistyped:
        return _form(request, await _group(request), mistyped.typed)
    except Invalid as refusal:
        return _form(request, await _group(request), forms.typed(request, refusal))
    await app[keys.BELL].ring()
    return go(request, "group", group=group_id(request), done="scheduled")


async def ask_to_end(request: Request) -> Response:
    app = request.config_dict
    async with app[keys.DATABASE].reading() as db:
        group = await glance.of_group(db, by=_me(request), group_id=group_id(request))
        lines = await schedule.lines(db, group.id, now=app[keys.CLOCK].now())
    return see(request, "end_series.html", group=group, series=_series(request, lines))


async def end(request: Request) -> Response:
    app = request.config_dict
    forms.read(request, forms.Nothing)
    async with app[keys.DATABASE].transaction() as db:
        await schedule.end_series(
            db,
            by=_me(request),
            group_id=group_id(request),
            series_id=SeriesId(request.match_info["series"]),
            now=app[keys.CLOCK].now(),
        )
    await app[keys.BELL].ring()
    return go(request, "group", group=group_id(request), done="ended")


def _wanted(request: Request, form: forms.Schedule) -> dict[str, Any]:
    """The form as the domain takes it. Raises Invalid."""
    now = request.config_dict[keys.CLOCK].now()
    if form.first_day and abs(form.first_day - now.date()) > FARTHEST:
        raise Invalid("first_day", TOO_FAR)
    return {
        "weekday": form.weekday,
        "at": form.at,
        "time_zone": request.config_dict[keys.CITIES].zone(form.time_zone),
        "minutes": form.minutes,
        "first_day": form.first_day,
        "now": now,
    }


def _me(request: Request) -> AccountId:
    return request[keys.SIGNED_IN].account_id


async def _group(request: Request) -> Glance:
    async with request.config_dict[keys.DATABASE].reading() as db:
        return await glance.of_group(db, by=_me(request), group_id=group_id(request))


def _series(request: Request, lines: Sequence[SeriesLine]) -> SeriesLine:
    for line in lines:
        if line.id == request.match_info["series"]:
            return line
    raise NotFound(NO_SERIES)


def _form(request: Request, group: Glance, typed: Typed, *, dates: tuple[Occurrence, ...] = ()) -> Response:
    meant = did_they_mean(request, typed)
    zone = dates[0].time_zone if dates else group.time_zone
    return see(
        request,
        "new_series.html",
        status=422 if typed.errors else 200,
        group=group,
        typed=typed,
        dates=dates,
        zone=zone,
        meant=meant,
    )
