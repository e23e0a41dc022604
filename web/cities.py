"""Time zones by city, because nobody knows their zone by name: what was typed becomes an IANA zone, and back."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from importlib import resources
from pathlib import Path

from babel.core import get_global

from facilitator import languages
from facilitator.errors import N_, Invalid
from facilitator.languages import SOURCE
from facilitator.rules import recurrence
from web.language import LOCALES

MORE = Path(__file__).with_name("more_cities.txt")

UNKNOWN = N_("We do not know this city. Choose the nearest large one from the list.")
SEVERAL = N_("There is more than one city of this name. Please add the country, as in the list.")


@dataclass(frozen=True)
class City:
    """`name` as people write it, `label` with its country, which makes it the only one of its kind."""

    name: str
    label: str
    zone: str


class Cities:
    """Every zone's own city (IANA's zone.tab, in CLDR's spelling) and other large cities beside them, as each of the
    panel's languages calls them. What is typed may be in any of these."""

    def __init__(self, tongues: Iterable[str] = (SOURCE,)) -> None:
        self._spoken = {tongue: in_tongue(tongue) for tongue in dict.fromkeys((SOURCE, *tongues))}

    def spoken(self, tongue: str) -> "InTongue":
        return self._spoken.get(tongue) or self._spoken[SOURCE]

    def zone(self, typed: str) -> str:
        """The zone of the city somebody typed, or the zone itself. Raises Invalid for the field `time_zone`."""
        wanted = plain(typed)
        found = {zone for each in self._spoken.values() for zone in each.zones.get(wanted, ())}
        if len(found) == 1:
            return found.pop()
        if typed.strip() == "UTC" or self._spoken[SOURCE].knows(typed.strip()):
            return typed.strip()
        raise Invalid("time_zone", SEVERAL if found else UNKNOWN)


class InTongue:
    """The cities as one language calls them."""

    def __init__(self, tongue: str) -> None:
        own, more = zone_cities(tongue), more_cities(tongue)
        self.all = tuple(sorted({*own, *more}, key=lambda city: plain(city.label)))
        self._of_zone = {city.zone: city for city in own}
        self.zones: dict[str, set[str]] = {}
        for city in self.all:
            for text in (city.name, city.label):
                self.zones.setdefault(plain(text), set()).add(city.zone)

    def knows(self, zone: str) -> bool:
        return zone in self._of_zone

    def near(self, typed: str) -> str | None:
        """The label somebody who mistyped may have meant."""
        close = get_close_matches(plain(typed)[:80], self._plain, n=1, cutoff=0.75)
        return self._plain[close[0]].label if close else None

    def name(self, zone: str) -> str:
        """The city a zone is known by: "Berlin" for Europe/Berlin."""
        own = self._of_zone.get(zone)
        return own.name if own else zone.rsplit("/", 1)[-1].replace("_", " ")

    def label(self, zone: str) -> str:
        own = self._of_zone.get(zone)
        return own.label if own else zone

    @cached_property
    def _plain(self) -> dict[str, City]:
        return {plain(text): city for city in self.all for text in (city.name, city.label)}


in_tongue = cache(InTongue)


@cache
def zone_cities(tongue: str) -> frozenset[City]:
    locale, older = languages.locale(tongue), get_global("zone_aliases")
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text()
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    cities = set()
    for country, _, zone, *_ in rows:
        known = locale.time_zones.get(older.get(zone, zone), {})
        name = str(known.get("city", zone.rsplit("/", 1)[-1].replace("_", " ")))
        cities.add(City(name, f"{name} ({locale.territories.get(country, country)})", zone))
    return frozenset(cities)


@cache
def more_cities(tongue: str) -> frozenset[City]:
    names = own_names(LOCALES / tongue / "cities.txt")
    english, ours = (languages.locale(each).territories for each in (SOURCE, tongue))
    codes = {name: code for code, name in english.items()}
    cities = set()
    for line in lines_of(MORE):
        label, _, zone = line.partition(" = ")
        name, _, country = label.removesuffix(")").rpartition(" (")
        said, where = names.get(name, name), ours.get(codes.get(country, ""), country)
        cities.add(City(said, f"{said} ({where})", recurrence.zone(zone).key))
    return frozenset(cities)


def own_names(file: Path) -> dict[str, str]:
    """What a language calls cities that it does not call as English does, one "English = own" a line."""
    pairs = (line.partition(" = ") for line in lines_of(file)) if file.is_file() else ()
    return {english: own for english, _, own in pairs}


def lines_of(file: Path) -> list[str]:
    return [line for line in file.read_text().splitlines() if line and not line.startswith("#")]


def plain(text: str) -> str:
    """Letters and digits only, small, without accents: how people type on a phone."""
    bare = unicodedata.normalize("NFKD", text).casefold()
    return " ".join("".join(c if c.isalnum() else " " for c in bare if not unicodedata.combining(c)).split())
