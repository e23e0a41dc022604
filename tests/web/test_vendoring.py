"""What we ship of others is what was vendored, to the byte, with its licence, and asks nobody else for anything."""

import json
import re
from pathlib import Path

from web.static import FILES, FOLDER
from web.vendoring import VENDOR, fingerprint, vendor


def test_every_vendored_file_is_as_the_manifest_says() -> None:
    manifest = json.loads((VENDOR / "manifest.json").read_text())
    assert manifest["source"] == {"package": "@picocss/pico", "version": "2.1.1", "licence": "MIT"}
    assert {path.name for path in VENDOR.iterdir()} == {*manifest["files"], "manifest.json"}
    for name, known in manifest["files"].items():
        assert fingerprint(VENDOR / name) == known, name


def test_no_file_of_ours_asks_another_site() -> None:
    for name, file in FILES.items():
        text = file.content.decode()
        asked = re.findall(r"""url\(["']?([^)"']+)|@import|(?:src|href)=["']([^"']+)""", text)
        assert all(not re.match(r"https?:|data:|//", "".join(each)) for each in asked), name
        assert all((FOLDER / "vendor" / url).exists() for url, _ in asked if url.endswith(".svg")), name


def test_no_page_has_a_style_or_script_of_its_own() -> None:
    for template in Path("web/templates").glob("*.html"):
        text = template.read_text()
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! type=\"module\" src=)|\|\s*safe\b", text), template


def test_pictures_in_a_stylesheet_become_files(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    package = tmp_path / "package"
    (package / "css").mkdir(parents=True)
    (package / "package.json").write_text('{"name": "x", "version": "1", "license": "MIT"}')
    (package / "LICENSE.md").write_text("MIT")
    css = """a{b:url("data:image/svg+xml,%3Csvg/%3E")}c{d:url("data:image/svg+xml,%3Csvg/%3E")}"""
    (package / "css" / "pico.min.css").write_text(css)
    monkeypatch.setattr("web.vendoring.VENDOR", tmp_path)
    vendor(package)
    assert (tmp_path / "pico.css").read_text() == 'a{b:url("icon-1.svg")}c{d:url("icon-1.svg")}'
    assert (tmp_path / "icon-1.svg").read_text() == "<svg/>\n"
