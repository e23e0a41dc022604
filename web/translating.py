"""For translators: `python -m web.translating` gathers every sentence of the panel into locale/panel.pot and brings
each language's panel.po up to it. English is the source and needs no catalogue; a new language is a folder with a
panel.po.
"""

from pathlib import Path

from babel.messages.catalog import Catalog

from facilitator import translating
from web.language import DOMAIN, LOCALES

HOUSE = Path(__file__).parents[1]
TEMPLATE = LOCALES / "panel.pot"


def gather() -> Catalog:
    """Every sentence of the panel and of the domain's refusals, with where it stands."""
    return translating.gather(LOCALES / "babel.cfg", {folder: HOUSE / folder for folder in ("facilitator", "web")})


def main() -> None:
    translating.renew(TEMPLATE, gather(), translating.all_sources(LOCALES, DOMAIN))


if __name__ == "__main__":
    main()
