"""The panel's languages: which catalogues there are, and which of them a browser asks for."""

from collections.abc import Collection, Iterable
from gettext import NullTranslations
from pathlib import Path

from facilitator import languages

LOCALES = Path(__file__).parent / "locale"
DOMAIN = "panel"


def available() -> dict[str, NullTranslations]:
    """A catalogue for every language the panel speaks."""
    return {code: languages.catalogue(LOCALES, DOMAIN, code) for code in languages.spoken(LOCALES, DOMAIN)}


def asked_for(accepted: str, known: Collection[str]) -> str | None:
    """The first of ours among what an Accept-Language header asks for, by its weights (RFC 9110 §12.5.4)."""
    wishes = sorted(map(weighed, accepted[:200].split(",")), key=lambda wish: -wish[1])
    found = (languages.nearest(tag, known) for tag, weight in wishes if weight > 0)
    return next((code for code in found if code is not None), None)


def weighed(wish: str) -> tuple[str, float]:
    tag, _, quality = wish.partition(";")
    try:
        weight = float(quality.strip().removeprefix("q=")) if quality else 1.0
    except ValueError:
        weight = 0.0
    return tag.strip().lower(), weight


def named(codes: Iterable[str]) -> list[tuple[str, str, str]]:
    """Of each language: its code, what those who speak it call it, and which way it runs."""
    return [(code, languages.own_name(code), languages.direction(code)) for code in codes]
