"""Choosing a language before signing in; who is signed in has their own under their account."""

from http import HTTPStatus

from aiohttp.web import HTTPException, Request, Response
from yarl import URL

from web import chosen_language, forms, keys
from web.pages import go
from web.who import Who


async def choose(request: Request) -> Response:
    """Keeps the choice in this browser and shows the page one came from in it."""
    form = forms.read(request, forms.ChooseLanguage)
    response = await _back(request, form.here)
    if form.language in request.config_dict[keys.TEMPLATES].catalogues:
        chosen_language.keep(request, response, form.language)
    return response


async def _back(request: Request, here: str) -> Response:
    """To the page of ours at this address; to the first one when there is none that could be opened (ASVS 3.7.2)."""
    if here.startswith("/") and not here.startswith("//"):
        try:
            asked = request.clone(method="GET", rel_url=URL(here, encoded=True))
            found = await request.app.router.resolve(asked)
        except (ValueError, HTTPException):
            return go(request, "landing")
        who = request.config_dict[keys.WHO].get(("GET", found.route.name or ""))
        if found.http_exception is None and who is not None and who is not Who.UNASKED:
            return Response(status=HTTPStatus.SEE_OTHER, headers={"Location": asked.rel_url.raw_path})
    return go(request, "landing")
