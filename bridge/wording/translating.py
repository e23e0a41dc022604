"""For translators: `python -m bridge.wording.translating` gathers everything the bot says into locale/bridge.pot and
brings each language's bridge.po up to it. English is the source and needs no catalogue; a new language is a folder with
a bridge.po.
"""

from pathlib import Path

from babel.messages.catalog import Catalog

from bridge.wording import DOMAIN, LOCALE
from facilitator import translating

TEMPLATE = LOCALE / "bridge.pot"


def gather() -> Catalog:
    """Every sentence of the utterances and of the list of commands, with where it stands."""
    return translating.gather(LOCALE / "babel.cfg", {"bridge": Path(__file__).parents[1]})


def main() -> None:
    translating.renew(TEMPLATE, gather(), translating.all_sources(LOCALE, DOMAIN))


if __name__ == "__main__":
    main()
