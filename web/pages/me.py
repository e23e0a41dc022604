"""One's own account: name, language and city, the Matrix ID that is proven by a code, and where one is signed in."""

from aiohttp.web import Request, Response

from facilitator import claims, own_account
from facilitator.errors import Invalid
from facilitator.own_account import Own
from web import chosen_language, forms, keys
from web.forms import Mistyped, Typed
from web.pages import go, see
from web.pages.groups import did_they_mean


async def show(request: Request) -> Response:
    own = await _own(request)
    home = chosen_language.cities(request).label(own.time_zone) if own.time_zone else ""
    typed = Typed({"name": own.name, "language": own.language or "", "time_zone": home})
    return _form(request, own, typed)


async def save(request: Request) -> Response:
    app = request.config_dict
    try:
        form = forms.read(request, forms.OwnAccount)
        zone = app[keys.CITIES].zone(form.time_zone) if form.time_zone else None
        _check_language(request, form.language)
        async with app[keys.DATABASE].transaction() as db:
            await own_account.change(
                db, by=request[keys.SIGNED_IN].account_id, name=form.name, language=form.language or None,
                time_zone=zone, now=app[keys.CLOCK].now(),
            )  # fmt: skip
    except Mistyped as mistyped:
        return _form(request, await _own(request), mistyped.typed)
    except Invalid as refusal:
        return _form(request, await _own(request), forms.typed(request, refusal))
    return go(request, "me", done="saved")


async def sign_out_elsewhere(request: Request) -> Response:
    app = request.config_dict
    forms.read(request, forms.Nothing)
    async with app[keys.DATABASE].transaction() as db:
        await own_account.sign_out_elsewhere(
            db, by=request[keys.SIGNED_IN].account_id, cookie_token=request[keys.COOKIE_TOKEN],
            now=app[keys.CLOCK].now(),
        )  # fmt: skip
    return go(request, "me", done="signed-out-elsewhere")


async def matrix_id(request: Request) -> Response:
    own = await _own(request)
    return _matrix_id(request, own, Typed({"matrix_id": own.suggested or ""}))


async def claim(request: Request) -> Response:
    """The code is shown in the answer itself, since nothing but its blind index is kept."""
    app = request.config_dict
    try:
        form = forms.read(request, forms.Invite)
        async with app[keys.DATABASE].transaction() as db:
            code = await claims.claim(
                db, by=request[keys.SIGNED_IN].account_id, matrix_id=form.matrix_id, now=app[keys.CLOCK].now(),
                allowed=app[keys.HOUSE].allowed_servers,
            )  # fmt: skip
    except Mistyped as mistyped:
        return _matrix_id(request, await _own(request), mistyped.typed)
    except Invalid as refusal:
        return _matrix_id(request, await _own(request), forms.typed(request, refusal))
    await app[keys.BELL].ring()
    return see(request, "matrix_code.html", own=await _own(request), code=code)


async def drop_claim(request: Request) -> Response:
    app = request.config_dict
    forms.read(request, forms.Nothing)
    async with app[keys.DATABASE].transaction() as db:
        await claims.drop(db, by=request[keys.SIGNED_IN].account_id, now=app[keys.CLOCK].now())
    return go(request, "me", done="dropped")


async def _own(request: Request) -> Own:
    app = request.config_dict
    async with app[keys.DATABASE].reading() as db:
        return await own_account.own(
            db, by=request[keys.SIGNED_IN].account_id, cookie_token=request[keys.COOKIE_TOKEN],
            now=app[keys.CLOCK].now(),
        )  # fmt: skip


def _check_language(request: Request, code: str) -> None:
    if code and code not in request.config_dict[keys.TEMPLATES].catalogues:
        raise Invalid("language", own_account.CHOOSE_LANGUAGE)


def _form(request: Request, own: Own, typed: Typed) -> Response:
    meant = did_they_mean(request, typed)
    return see(request, "me.html", status=422 if typed.errors else 200, own=own, typed=typed, meant=meant)


def _matrix_id(request: Request, own: Own, typed: Typed) -> Response:
    return see(request, "matrix_id.html", status=422 if typed.errors else 200, own=own, typed=typed)
