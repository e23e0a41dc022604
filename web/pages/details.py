"""A group's name, purpose, language and city in a form. Who saves second sees what the first changed; what either typed
is not lost: what stood in the fields when the form was opened travels with it.
"""

from collections.abc import Mapping
from dataclasses import replace

from aiohttp.web import Request, Response

from facilitator import editing, glance, ownership
from facilitator.editing import ChangedMeanwhile, Details
from facilitator.errors import Invalid, TooLate
from facilitator.glance import Glance
from facilitator.rules import life
from web import chosen_language, forms, keys
from web.forms import Mistyped, Typed
from web.pages import go, see
from web.pages.groups import did_they_mean, group_id, zone_of

FIELDS = ("name", "purpose", "language", "time_zone")
WAS = "was_"


async def ask(request: Request) -> Response:
    group = await _group(request)
    if group.life.closed is not None:
        raise TooLate(ownership.CLOSED)
    fields = _fields(request, Details(group.name, group.purpose, group.language, group.time_zone))
    return _form(request, group, Typed(_with_was(fields, fields, group.life.version)))


async def edit(request: Request) -> Response:
    app = request.config_dict
    try:
        form = forms.read(request, forms.EditGroup)
        details = Details(form.name, form.purpose, form.language, zone_of(request, form))
        async with app[keys.DATABASE].transaction() as db:
            changed = await editing.edit(
                db,
                by=request[keys.SIGNED_IN].account_id,
                group_id=group_id(request),
                version=form.version,
                details=details,
                now=app[keys.CLOCK].now(),
            )
    except Mistyped as mistyped:
        return _form(request, await _group(request), mistyped.typed)
    except Invalid as refusal:
        return _form(request, await _group(request), forms.typed(request, refusal))
    except ChangedMeanwhile as meanwhile:
        return await _compare(request, meanwhile)
    await app[keys.BELL].ring()
    return go(request, "group", group=group_id(request), done="edited" if changed else "")


async def _compare(request: Request, meanwhile: ChangedMeanwhile) -> Response:
    """The form again: what they changed stays, what only the other changed is taken over, and both are said."""
    typed = {name: forms.plain_newlines(text).strip() for name, text in forms.typed(request).values.items()}
    there = _fields(request, meanwhile.now)
    was = {name: typed.get(WAS + name, "") for name in FIELDS}
    mine, theirs = life.merge(was, {name: typed.get(name, "") for name in FIELDS}, there)
    again = Typed(_with_was(mine, there, meanwhile.version))
    differences = [(name, theirs[name], mine[name]) for name in FIELDS if name in theirs]
    return _form(request, await _group(request), again, status=409, differences=differences)


def _with_was(fields: Mapping[str, str], was: Mapping[str, str], version: int) -> dict[str, str]:
    return {**fields, **{WAS + name: was[name] for name in FIELDS}, "version": str(version)}


def _fields(request: Request, details: Details) -> dict[str, str]:
    """As the form shows them."""
    city = chosen_language.cities(request).label(details.time_zone)
    shown = replace(details, time_zone=city)
    return {name: getattr(shown, name) for name in FIELDS}


async def _group(request: Request) -> Glance:
    async with request.config_dict[keys.DATABASE].reading() as db:
        return await glance.of_group(db, by=request[keys.SIGNED_IN].account_id, group_id=group_id(request))


def _form(
    request: Request,
    group: Glance,
    typed: Typed,
    *,
    status: int = 200,
    differences: list[tuple[str, str, str]] | None = None,
) -> Response:
    codes = dict.fromkeys((*request.config_dict[keys.HOUSE].languages, group.language))
    return see(
        request,
        "edit_group.html",
        status=422 if typed.errors else status,
        group=group,
        typed=typed,
        meanwhile=differences is not None,
        differences=differences or [],
        codes=list(codes),
        meant=did_they_mean(request, typed),
    )
