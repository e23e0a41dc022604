"""Neutral room names. A room's name stands in clear on every server the room touches and on lock screens, so it must
not say what the group is for (R12): we suggest one that says nothing, and refuse one that says too much.
"""

import re
import unicodedata
from collections.abc import Mapping

from facilitator.errors import N_

LONGEST = 64
MOST_MARKS = 4
"""On one letter. No script needs more; more climb over the lines above."""
LEAST = 24
"""So much of a group's name its facilitators' room shows."""
EMPTY = N_("Please give the room a name.")
TOO_LONG = N_("This name is too long: please use at most 64 characters.")
UNPRINTABLE = N_(
    "There is a character in this name that cannot be seen, or that turns the line around. Please type the name anew. "
    "Letters of every language are fine, and so are emoji."
)
TELLING = N_(
    "This name hints at what the group is about. Other servers, and anybody who sees a member's phone, can read a "
    "room's name, so please choose a neutral one, like “Maple room”."
)


BACKSTAGE = N_("%(group)s: facilitators")


def _each(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST = _each(
    """Maple Harbour Willow Lantern Meadow Cedar Pebble Linden Orchard Juniper Brook Hazel Garden Amber Rowan
    Lighthouse Fern Terrace Clover Birch Island Lavender Poplar Window Beech Saffron Bridge Heather Alder Veranda
    Plum Riverside Thistle Kestrel Quarry Aspen Mosaic Primrose Hillside Walnut Canvas Magnolia Compass Elm Lagoon
    Chestnut Gable Marigold Valley Sycamore Teapot Olive Windmill Jasmine Courtyard Hawthorn Pavilion Laurel
    Shoreline Acacia"""
)
SECOND = _each("Silver Quiet Green Sunny Upper Little Golden Old Blue Wide Round Eastern White Lower Bright")

CALLED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "ar": (
        "غرفة {}",
        _each(
            """القيقب المرفأ الصفصاف الفانوس المرج الأرز الحصاة الزيزفون البستان العرعر الجدول البندق الحديقة الكهرمان
            المنارة السرخس الشرفة البرسيم الجزيرة الخزامى الحور النافذة الزان الزعفران الجسر الخلنج البرقوق الضفة
            الفسيفساء الربيع التلة الجوز المغنولية البوصلة الدردار البحيرة الكستناء الأقحوان الوادي الإبريق الزيتون
            الطاحونة الياسمين الفناء الزعرور الجناح الغار الشاطئ السنط النخيل"""
        ),
    ),
    "de": (
        "Raum {}",
        _each(
            """Ahorn Hafen Weide Laterne Wiese Zeder Kiesel Linde Obstgarten Wacholder Bach Hasel Garten Bernstein
            Eberesche Leuchtturm Farn Terrasse Klee Birke Insel Lavendel Pappel Fenster Buche Safran Brücke Heide Erle
            Veranda Pflaume Flussufer Distel Turmfalke Steinbruch Espe Mosaik Primel Hügel Walnuss Leinwand Magnolie
            Kompass Ulme Lagune Kastanie Giebel Ringelblume Tal Platane Teekanne Olive Windmühle Jasmin Innenhof
            Weißdorn Pavillon Lorbeer Ufer Akazie"""
        ),
    ),
}
"""How a room is called in other languages; from the second turn on with its number."""

STEMS = _each(
    """addict alcohol anonym anorex anxiet bereave bipolar bulimi cannabis cocain codepend dementia depress detox
    fentanyl gambl narcot opiate opioid overdos psychiatr psychot rehab relaps schizo sobriet spielsucht suchthilf
    suicid therap traumat adiccion alcool alkohol recuperacion retablissement toxicoman"""
)
"""A word that contains this tells. Only what stands in no harmless word: "hydrogen" is why "drogen" is not here."""

WORDS = frozenset(
    _each(
        """aa abuse abused abuser abusers abusive adhd alanon alateen autism autistic benzo benzos bpd cancer
        crystalmeth disorder disorders drinker drinkers drinking drogen drogensucht drogue drogues drug drugs
        drunk drunks grief grieving heroin hiv illness mentalhealth meth naloxone naranon ocd patient patients
        porn ptsd recover recovered recoveries recovering recovery selfharm slaa smoker smokers sober
        substance substances survivor survivors trauma traumas weed"""
    )
)

