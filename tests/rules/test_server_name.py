"""A server name that outs its people is known; a harmless one is let be."""

import pytest

from facilitator.rules.server_name import telling


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("recovery.example.org", "recovery"),
        ("aa-berlin.example.org", "aa"),
        ("na.example.org", "na"),
        ("chat.soberliving.org", "sober"),
        ("Suchthilfe-Nord.example:8448", "suchthilf"),
        ("clean-and-sober.org", "clean"),
        ("matrix.anonyme-alkoholiker.example", "anonym"),
        ("therapie.example.org", "therap"),
        ("mind.12step.org", "12step"),
        ("eating-disorder.example", "disorder"),
        ("ptsd.example.org", "ptsd"),
    ],
)
def test_a_name_that_tells_is_known_by_its_part(name: str, part: str) -> None:
    assert telling(name) == part


@pytest.mark.parametrize(
    "name",
    [
        "example.org",
        "matrix.org",
        "lantern.example.org",
        "nature.example",
        "canada.example",
        "gesucht.example.org",
        "localhost",
        "localhost:8448",
        "10.0.0.1:8448",
        "[::1]:8448",
        "cleaning.example",
        "saints.example",
        "co.aa",
    ],
)
def test_a_harmless_name_is_let_be(name: str) -> None:
    assert telling(name) is None
