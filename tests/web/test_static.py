"""The panel's own files: from memory, by name, and none besides."""

import gzip

import pytest

from tests.web.visitor import Visitor
from web.static import FILES


async def test_a_file_is_served_as_it_is(visitor: Visitor) -> None:
    page = await visitor.get("/static/panel.js")
    assert page.status == 200 and page.text == FILES["panel.js"].content.decode()


@pytest.mark.parametrize("path", ["../app.py", "..%2fapp.py", "vendor/manifest.json", "vendor", "", "%2e%2e/app.py"])
async def test_nothing_else_is(visitor: Visitor, path: str) -> None:
    assert (await visitor.get(f"/static/{path}")).status == 404


async def test_all_a_first_page_needs_is_light(visitor: Visitor) -> None:
    page = await visitor.get("/")
    sent = len(gzip.compress(page.text.encode()))
    sent += sum(len(FILES[name].compressed) for name in ("vendor/pico.css", "panel.css", "panel.js", "icon.svg"))
    assert sent <= 60_000
    big = await visitor.ask("GET", "/static/vendor/pico.css", headers={"Accept-Encoding": "gzip"})
    assert big.headers["Content-Encoding"] == "gzip" and int(big.headers["Content-Length"]) < 15_000
