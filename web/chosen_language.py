"""Which language a page is in: a person's own, else the one they chose in this browser, else what the browser asks for,
else the house's usual one.

The choice in the browser is for who is not signed in. It is kept in a cookie that holds the language's code and nothing
else, until the browser is closed.
"""

from collections.abc import Collection

from aiohttp.web import Request, Response

from facilitator import languages
from web import keys, language
from web.cities import InTongue


def of(request: Request) -> str:
    """The language of the page that answers this request."""
    known = request.config_dict[keys.TEMPLATES].catalogues
    return own(request, known) or chosen(request, known) or asked_for(request, known) or usual(request, known)


def own(request: Request, known: Collection[str]) -> str | None:
    signed_in = request.get(keys.SIGNED_IN)
    return languages.nearest(signed_in.language or "", known) if signed_in is not None else None


def chosen(request: Request, known: Collection[str]) -> str | None:
    code = request.cookies.get(cookie(request), "")
    return code if code in known else None


def asked_for(request: Request, known: Collection[str]) -> str | None:
    return language.asked_for(request.headers.get("Accept-Language", ""), known)


def usual(request: Request, known: Collection[str]) -> str:
    """The house's own: the first of its setting `languages`."""
    return languages.nearest(request.config_dict[keys.HOUSE].languages[0], known) or next(iter(known))


def cities(request: Request) -> InTongue:
    """The cities, as the reader calls them."""
    return request.config_dict[keys.CITIES].spoken(of(request))


def cookie(request: Request) -> str:
    """The name of the cookie that keeps the choice."""
    return "__Host-l" if request.config_dict[keys.SETTINGS].secure else "l"


def keep(request: Request, response: Response, code: str) -> None:
    """No Max-Age: it goes when the browser is closed."""
    secure = request.config_dict[keys.SETTINGS].secure
    response.set_cookie(cookie(request), code, path="/", secure=secure, httponly=True, samesite="Lax")
