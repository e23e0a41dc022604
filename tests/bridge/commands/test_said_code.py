"""A code said to the bot alone, in whatever way a phone's keyboard writes it: each outcome has its plain sentence."""

import pytest
from sqlalchemy import select

from facilitator import claims, outbox
from facilitator.database.tables import Account, Act
from facilitator.ids import UserId
from tests.bridge.commands.test_answer import Asking, asking, direct_with
from tests.cast import ADA, BEN, DAN
from tests.clock import MONDAY_NOON

__all__ = ["asking"]
NEW = UserId("@ada-anew:test")


async def claim(asking: Asking, matrix_id: UserId = NEW) -> str:
    async with asking.house.database.transaction() as db:
        return await claims.claim(db, by=asking.house.cast.ada, matrix_id=matrix_id, now=MONDAY_NOON)


async def said(asking: Asking, body: str, *, by: UserId = NEW, **how: bool) -> list[str]:
    await asking.say(body, sender=by, place=await direct_with(asking.house, by), **how)
    async with asking.house.database.reading() as db:
        acts = await db.scalars(select(Act).where(Act.utterance == "code_said").order_by(Act.seq))
        return [act.parameters["outcome"] for act in acts if act.parameters is not None]


@pytest.mark.parametrize(
    "spelt",
    [
        "{}", "{upper}", "{spaced}", "{dashed}", "“{}”", "It is {}.", " {} \n", "{dotted}",
    ],
)  # fmt: skip
async def test_from_both_ends_it_links_the_new_id_however_it_is_spelt(asking: Asking, spelt: str) -> None:
    code = await claim(asking)
    bare = code.replace("-", "")
    body = spelt.format(
        code, upper=code.upper(), spaced=" ".join(bare), dashed=f"{bare[:5]} – {bare[5:]}".replace(" – ", "–"),
        dotted=".".join(bare),
    )  # fmt: skip
    assert await said(asking, body) == ["WAITING_FOR_OTHER"]
    assert (await said(asking, body, by=ADA))[-1] == "PROVEN"
    async with asking.house.database.reading() as db:
        assert (await db.get_one(Account, asking.house.cast.ada)).matrix_id == NEW


async def test_both_ends_are_asked_into_a_room_and_told_there_what_to_do(asking: Asking) -> None:
    await claim(asking)
    house = asking.house
    for person, first in ((NEW, "Hello. I have a question for you."), (ADA, "Somebody wants to link another")):
        await house.settle()
        (room,) = house.direct_rooms(person)
        await house.person(person).join(room.room)
        await house.settle()
        assert [body.startswith(first) for body in house.said(room.room)] == [True]


async def test_a_wrong_one_may_be_tried_again_and_too_many_end_it(asking: Asking) -> None:
    await claim(asking)
    for _ in range(claims.MOST_TRIES - 1):
        assert await said(asking, "bbbbb-ccccc") == ["WRONG"]
        await _settle(asking)
    assert (await said(asking, "bbbbb-ccccc"))[-1] == "EXPIRED"


async def test_heard_again_it_counts_once(asking: Asking) -> None:
    code = await claim(asking)
    for _ in range(claims.MOST_TRIES + 1):
        asking.events = 0
        assert await said(asking, "bbbbb-ccccc") == ["WRONG"]
    assert (await said(asking, code))[-1] == "WAITING_FOR_OTHER"


async def test_nobody_who_was_not_asked_proves_anything(asking: Asking) -> None:
    code = await claim(asking)
    assert await said(asking, code, bound=False) == [], "not said by a device of theirs"
    assert await said(asking, code, by=DAN) == ["NONE"]


async def test_a_member_of_whom_no_code_was_asked_hums_without_an_answer(asking: Asking) -> None:
    await claim(asking)
    for hum in ("hmmmmmmmmmm", "bbbbb-ccccc"):
        assert await said(asking, hum, by=BEN) == []


async def test_said_in_a_group_it_is_talk(asking: Asking) -> None:
    code = await claim(asking)
    before = await asking.answers()
    await asking.say(code, sender=ADA)
    assert await asking.answers() == before


async def _settle(asking: Asking) -> None:
    async with asking.house.database.transaction() as db:
        for act in await db.scalars(select(Act.id).where(Act.outcome.is_(None))):
            await outbox.settle(db, act, "sent", now=MONDAY_NOON)
