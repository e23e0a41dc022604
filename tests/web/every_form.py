"""Every form there is, found on the pages themselves: where it goes, and its fields while nobody has typed anything."""

import re
from collections.abc import Iterator
from html import unescape

from tests.web.every_page import address, every_view
from tests.web.gallery import Gallery
from tests.web.paths import path_of
from tests.web.visitor import Visitor
from web.routes import ROUTES

NOT_TRIED = {"link", "sign-out", "leave"}
"""They end the sign-in, or begin one; their forms have no field."""
POSTS = {route.name: route.path for route in ROUTES if route.method == "POST" and route.name not in NOT_TRIED}
FORM = re.compile(r'<form method="post" action="([^"]+)".*?</form>', re.DOTALL)
FIELD = re.compile(r'<(?:input|select|textarea|button)\b[^>]*?name="([^"]+)"[^>]*>(?:([^<]*)</textarea>)?', re.DOTALL)
TYPED_INTO = re.compile(r'<(?:input type="text"|textarea)[^>]*? name="([^"]+)"')
VALUE = re.compile(r'value="([^"]*)"')

Forms = dict[str, dict[str, str]]


async def gather(ada: Visitor, hung: Gallery) -> Forms:
    """A form that no page shows just now is there by its address alone."""
    found: Forms = {}
    for name, view in every_view():
        page = await ada.get(address(name, view, hung))
        for path, form in forms_in(page.text):
            found.setdefault(path, {}).update(fields_of(form))
    for path in POSTS.values():
        if not any(re.fullmatch(plain_pattern(path), known) for known in found):
            found[path_of(path, hung.parts())] = {}
    return {path: fields for path, fields in found.items() if path not in ("/leave", "/sign-out")}


def forms_in(text: str) -> Iterator[tuple[str, str]]:
    for form in FORM.finditer(text):
        yield unescape(form[1]), form[0]


def fields_of(form: str) -> dict[str, str]:
    return {field[1]: value_of(field) for field in FIELD.finditer(form)}


def value_of(field: re.Match[str]) -> str:
    value = VALUE.search(field[0])
    return unescape(field[2] or (value[1] if value else ""))


def plain_pattern(path: str) -> str:
    return re.sub(r"\{(\w+):((?:[^{}]|\{\d[^{}]*\})*)\}", r"(?:\2)", path)
