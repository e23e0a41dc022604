"""With HEARTH_SCREENSHOTS=1: a picture of every page, light and dark, on a phone and on a desk, for docs/screens.md."""

import os
from pathlib import Path

import pytest

from tests.web import gallery, pictures
from tests.web.every_page import address, every_view
from tests.web.in_browser import DESK, PHONE, Panel

HOUSE = Path(__file__).parents[2]
FOLDER = HOUSE / "docs" / "images" / "screens"
WANTED = os.environ.get("HEARTH_SCREENSHOTS") == "1"
LARGEST = 6_000_000
SIZES = {"phone": PHONE, "desk": DESK}
A_FEW = ("landing", "help")


@pytest.mark.browser
async def test_every_page_has_its_picture(panel: Panel, tmp_path: Path) -> None:
    """In an ordinary run a few of them, to see that it works, elsewhere."""
    folder = FOLDER if WANTED else tmp_path
    views = [each for each in every_view() if WANTED or each[0] in A_FEW]
    hung = await gallery.hang(panel.database, panel.cast, panel.clock.now())
    for stranger in (True, False):
        async with panel.visit(timezone_id="Europe/Berlin") as page:
            if not stranger:
                await panel.sign_in(page, hung.ada)
            for number, (name, view) in enumerate(views):
                if view.signed_in is stranger:
                    continue
                await page.goto(panel.url + address(name, view, hung))
                for size, viewport in SIZES.items():
                    await page.set_viewport_size(viewport)  # type: ignore[arg-type]
                    for scheme in ("light", "dark"):
                        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                        taken = await page.screenshot(full_page=True, animations="disabled")
                        pictures.keep(taken, folder / f"{number:02}-{name}-{size}-{scheme}.png")
    if WANTED:
        (HOUSE / "docs" / "screens.md").write_text(pictures.page_of(views))
    assert sum(each.stat().st_size for each in folder.iterdir()) < LARGEST


def test_the_page_of_pictures_shows_those_there_are() -> None:
    text = (HOUSE / "docs" / "screens.md").read_text()
    shown = set(pictures.SHOWN.findall(text))
    assert shown == {each.name for each in FOLDER.iterdir()}
    assert sum(each.stat().st_size for each in FOLDER.iterdir()) < LARGEST
