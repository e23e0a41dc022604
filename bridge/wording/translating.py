"""For translators: `python -m bridge.wording.translating` gathers everything the bot says into locale/bridge.pot and
compiles what has been translated. English is the source and needs no catalogue; a new language is a folder with a
bridge.po.
"""

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from bridge.wording import LOCALE

BRIDGE = Path(__file__).parents[1]
TEMPLATE = LOCALE / "bridge.pot"
KEYWORDS = {**DEFAULT_KEYWORDS, "N_": None}


def gather() -> Catalog:
    """Every sentence of the utterances and of the list of commands, with where it stands."""
    with (LOCALE / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    catalog = Catalog(project="Hearth", charset="utf-8")
    for name, _, message, comments, context in extract_from_dir(BRIDGE, methods, options, keywords=KEYWORDS):
        catalog.add(message, locations=[(f"bridge/{name}", 0)], auto_comments=comments, context=context)
    return catalog


def compile_all(folder: Path) -> None:
    """What has been translated, as gettext reads it. A sentence whose places for values were mistyped stays English:
    it could not be said at all, and one of them is the help card."""
    for source in folder.glob("*/LC_MESSAGES/bridge.po"):
        with source.open("rb") as po:
            catalog = read_po(po)
        for message, _ in catalog.check():
            message.string = ""
        with source.with_suffix(".mo").open("wb") as mo:
            write_mo(mo, catalog)


def main() -> None:
    with TEMPLATE.open("wb") as file:
        write_po(file, gather(), omit_header=True, sort_output=True, include_lineno=False, width=110)
    compile_all(LOCALE)


if __name__ == "__main__":
    main()