ACRONYMS = frozenset(_each("AA ACA ACOA ACoA AIDS CA CMA CoDA CODA DBSA GA MA NA OA SA SAA SLAA SMART"))
"""Fellowships. Only in capitals: "na" is a word in many languages, "coda" one of music."""

PHRASES = (
    "12 step", "12 steps", "12step", "12steps", "twelve step", "twelve steps", "al anon", "nar anon", "co depend",
    "clean and sober", "clean time", "crystal meth", "eating disorder", "mental health", "mental illness", "self harm",
    "self injury", "big book",
)  # fmt: skip


def suggest(index: int, language: str = "en") -> str:
    """The neutral name of this number: always the same, and different for the first 960 numbers."""
    if language in CALLED:
        pattern, nouns = CALLED[language]
        turn, place = divmod(index, len(nouns))
        return pattern.format(nouns[place]) + (f" {turn + 1}" if turn else "")
    turn, place = divmod(index, len(FIRST))
    adjective = "" if turn % (len(SECOND) + 1) == 0 else f"{SECOND[turn % (len(SECOND) + 1) - 1]} "
    return f"{adjective}{FIRST[place]} room"


def of_backstage(group: str, pattern: str = BACKSTAGE) -> str:
    """What the room of a group's facilitators is called: the group's name and a plain word, in the length that every
    name has to keep. A translated `pattern` that would say too much, or leave no place for the name, is not taken."""
    pattern = pattern.replace("\u2068", "").replace("\u2069", "")  # what keeps a value's direction: no name may have it
    place = LONGEST - len(pattern % {"group": ""})
    if pattern != BACKSTAGE and (place < LEAST or check(pattern % {"group": ""}) is not None):
        return of_backstage(group)
    return pattern % {"group": group if len(group) <= place else f"{_cut(group, place - 1)}…"}


def _cut(name: str, length: int) -> str:
    """The beginning of it, without half of a letter that is put together from several."""
    short = name[:length]
    while short and (unicodedata.combining(short[-1]) or short[-1] in "\u200c\u200d" or short[-1].isspace()):
        short = short[:-1]
    return short


def check(name: str) -> str | None:
    """What is wrong with this name for a room, as a sentence for the person who typed it; None: nothing."""
    if not name.strip():
        return EMPTY
    if len(name.strip()) > LONGEST:
        return TOO_LONG
    if unprintable(name):
        return UNPRINTABLE
    return TELLING if _tells(name) else None


def unprintable(name: str) -> bool:
    """Control, line-breaking, private and direction-changing characters, and marks in heaps; joiners belong to scripts
    and emoji. Anybody's name is held to this, a group's and a person's."""
    return any(map(_unprintable, name)) or TOO_MANY_MARKS.search(_marks(name)) is not None


def _unprintable(character: str) -> bool:
    category = unicodedata.category(character)
    if category == "Cn":
        return not is_new_emoji(character)
    return category in {"Cc", "Cs", "Co", "Zl", "Zp"} or (category == "Cf" and character not in "\u200c\u200d")


def is_new_emoji(character: str) -> bool:
    """One that is younger than the tables of our Python: phones have it, and it is kept."""
    return 0x1F000 <= ord(character) <= 0x1FAFF


TOO_MANY_MARKS = re.compile(rf"m{{{MOST_MARKS + 1},}}")


def _marks(name: str) -> str:
    return "".join("m" if unicodedata.category(c) in {"Mn", "Me"} and c != "\ufe0f" else "." for c in name)


def _tells(name: str) -> bool:
    spoken = unicodedata.normalize("NFKC", name).replace("\u200c", "").replace("\u200d", "")
    if ACRONYMS & set(re.findall(r"[^\W_]+", spoken.replace(".", ""))):
        return True
    words = re.findall(r"[^\W_]+", _plain(spoken))
    text = f" {' '.join(words)} "
    return (
        bool(WORDS & set(words))
        or any(stem in word for word in words for stem in STEMS)
        or any(f" {phrase} " in text for phrase in PHRASES)
    )


def _plain(text: str) -> str:
    """Without case and accents: "Dépression" is "depression"."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
