"""Who runs a group: added, changed, removed with a reason, handed over by the last; a member's removal and its undo."""

import pytest
from sqlalchemy import select

from facilitator import facilitators
from facilitator.database import Database
from facilitator.database.tables import Account, JournalEntry, Member
from facilitator.database.wakeup import Bell
from facilitator.ids import UserId, new_id
from tests.clock import TurnedClock
from tests.web.conftest import rang
from tests.web.sample import Sample
from tests.web.visitor import Visitor


def path(cast: Sample) -> str:
    return f"/groups/{cast.settled}/facilitators"


async def add_dan(ada: Visitor, cast: Sample, part: str = "facilitator") -> None:
    answer = await ada.post(path(cast), {"account": cast.dan, "part": part})
    assert answer.status == 303 and "They run the group with you now." in (await ada.get(answer.location)).words


async def test_somebody_of_the_house_is_added_and_sees_the_group(
    ada: Visitor, dan: Visitor, cast: Sample, bell: Bell
) -> None:
    page = await ada.get(path(cast))
    assert "You run this group alone." in page.words and "Make co-facilitator" not in page.words
    await add_dan(ada, cast, "co-facilitator")
    assert await rang(bell) and "Maple room" in (await dan.get("/groups")).words
    page = await dan.get(path(cast))
    assert "A facilitator of the group can add somebody" in page.words and "Ask somebody to help" not in page.words
    assert "Everybody who has an account here runs this group already." in (await ada.get(path(cast))).words


@pytest.mark.parametrize(
    "fields", [{}, {"account": "", "part": "facilitator"}, {"account": "x", "part": "facilitator"}]
)
async def test_nobody_chosen_is_said(ada: Visitor, cast: Sample, fields: dict[str, str]) -> None:
    page = await ada.post(path(cast), fields)
    assert page.status == 422 and "Almost there." in page.words


async def test_parts_change_and_the_last_facilitator_stays_one(ada: Visitor, cast: Sample) -> None:
    page = await ada.post(f"{path(cast)}/{cast.ada}/part", {"part": "co-facilitator"})
    assert page.status == 422 and "A group always has a facilitator." in page.words
    await add_dan(ada, cast)
    answer = await ada.post(f"{path(cast)}/{cast.dan}/part", {"part": "co-facilitator"})
    assert "Changed." in (await ada.get(answer.location)).words
    await ada.post(f"{path(cast)}/{cast.dan}/part", {"part": "facilitator"})
    answer = await ada.post(f"{path(cast)}/{cast.ada}/part", {"part": "co-facilitator"})
    assert "You still run the group" in (await ada.get(answer.location)).words
    assert (await ada.post(f"{path(cast)}/{cast.dan}/part", {"part": "co-facilitator"})).status == 403


async def test_somebody_is_removed_with_a_reason(ada: Visitor, dan: Visitor, cast: Sample, database: Database) -> None:
    await add_dan(ada, cast)
    where = f"{path(cast)}/{cast.dan}/remove"
    assert "They lose their rights in its room" in (await ada.get(where)).words
    assert (await ada.post(where, {"reason": ""})).status == 422
    answer = await ada.post(where, {"reason": "Moved away."})
    assert "They do not run the group any more." in (await ada.get(answer.location)).words
    assert (await dan.get(f"/groups/{cast.settled}")).status == 404
    async with database.reading() as db:
        assert "Moved away." in list(await db.scalars(select(JournalEntry.reason)))
    assert (await ada.get(f"{path(cast)}/{cast.ada}/remove")).location == f"/groups/{cast.settled}/leave"
    assert (await ada.get(where)).status == 404


async def test_the_last_one_hands_the_group_over(
    ada: Visitor, dan: Visitor, cast: Sample, bell: Bell, database: Database, clock: TurnedClock
) -> None:
    where = f"/groups/{cast.settled}/leave"
    assert "You are the only facilitator of Maple room." in (await ada.get(where)).words
    async with database.transaction() as db:
        for name, matrix_id in (("Fay", None), ("Gil", UserId("@gil:chat.test"))):
            db.add(Account(
                id=new_id(), role="facilitator", name=name, created=clock.now(), matrix_id=matrix_id,
                matrix_id_index=matrix_id,
            ))  # fmt: skip
    page = await ada.get(where)
    assert "Fay (no Matrix ID linked yet)" in page.words and ">Gil<" in page.text
    page = await ada.post(where, {"successor": ""})
    assert page.status == 422 and "Choose who takes the group over from you." in page.words
    answer = await ada.post(where, {"successor": cast.dan})
    assert answer.status == 303 and answer.location.startswith("/groups") and await rang(bell)
    assert "Maple room" not in (await ada.get("/groups")).words
    assert "Maple room" in (await dan.get("/groups")).words


async def test_one_of_two_leaves_by_one_press(
    ada: Visitor, dan: Visitor, cast: Sample, database: Database, clock: TurnedClock
) -> None:
    await add_dan(ada, cast)
    page = await dan.get(f"/groups/{cast.settled}/leave")
    assert "Others go on with it." in page.words and "<select" not in page.text
    assert (await dan.post(f"/groups/{cast.settled}/leave")).status == 303
    async with database.reading() as db:
        helm = await facilitators.of_group(db, by=cast.ada, group_id=cast.settled)
    assert [each.name for each in helm.people] == ["Ada"]


async def test_a_member_is_removed_with_a_reason_and_asked_back(
    ada: Visitor, cast: Sample, database: Database, bell: Bell
) -> None:
    async with database.reading() as db:
        ben = (
            await db.scalars(
                select(Member.id).where(Member.matrix_id_index == "@ben:chat.test", Member.group_id == cast.settled)
            )
        ).one()
    where = f"/groups/{cast.settled}/members/{ben}"
    page = await ada.get(f"{where}/remove")
    assert "They can still write to the bot alone, and ask it for help." in page.words
    page = await ada.post(f"{where}/remove", {"reason": ""})
    assert page.status == 422 and "Please fill this in." in page.words
    assert (await ada.post(f"{where}/remove", {"reason": "x" * 301})).status == 422
    answer = await ada.post(f"{where}/remove", {"reason": "Asked for a break."})
    assert answer.status == 303 and await rang(bell)
    page = await ada.get(answer.location)
    assert "You can undo it below" in page.words and "@ben:chat.test Removed" in page.words
    assert (await ada.post(f"{where}/remove", {"reason": "again"})).status == 410
    assert "is not in the group any more" in (await ada.get(f"{where}/remove")).words
    answer = await ada.post(f"{where}/readmit")
    assert "The invitation is on its way." in (await ada.get(answer.location)).words
    assert (await ada.post(f"{where}/readmit")).status == 410
