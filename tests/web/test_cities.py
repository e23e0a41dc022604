"""A time zone for what people type, and a city for a time zone."""

from zoneinfo import ZoneInfo

import pytest

from facilitator.errors import Invalid
from web.cities import Cities, plain

CITIES = Cities()


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
    assert len({plain(city.label) for city in CITIES.all}) == len(CITIES.all) > 500
    for city in CITIES.all:
        assert ZoneInfo(city.zone).key == city.zone
        assert CITIES.zone(city.label) == city.zone


def test_a_zone_is_called_by_its_city() -> None:
    assert CITIES.name("America/New_York") == "New York"
    assert CITIES.label("Europe/Lisbon") == "Lisbon (Portugal)"
    assert CITIES.name("Etc/GMT+5") == "GMT+5" and CITIES.label("UTC") == "UTC"


def test_a_slip_of_the_finger_finds_its_city() -> None:
    assert CITIES.near("Lisbonn") == "Lisbon (Portugal)"
    assert CITIES.near("qqqq") is None
