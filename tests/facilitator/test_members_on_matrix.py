"""Whose word counts of what is heard on Matrix: a member's for leaving, a facilitator's for inviting and removing."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from facilitator.database.tables import Account
from facilitator.ids import UserId
from tests.cast import ADA, BEN, CLEO, DAN, EVE
from tests.facilitator.scene import NOW, Scene

LATER = NOW + timedelta(hours=1)


async def test_leaving_and_declining_are_the_members_own_word(any_scene: Scene) -> None:
    for joined in (True, False):
        await any_scene.invite(BEN)
        if joined:
            await any_scene.joined(BEN)
        await any_scene.left(BEN, now=LATER)
        assert (await any_scene.line()).standing == "left"
        wanted = await any_scene.wanted()
        assert BEN not in wanted.people | wanted.unwelcome
    await any_scene.left(EVE)


async def test_whom_a_facilitator_removed_is_out_and_kept_out(any_scene: Scene) -> None:
    await any_scene.invite(BEN)
    await any_scene.joined(BEN)
    await any_scene.removed(BEN, by=ADA)
    assert (await any_scene.line()).standing == "removed"
    assert (await any_scene.wanted()).unwelcome == {BEN}


@pytest.mark.parametrize("by", [EVE, CLEO, DAN])
async def test_whom_anybody_else_removed_is_asked_back_and_not_welcomed_again(scene: Scene, by: UserId) -> None:
    for person in (BEN, CLEO):
        await scene.invite(person)
        await scene.joined(person)
    await scene.people_seen(ben="leave")
    await scene.removed(BEN, by=by)
    wanted = await scene.wanted()
    assert BEN in wanted.people and not wanted.unwelcome
    await scene.joined(BEN)
    assert (await scene.line()).standing == "joined" and len(await scene.welcomes()) == 2


async def test_who_was_removed_does_not_come_back_by_leaving_or_joining(scene: Scene) -> None:
    await scene.invite(BEN)
    await scene.removed(BEN, by=ADA)
    await scene.left(BEN)
    await scene.joined(BEN)
    assert (await scene.line()).standing == "removed"
    assert await scene.welcomes() == []


async def test_a_facilitator_whose_account_is_disabled_has_no_word_any_more(scene: Scene) -> None:
    await scene.invite(BEN)
    async with scene.database.transaction() as db:
        await db.execute(update(Account).where(Account.id == scene.cast.ada).values(disabled=NOW))
    await scene.removed(BEN, by=ADA)
    assert (await scene.line()).standing == "invited"
    assert not await scene.invited_on_matrix(EVE, by=ADA)


# ------------------------------------------------------------------------------------------------ invited on Matrix


@pytest.mark.parametrize("by", [EVE, BEN, DAN])
async def test_an_invitation_on_matrix_counts_only_from_a_facilitator_of_the_group(scene: Scene, by: UserId) -> None:
    await scene.invite(BEN)
    before = await scene.page()
    assert not await scene.invited_on_matrix(CLEO, by=by)
    assert await scene.page() == before


async def test_a_facilitators_invitation_on_matrix_is_taken_in_once(any_scene: Scene) -> None:
    scene = any_scene
    assert [await scene.invited_on_matrix(CLEO, by=ADA) for _ in range(2)] == [True, True]
    assert (await scene.line(CLEO)).standing == "invited"
    assert await scene.invitation(CLEO) == 1
    assert not await scene.invited_on_matrix(ADA, by=ADA)


async def test_a_facilitators_invitation_on_matrix_brings_back_who_was_gone(scene: Scene) -> None:
    await scene.invite(BEN)
    await scene.removed(BEN, by=ADA)
    assert await scene.invited_on_matrix(BEN, by=ADA)
    assert ((await scene.line()).standing, await scene.invitation()) == ("invited", 2)
