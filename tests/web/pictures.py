"""Pictures of pages, small enough for a repository, and the page of the documentation that shows them."""

import re
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.web.every_page import View

COLOURS = 32
"""A page of ours has few, and their shades at the edges of letters."""
TALLEST = 2600
"""What stands below that is more of the same."""
SHOWN = re.compile(r'src="images/screens/([^"]+)"')
HEAD = """# Every page of the panel

On a phone and on a desk, in light and in dark; made by the tests (`HEARTH_SCREENSHOTS=1`), with sample people.

"""


def keep(taken: bytes, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.open(BytesIO(taken)).convert("RGB")
    picture = picture.crop((0, 0, picture.width, min(picture.height, TALLEST)))
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)


def page_of(views: Sequence[tuple[str, View]]) -> str:
    """docs/screens.md: a heading for each view, its four pictures below."""
    return HEAD + "\n".join(_row(f"{number:02}-{name}", view.title) for number, (name, view) in enumerate(views))


def _row(file: str, title: str) -> str:
    pictures = [
        f'<img src="images/screens/{file}-{size}-{scheme}.png" alt="{title}, {size}, {scheme}" width="{width}">'
        for size, width in (("phone", 180), ("desk", 420))
        for scheme in ("light", "dark")
    ]
    return f"## {title}\n\n" + "\n".join(pictures) + "\n"
