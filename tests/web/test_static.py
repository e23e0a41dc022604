"""The panel's own files: from memory, by name, none besides, and none that asks anybody else for anything."""

import gzip
import re
from pathlib import Path

import pytest

from tests.web.visitor import Visitor
from web.static import FILES, FOLDER

TEMPLATES = Path("web/templates")
ICON = re.compile(r"""icon\("([a-z]+)"|icon="([a-z]+)"|icons/([a-z]+)\.svg""")


async def test_a_file_is_served_as_it_is(visitor: Visitor) -> None:
    page = await visitor.get("/static/panel.js")
    assert page.status == 200 and page.text == FILES["panel.js"].content.decode()


@pytest.mark.parametrize("path", ["../app.py", "..%2fapp.py", "icons", "icons/", "", "%2e%2e/app.py"])
async def test_nothing_else_is(visitor: Visitor, path: str) -> None:
    assert (await visitor.get(f"/static/{path}")).status == 404


async def test_all_a_first_page_needs_is_light(visitor: Visitor) -> None:
    page = await visitor.get("/")
    needed = re.findall(r'(?:src|href)="/static/([^"]+)"', page.text)
    assert {"panel.css", "panel.js", "icon.svg"} <= set(needed)
    assert len(gzip.compress(page.text.encode())) + sum(len(FILES[name].compressed) for name in needed) <= 60_000
    look = await visitor.ask("GET", "/static/panel.css", headers={"Accept-Encoding": "gzip"})
    assert look.headers["Content-Encoding"] == "gzip" and int(look.headers["Content-Length"]) < 10_000


def test_no_file_of_ours_asks_another_site() -> None:
    for name, file in FILES.items():
        text = file.content.decode()
        asked = re.findall(r"""url\(["']?([^)"']+)|@import|(?:src|href)=["']([^"']+)""", text)
        assert all(not re.match(r"https?:|data:|//", "".join(each)) for each in asked), name


def test_no_page_has_a_style_or_script_of_its_own() -> None:
    for template in TEMPLATES.glob("*.html"):
        text = template.read_text()
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! type=\"module\" src=)|\|\s*safe\b", text), template


def test_every_icon_that_is_shown_is_there_and_drawn_in_the_one_style() -> None:
    drawn = {path.stem: path.read_text() for path in (FOLDER / "icons").iterdir()}
    shown = {"".join(found) for each in TEMPLATES.glob("*.html") for found in ICON.findall(each.read_text())}
    assert shown <= drawn.keys()
    for name, text in drawn.items():
        assert 'viewBox="0 0 24 24" fill="none"' in text and 'stroke-width="1.8"' in text, name


def test_the_stylesheet_mirrors_by_itself() -> None:
    """Left and right are the reader's: only logical properties."""
    text = re.sub(r"/\*.*?\*/", "", FILES["panel.css"].content.decode(), flags=re.DOTALL)
    assert not re.findall(r"(?:margin|padding|border|inset)-(?:left|right|top|bottom)|(?<![-\w])(?:left|right):", text)
