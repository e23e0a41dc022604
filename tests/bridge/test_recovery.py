"""The recovery account is checked before it is written into any room."""

import pytest

from bridge import recovery
from facilitator.errors import Misconfigured
from facilitator.ids import UserId
from tests.cast import BOT
from tests.clock import TurnedClock
from tests.fake_homeserver import FakeHomeserver
from tests.fake_weather import fault

KEEPER = UserId("@keeper:test")


@pytest.fixture
def server(clock: TurnedClock) -> FakeHomeserver:
    server = FakeHomeserver(clock)
    server.person(KEEPER)
    return server


async def test_an_account_that_is_there_is_taken_and_none_is_fine(server: FakeHomeserver) -> None:
    assert await recovery.account(f" {KEEPER} ", server.bot()) == KEEPER
    assert await recovery.account(None, server.bot()) is None


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        ("keeper", "A Matrix ID starts with @"),
        ("@keeper", "The part after the colon is missing"),
        ("@kee per:test", "has a space"),
        (BOT, recovery.OURSELVES),
        ("@nobody:test", recovery.UNKNOWN),
    ],
)
async def test_one_that_cannot_be_it_stops_the_start_with_a_sentence(
    server: FakeHomeserver, named: str, sentence: str
) -> None:
    with pytest.raises(Misconfigured) as refused:
        await recovery.account(named, server.bot())
    assert sentence in refused.value.sentence


async def test_a_server_that_does_not_answer_is_no_reason_not_to_start(server: FakeHomeserver) -> None:
    server.weather.strike(fault(), on="has_account")
    assert await recovery.account("@nobody:test", server.bot()) == UserId("@nobody:test")
