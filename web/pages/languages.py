"""Choosing a language before signing in; who is signed in has their own under their account."""

from http import HTTPStatus

from aiohttp.web import Request, Response

from web import chosen_language, forms, keys
from web.addresses import page_at
from web.pages import go
from web.who import Who


async def choose(request: Request) -> Response:
    """Keeps the choice in this browser and shows the page one came from in it."""
    form = forms.read(request, forms.ChooseLanguage)
    response = _back(request, form.here)
    if form.language in request.config_dict[keys.TEMPLATES].catalogues:
        chosen_language.keep(request, response, form.language)
    return response


def _back(request: Request, here: str) -> Response:
    """To the page of ours at this path; to the first one when there is none that could be opened (ASVS 3.7.2)."""
    name = page_at(request.app, here)
    who = request.config_dict[keys.WHO].get(("GET", name or ""))
    if who is None or who is Who.UNASKED:
        return go(request, "landing")
    return Response(status=HTTPStatus.SEE_OTHER, headers={"Location": here})
