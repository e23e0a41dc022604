"""Groups: those one runs, starting one, and the page of one."""

from aiohttp.web import Request, Response

from facilitator import groups, renewals
from facilitator.errors import Invalid
from facilitator.ids import GroupId, new_id
from facilitator.rules import names
from facilitator.unsaid import stuck as acts_unsaid
from web import chosen_language, forms, keys, life, unsaid
from web.forms import Mistyped, Typed
from web.pages import go, see


async def list_mine(request: Request) -> Response:
    app, signed_in = request.config_dict, request[keys.SIGNED_IN]
    async with app[keys.DATABASE].reading() as db:
        mine = await groups.mine(db, by=signed_in.account_id, now=app[keys.CLOCK].now(), page=page_of(request))
    return see(request, "groups.html", groups=mine.lines, page=mine.page, pages=mine.pages)


def page_of(request: Request) -> int:
    """Which page of a list was asked for; what is no number is the first."""
    asked = request.query.get("page", "")
    return int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 6 else 1


async def new(request: Request) -> Response:
    async with request.config_dict[keys.DATABASE].reading() as db:
        by, language = request[keys.SIGNED_IN].account_id, chosen_language.of(request)
        name = await groups.suggest_name(db, by=by, language=language)
    house, cities = request.config_dict[keys.HOUSE], chosen_language.cities(request)
    home = "" if house.time_zone == "UTC" else cities.label(house.time_zone)
    return _form(request, Typed({"group": new_id(), "name": name, "language": house.languages[0], "time_zone": home}))


async def start(request: Request) -> Response:
    app = request.config_dict
    try:
        form = forms.read(request, forms.StartGroup)
        zone = zone_of(request, form)
        async with app[keys.DATABASE].transaction() as db:
            group_id = await groups.start(
                db,
                by=request[keys.SIGNED_IN].account_id,
                group_id=GroupId(form.group),
                name=form.name,
                purpose=form.purpose,
                language=form.language,
                time_zone=zone,
                now=app[keys.CLOCK].now(),
            )
    except Mistyped as mistyped:
        return _form(request, mistyped.typed)
    except Invalid as refusal:
        return _form(request, forms.typed(request, refusal))
    await app[keys.BELL].ring()
    return go(request, "group", group=group_id, done="started")


def zone_of(request: Request, form: forms.About) -> str:
    """The city's time zone. When the city is not known, the name is judged with it: all that is wrong, at once."""
    try:
        return request.config_dict[keys.CITIES].zone(form.time_zone)
    except Invalid as refusal:
        wrong = {"name": sentence} if (sentence := names.check(form.name)) else {}
        raise Mistyped(Typed(forms.typed(request).values, {**wrong, refusal.field: refusal.sentence})) from None


async def show(request: Request) -> Response:
    return await group_page(request, Typed())


async def group_page(request: Request, typed: Typed) -> Response:
    """The page of a group, with what was typed into its invitation form."""
    app = request.config_dict
    now = app[keys.CLOCK].now()
    async with app[keys.DATABASE].reading() as db:
        group = await groups.page(db, by=request[keys.SIGNED_IN].account_id, group_id=group_id(request), now=now)
        stuck = await acts_unsaid(db, now=now, group_id=group.id)
        care = await renewals.care(db, group.id)
    status = 422 if typed.errors else 200
    told = unsaid.gathered(stuck, group.room)
    standing = life.standing(group, app[keys.HOUSE].crisis_lines, now)
    return see(
        request, "group.html", status=status, group=group, typed=typed, unsaid=told, care=care, standing=standing
    )


def group_id(request: Request) -> GroupId:
    return GroupId(request.match_info["group"])


def _form(request: Request, typed: Typed) -> Response:
    meant = did_they_mean(request, typed)
    return see(request, "new_group.html", status=422 if typed.errors else 200, typed=typed, meant=meant)


def did_they_mean(request: Request, typed: Typed) -> str | None:
    """The city somebody may have meant when theirs is not known."""
    if "time_zone" not in typed.errors:
        return None
    return chosen_language.cities(request).near(typed.values.get("time_zone", ""))
