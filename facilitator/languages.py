"""The languages of the house: their catalogues, read as translators wrote them, and how each writes a day.

Nothing is compiled beforehand: whatever was installed is spoken, from a checkout as from a wheel. English is the
language of the source and needs no catalogue.
"""

import re
from collections.abc import Collection, Iterable
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.dates import match_skeleton
from babel.messages.catalog import Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

SOURCE = "en"
WRITTEN_AS = {"en": "en_GB"}
"""English days are written the way most of the world reads them: day first, 24 hours."""

PLACES = re.compile(r"%\(\w+\)s|%%|\{\w+\}")
"""Where values stand in a sentence: as gettext's templates have them, and as the browser's script does."""

ISOLATED = re.compile(r"%\(\w+\)s|\{\w+\}|(?<![\w%])[!@]\w[\w:.-]*\w")
"""Values, and what is typed to the letter: in a line from right to left each keeps its own direction."""

FIRST_STRONG_ISOLATE, POP_ISOLATE = "\u2068", "\u2069"


def spoken(folder: Path, domain: str) -> tuple[str, ...]:
    """The source's language, and every one that has a catalogue, by its code."""
    translated = {source.parts[-3] for source in folder.glob(f"*/LC_MESSAGES/{domain}.po")}
    return (SOURCE, *sorted(translated - {SOURCE}))


class Catalogue(GNUTranslations):
    """Whose empty sentence is empty: under it gettext keeps the catalogue's own facts, and would say them."""

    def gettext(self, message: str) -> str:
        return super().gettext(message) if message else ""


@cache
def catalogue(folder: Path, domain: str, language: str) -> NullTranslations:
    """The sentences of a language. Whatever is not translated, or could not be filled in, stays English."""
    source = folder / language / "LC_MESSAGES" / f"{domain}.po"
    if not source.is_file():
        return NullTranslations()
    with source.open("rb") as po:
        found = read_po(po, locale=language.replace("-", "_"))
    for message in found:
        if message.id:
            made_safe(message, apart=direction(language) == "rtl")
    compiled = BytesIO()
    write_mo(compiled, found)
    compiled.seek(0)
    return Catalogue(compiled)


def isolated(words: object) -> str:
    """Words of their own direction, in plain text that runs the other way: a number's groups keep their order."""
    return f"{FIRST_STRONG_ISOLATE}{words}{POP_ISOLATE}"


def made_safe(message: Message, *, apart: bool) -> None:
    """A translation that names a value its sentence has not would be no sentence at all, and one of them is the help
    card: it is left out. `apart`: what has its own direction is isolated."""
    ours, theirs = (forms(each) for each in (message.id, message.string))
    known = {place for form in ours for place in PLACES.findall(form)}
    if any(set(PLACES.findall(form)) - known or "%" in PLACES.sub("", form) for form in theirs):
        message.string = "" if len(ours) == 1 else tuple("" for _ in theirs)
    elif apart:
        kept = tuple(ISOLATED.sub(lambda found: isolated(found[0]), form) for form in theirs)
        message.string = kept[0] if len(ours) == 1 else kept


def forms(said: str | Iterable[str] | None) -> tuple[str, ...]:
    """A sentence, or each of its plural forms."""
    return (said,) if isinstance(said, str) else tuple(said or ())


def nearest(tag: str, known: Collection[str]) -> str | None:
    """The one of ours for a language tag: "de" for de-AT where there is no Austrian catalogue."""
    wanted = tag.replace("_", "-").lower()
    ours = {code.replace("_", "-").lower(): code for code in known}
    while wanted:
        if wanted in ours:
            return ours[wanted]
        wanted = wanted.rpartition("-")[0]
    return None


def locale(language: str) -> Locale:
    """How a language writes dates, times and lists. Raises UnknownLocaleError or ValueError."""
    return Locale.parse(WRITTEN_AS.get(language, language).replace("-", "_"))


def direction(language: str) -> str:
    """`ltr` or `rtl`."""
    try:
        return str(locale(language).text_direction)
    except (UnknownLocaleError, ValueError):
        return "ltr"


@cache
def day_pattern(language: str) -> str:
    """How a day is said with its weekday and without its year: "Friday 6 November", „Freitag, 6. November“.

    What CLDR has for the nearest skeleton, its fields widened to whole words (UTS #35, Matching Skeletons).
    """
    known = locale(language).datetime_skeletons
    found = known[match_skeleton("MMMMEEEEd", known) or "MMMEd"].pattern
    return re.sub("[ML]{3,}", "MMMM", re.sub("[Ec]+", "EEEE", found))


def name(code: str, tongue: str) -> str:
    """What a language is called in another: "English" for en."""
    try:
        return str(Locale.parse(code, sep="-").get_display_name(Locale.parse(tongue, sep="-")))
    except (UnknownLocaleError, ValueError):
        return code


def own_name(code: str) -> str:
    """What those who speak it call it: "Deutsch" for de."""
    return name(code, code)
