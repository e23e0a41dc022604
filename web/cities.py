"""Time zones by city, because nobody knows their zone by name: what was typed becomes an IANA zone, and back."""

import unicodedata
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from importlib import resources
from pathlib import Path

from babel import Locale
from babel.core import get_global

from facilitator.errors import N_, Invalid
from facilitator.rules import recurrence

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
    """Every zone's own city (IANA's zone.tab, in CLDR's spelling) and other large cities beside them."""

    def __init__(self) -> None:
        own = zone_cities(Locale("en"))
        self.all = tuple(sorted({*own, *more_cities()}, key=lambda city: plain(city.label)))
        self._of_zone = {city.zone: city for city in own}

    def zone(self, typed: str) -> str:
        """The zone of the city somebody typed, or the zone itself. Raises Invalid for the field `time_zone`."""
        wanted = plain(typed)
        found = {city.zone for city in self.all if wanted in (plain(city.label), plain(city.name))}
        if len(found) == 1:
            return found.pop()
        if typed.strip() in self._of_zone or typed.strip() == "UTC":
            return typed.strip()
        raise Invalid("time_zone", SEVERAL if found else UNKNOWN)

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


def zone_cities(locale: Locale) -> set[City]:
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text()
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    older = get_global("zone_aliases")
    cities = set()
    for country, _, zone, *_ in rows:
        known = locale.time_zones.get(older.get(zone, zone), {})
        name = str(known.get("city", zone.rsplit("/", 1)[-1].replace("_", " ")))
        cities.add(City(name, f"{name} ({locale.territories.get(country, country)})", zone))
    return cities


def more_cities() -> set[City]:
    lines = [line for line in MORE.read_text().splitlines() if line and not line.startswith("#")]
    parts = (line.rpartition(" = ") for line in lines)
    return {City(label.rpartition(" (")[0], label, recurrence.zone(zone).key) for label, _, zone in parts}


def plain(text: str) -> str:
    """Letters and digits only, small, without accents: how people type on a phone."""
    bare = unicodedata.normalize("NFKD", text).casefold()
    return " ".join("".join(c if c.isalnum() else " " for c in bare if not unicodedata.combining(c)).split())
