"""The panel's languages: which catalogues there are, and which of them a browser asks for.

English is the language of the source and needs no catalogue.
"""

from gettext import NullTranslations, translation
from pathlib import Path

from babel import Locale

LOCALES = Path(__file__).parent / "locale"
SOURCE = "en"
DATES_OF = {"en": "en_GB"}
"""Dates of the source language are written the way most of the world reads them: day first, 24 hours."""


def available() -> dict[str, NullTranslations]:
    """A catalogue for every language the panel speaks."""
    compiled = {file.parts[-3] for file in LOCALES.glob("*/LC_MESSAGES/panel.mo")}
    found = {language: translation("panel", LOCALES, [language]) for language in sorted(compiled)}
    return {SOURCE: NullTranslations(), **found}


def choose(accepted: str, languages: dict[str, NullTranslations]) -> str:
    """The first of ours among what an Accept-Language header asks for, by its weights (RFC 9110 §12.5.4)."""
    wishes = sorted(map(weighed, accepted[:200].split(",")), key=lambda wish: -wish[1])
    for tag, weight in wishes:
        for name in (tag, tag.split("-")[0]):
            if weight > 0 and name in languages:
                return name
    return SOURCE


def weighed(wish: str) -> tuple[str, float]:
    tag, _, quality = wish.partition(";")
    try:
        weight = float(quality.strip().removeprefix("q=")) if quality else 1.0
    except ValueError:
        weight = 0.0
    return tag.strip().lower(), weight


def direction(language: str) -> str:
    """`ltr` or `rtl`, for the page's dir attribute."""
    return str(Locale.parse(language, sep="_").text_direction)


def dates(language: str) -> Locale:
    return Locale.parse(DATES_OF.get(language, language), sep="_")


def name(code: str, tongue: str) -> str:
    """What a language is called in another: "English" for en."""
    try:
        return str(Locale.parse(code, sep="-").get_display_name(tongue))
    except (ValueError, LookupError):
        return code
