"""An organisation that invites from some servers only: said beside the field, and when somebody is on another."""

import pytest

from facilitator.settings import Settings as House
from tests.web.sample import Sample
from tests.web.visitor import Visitor


@pytest.fixture
def house(house: House) -> House:
    return house.model_copy(update={"allowed_servers": ("chat.test", "*.lakeside.org")})


def form(cast: Sample) -> str:
    return f"/groups/{cast.settled}/members"


async def test_the_servers_stand_beside_the_field(ada: Visitor, cast: Sample) -> None:
    page = await ada.get(f"/groups/{cast.settled}")
    assert "Your organisation invites people on these servers: chat.test and *.lakeside.org." in page.words
    assert "Any server will do" not in page.words


async def test_who_is_on_another_server_is_refused_by_naming_those_that_will_do(ada: Visitor, cast: Sample) -> None:
    page = await ada.post(form(cast), {"matrix_id": "@new:elsewhere.test"})
    assert page.status == 422
    assert "invites people on these servers only: " in page.words and "chat.test, *.lakeside.org. This" in page.words
    assert "@new:elsewhere.test" not in (await ada.get(f"/groups/{cast.settled}")).words


@pytest.mark.parametrize("person", ["@new:chat.test", "@new:deep.lakeside.org"])
async def test_who_is_on_one_of_them_is_invited(ada: Visitor, cast: Sample, person: str) -> None:
    answer = await ada.post(form(cast), {"matrix_id": person})
    assert answer.status == 303
    assert f"{person} Invited" in (await ada.get(answer.location)).words
