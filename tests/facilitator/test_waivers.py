"""A coordinator lets a draft open that lacks something; what they see of it is its name and what it lacks."""

from datetime import date

import pytest
from sqlalchemy import select, update

from facilitator import facilitators, groups, waivers
from facilitator.database.tables import Account, Group, JournalEntry
from facilitator.errors import Invalid, NotAllowed, NotFound
from facilitator.ids import AccountId, GroupId
from facilitator.rules.life import Lack
from facilitator.settings import CrisisLine
from facilitator.waivers import Draft
from tests.cast import PURPOSE
from tests.facilitator.scene import NOW, Scene

LINES = (
    CrisisLine(
        name="Line", contact="1", hours="always", kind="crisis", region="here", language="en",
        verified_on=date(2026, 10, 1), verified_by="Ada",
    ),
)  # fmt: skip


async def start(scene: Scene) -> GroupId:
    async with scene.database.transaction() as db:
        return await groups.start(
            db, by=scene.cast.ada, name="Birch room", purpose=PURPOSE, language="en", time_zone="Europe/Berlin", now=NOW
        )


async def waiting(scene: Scene, *, by: AccountId, lines: tuple[CrisisLine, ...] = LINES) -> list[Draft]:
    async with scene.database.reading() as db:
        return await waivers.waiting(db, by=by, lines=lines, now=NOW)


async def waive(scene: Scene, group: GroupId, reason: str = "They found nobody yet.", *, by: AccountId) -> None:
    async with scene.database.transaction() as db:
        await waivers.waive(db, by=by, group_id=group, lines=LINES, reason=reason, now=NOW)


async def test_a_draft_opens_by_a_coordinators_word_and_the_word_is_kept(any_scene: Scene) -> None:
    scene, dan = any_scene, any_scene.cast.dan
    group = await start(scene)
    assert await waiting(scene, by=dan) == [Draft(group, "Birch room", (Lack.SECOND_FACILITATOR,))]
    assert (await waiting(scene, by=dan, lines=()))[0].lacks == (Lack.SECOND_FACILITATOR, Lack.CRISIS_LINE)
    await waive(scene, group, by=dan)
    async with scene.database.reading() as db:
        opened = await db.get_one(Group, group)
        entry = (await db.scalars(select(JournalEntry).where(JournalEntry.reason.is_not(None)))).all()[-1]
    assert (opened.state, opened.opened, opened.waived_by) == ("open", NOW, dan)
    assert (entry.actor, entry.group_id, entry.reason) == (dan, group, "They found nobody yet.")
    with pytest.raises(NotFound):
        await waive(scene, group, by=dan)


async def test_what_lacks_nothing_needs_no_waiver(scene: Scene) -> None:
    group = await start(scene)
    async with scene.database.transaction() as db:
        await facilitators.add(
            db, by=scene.cast.ada, group_id=group, account_id=scene.cast.dan, part="co-facilitator", now=NOW
        )
    assert await waiting(scene, by=scene.cast.dan) == []
    with pytest.raises(NotFound):
        await waive(scene, group, by=scene.cast.dan)


async def test_only_coordinators_and_only_with_a_reason(scene: Scene) -> None:
    group = await start(scene)
    for reason in ("", " ", "x" * 301):
        with pytest.raises(Invalid):
            await waive(scene, group, reason, by=scene.cast.dan)
    async with scene.database.transaction() as db:
        await db.execute(update(Account).where(Account.id == scene.cast.ada).values(role="facilitator"))
    with pytest.raises(NotAllowed):
        await waive(scene, group, by=scene.cast.ada)
    with pytest.raises(NotAllowed):
        await waiting(scene, by=scene.cast.ada)
