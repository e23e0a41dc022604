"""Take a stylesheet out of an npm package into `static/vendor`, its `data:` pictures turned into files of our own.

The panel's Content-Security-Policy lets pictures come from this origin only, so a stock Pico would show no tick in a
checkbox. `python -m web.vendoring <unpacked @picocss/pico>` writes the files and the manifest a test holds them to.
"""

import base64
import hashlib
import json
import re
import sys
from pathlib import Path
from urllib.parse import unquote

VENDOR = Path(__file__).parent / "static" / "vendor"
DATA_URL = re.compile(r"""url\("data:image/svg\+xml,([^"]*)"\)""")


def vendor(package: Path) -> None:
    """Write pico.css, its icons, its licence and the manifest."""
    about = json.loads((package / "package.json").read_text())
    icons: dict[str, str] = {}

    def to_file(found: re.Match[str]) -> str:
        picture = unquote(found[1])
        name = icons.setdefault(picture, f"icon-{len(icons) + 1}.svg")
        return f'url("{name}")'

    css = DATA_URL.sub(to_file, (package / "css" / "pico.min.css").read_text())
    files = {"pico.css": css, "pico-LICENSE.md": (package / "LICENSE.md").read_text()}
    files |= {name: picture + "\n" for picture, name in icons.items()}
    for name, text in files.items():
        (VENDOR / name).write_text(text)
    source = {"package": about["name"], "version": about["version"], "licence": about["license"]}
    manifest = {"source": source, "files": {name: fingerprint(VENDOR / name) for name in sorted(files)}}
    (VENDOR / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def fingerprint(file: Path) -> str:
    """SHA-384 in the form of Subresource Integrity."""
    return "sha384-" + base64.b64encode(hashlib.sha384(file.read_bytes()).digest()).decode()


if __name__ == "__main__":
    vendor(Path(sys.argv[1]))
