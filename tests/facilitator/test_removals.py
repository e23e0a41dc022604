"""A member is removed with a reason that is kept, and asked back by one press."""

from datetime import datetime

import pytest
from sqlalchemy import select

from facilitator import facilitators, removals
from facilitator.database.tables import JournalEntry
from facilitator.errors import Invalid, NotFound, Refused, TooLate
from facilitator.ids import AccountId, MemberId, new_id
from tests.cast import ADA, BEN, DAN
from tests.facilitator.scene import NOW, Scene


async def remove(scene: Scene, member: MemberId, reason: str = "Asked for a break.", *, by: str = "") -> None:
    async with scene.database.transaction() as db:
        by_whom = AccountId(by or scene.cast.ada)
        await removals.remove(db, by=by_whom, group_id=scene.group, member_id=member, reason=reason, now=NOW)


async def readmit(scene: Scene, member: MemberId, *, by: str = "", now: datetime = NOW) -> None:
    async with scene.database.transaction() as db:
        by_whom = AccountId(by or scene.cast.ada)
        await removals.readmit(db, by=by_whom, group_id=scene.group, member_id=member, now=now)


async def test_who_is_removed_is_put_out_and_the_reason_kept(any_scene: Scene) -> None:
    scene, member = any_scene, await any_scene.invite()
    await scene.joined()
    before = await scene.revision()
    await remove(scene, member, "  Asked for a break. ")
    wanted = await scene.wanted()
    assert BEN in wanted.unwelcome and BEN not in wanted.people and await scene.revision() > before
    assert (await scene.line()).standing == "removed"
    async with scene.database.reading() as db:
        entry = (await db.scalars(select(JournalEntry).where(JournalEntry.verb == "member removed"))).one()
    assert (entry.actor, entry.subject, entry.reason) == (scene.cast.ada, member, "Asked for a break.")


async def test_the_undo_is_a_new_invitation(any_scene: Scene) -> None:
    scene, member = any_scene, await any_scene.invite()
    await scene.joined()
    await remove(scene, member)
    await readmit(scene, member)
    wanted = await scene.wanted()
    assert BEN in wanted.people and BEN not in wanted.unwelcome and await scene.invitation() == 2
    with pytest.raises(TooLate):
        await readmit(scene, member)


async def test_an_open_invitation_is_taken_back_the_same_way(scene: Scene) -> None:
    member = await scene.invite()
    await remove(scene, member)
    assert BEN in (await scene.wanted()).unwelcome


async def test_who_left_cannot_be_removed_and_stays_gone_of_their_own_accord(scene: Scene) -> None:
    member = await scene.invite()
    await scene.left()
    with pytest.raises(TooLate):
        await remove(scene, member)
    assert (await scene.line()).standing == "left"


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 301])
async def test_a_removal_says_why(scene: Scene, reason: str) -> None:
    member = await scene.invite()
    with pytest.raises(Invalid) as refusal:
        await remove(scene, member, reason)
    assert refusal.value.field == "reason" and (await scene.line()).standing == "invited"


async def test_who_runs_the_group_is_no_member_to_remove(scene: Scene) -> None:
    member = await scene.invite(DAN)
    async with scene.database.transaction() as db:
        await facilitators.add(
            db, by=scene.cast.ada, group_id=scene.group, account_id=scene.cast.dan, part="facilitator", now=NOW
        )
    with pytest.raises(TooLate, match="runs the group"):
        await remove(scene, member)


async def test_a_co_facilitator_may_and_a_stranger_finds_nobody(scene: Scene) -> None:
    member = await scene.invite()
    for deed in (remove(scene, member, by=scene.cast.dan), readmit(scene, member, by=scene.cast.dan),
                 remove(scene, MemberId(new_id()))):  # fmt: skip
        with pytest.raises(NotFound):
            await deed
    async with scene.database.transaction() as db:
        await facilitators.add(
            db, by=scene.cast.ada, group_id=scene.group, account_id=scene.cast.dan, part="co-facilitator", now=NOW
        )
    await remove(scene, member, by=scene.cast.dan)
    await readmit(scene, member, by=scene.cast.dan)


async def test_a_member_of_another_group_is_not_found_by_this_ones_address(scene: Scene) -> None:
    member = await scene.invite()
    other, _ = await scene.another_group()
    with pytest.raises(Refused) as refusal:
        async with scene.database.transaction() as db:
            await removals.remove(db, by=scene.cast.ada, group_id=other, member_id=member, reason="x", now=NOW)
    assert isinstance(refusal.value, NotFound)


async def test_a_removal_in_a_matrix_client_still_stands(scene: Scene) -> None:
    member = await scene.invite()
    await scene.joined()
    await scene.removed(BEN, by=ADA)
    assert (await scene.line()).standing == "removed"
    await readmit(scene, member)
    assert (await scene.line()).standing == "invited"
