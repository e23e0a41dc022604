"""A time zone for what people type, and a city for a time zone."""

from zoneinfo import ZoneInfo

import pytest

from facilitator.errors import Invalid
from web.cities import MORE, Cities, lines_of, own_names, plain
from web.language import LOCALES

CITIES = Cities(["de", "ar"])
ENGLISH = CITIES.spoken("en")


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("Berlin (Germany)", "Europe/Berlin"), ("berlin", "Europe/Berlin"), ("  MUNICH ", "Europe/Berlin"),
        ("Sao Paulo", "America/Sao_Paulo"), ("são paulo (brazil)", "America/Sao_Paulo"), ("krakow", "Europe/Warsaw"),
        ("Newcastle Australia", "Australia/Sydney"), ("Asia/Kolkata", "Asia/Kolkata"), ("Mumbai", "Asia/Kolkata"),
        ("st. john's", "America/St_Johns"), ("UTC", "UTC"), ("San Francisco", "America/Los_Angeles"),
    ],
)  # fmt: skip
def test_phone_typing_is_forgiven(typed: str, zone: str) -> None:
    assert CITIES.zone(typed) == zone


@pytest.mark.parametrize("typed", ["", "Atlantis", "Newcastle", "Europe", "../etc/passwd", "Berlin (France)", "()"])
def test_what_names_no_one_city_is_refused(typed: str) -> None:
    with pytest.raises(Invalid) as refusal:
        CITIES.zone(typed)
    assert refusal.value.field == "time_zone"


def test_every_city_is_in_a_zone_there_is_and_has_a_label_of_its_own() -> None:
    assert len({plain(city.label) for city in ENGLISH.all}) == len(ENGLISH.all) > 500
    for city in ENGLISH.all:
        assert ZoneInfo(city.zone).key == city.zone
        assert CITIES.zone(city.label) == city.zone


def test_a_zone_is_called_by_its_city() -> None:
    assert ENGLISH.name("America/New_York") == "New York"
    assert ENGLISH.label("Europe/Lisbon") == "Lisbon (Portugal)"
    assert ENGLISH.name("Etc/GMT+5") == "GMT+5" and ENGLISH.label("UTC") == "UTC"


def test_a_slip_of_the_finger_finds_its_city() -> None:
    assert ENGLISH.near("Lisbonn") == "Lisbon (Portugal)"
    assert ENGLISH.near("qqqq") is None


def test_cities_are_called_what_readers_call_them_and_understood_in_every_language() -> None:
    german = CITIES.spoken("de")
    assert german.name("Europe/Lisbon") == "Lissabon"
    assert german.label("Europe/Vienna") == "Wien (Österreich)"
    assert {"München (Deutschland)", "Kapstadt (Südafrika)"} <= {city.label for city in german.all}
    assert german.near("Münchn") == "München (Deutschland)"
    for typed in ("München", "munich", "Munich (Germany)", "Köln (Deutschland)"):
        assert CITIES.zone(typed) == "Europe/Berlin"
    for tongue in ("de", "ar"):
        for city in CITIES.spoken(tongue).all:
            assert CITIES.zone(city.label) == city.zone, city


@pytest.mark.parametrize("tongue", ["de", "ar"])
def test_no_city_is_called_something_else_that_is_not_there(tongue: str) -> None:
    there = {line.partition(" (")[0] for line in lines_of(MORE)}
    assert own_names(LOCALES / tongue / "cities.txt").keys() <= there
