"""For translators: `python -m web.translating` gathers every sentence into locale/panel.pot and compiles what has been
translated. English is the source and needs no catalogue; a new language is a folder with a panel.po.
"""

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from web.language import LOCALES

HOUSE = Path(__file__).parents[1]
TEMPLATE = LOCALES / "panel.pot"
KEYWORDS = {**DEFAULT_KEYWORDS, "N_": None}


def gather() -> Catalog:
    """Every sentence of the panel and of the domain's refusals, with where it stands."""
    with (LOCALES / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    catalog = Catalog(project="Hearth", charset="utf-8")
    for folder in ("facilitator", "web"):
        ours = [(pattern.removeprefix(f"{folder}/"), how) for pattern, how in methods if pattern.startswith(folder)]
        chosen = {pattern.removeprefix(f"{folder}/"): given for pattern, given in options.items()}
        for found in extract_from_dir(HOUSE / folder, ours, chosen, keywords=KEYWORDS):
            name, _, message, comments, context = found
            catalog.add(message, locations=[(f"{folder}/{name}", 0)], auto_comments=comments, context=context)
    return catalog


def main() -> None:
    with TEMPLATE.open("wb") as file:
        write_po(file, gather(), omit_header=True, sort_output=True, include_lineno=False, width=110)
    for source in LOCALES.glob("*/LC_MESSAGES/panel.po"):
        with source.open("rb") as po, source.with_suffix(".mo").open("wb") as mo:
            write_mo(mo, read_po(po))


if __name__ == "__main__":
    main()
