"""Which names of a homeserver tell on everybody who has an account there."""

import pytest

from facilitator.rules import server_name


@pytest.mark.parametrize(
    "name",
    [
        "soberliving.org", "aa-berlin.de", "na.example.org", "recovery.example.org", "mentalhealth.social",
        "suchthilfe-nord.de", "anonymous.example", "matrix.clean-time.net", "alcooliques.fr", "addictions.ca",
        "RECOVER.example.org", "12step.example:8448", "depressie.nl", "chat.bipolar.example",
    ],
)  # fmt: skip
def test_a_name_that_says_what_people_come_for_is_told(name: str) -> None:
    assert server_name.telling_word(name)


@pytest.mark.parametrize(
    "name",
    [
        "example.org", "matrix.org", "riverside.ca", "lantern.na", "maple.ga", "chat.harbour.example", "localhost:8448",
        "oakland.example", "smartphones.example", "cleaning.example", "kunst.sa", "127.0.0.1", "hydrogen.example",
    ],
)  # fmt: skip
def test_a_name_that_says_nothing_is_let_be(name: str) -> None:
    assert server_name.telling_word(name) is None
