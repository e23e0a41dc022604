"""A draft or a closed group is deleted, brought back within thirty days, and then gone for good."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from facilitator import bots, deletions, groups, journal, lives, pruning, rooms
from facilitator.database.tables import Group, JournalEntry, Member, Room
from facilitator.errors import NotFound, Refused, TooLate
from facilitator.rules.life import KeptBy
from tests import cast
from tests.cast import BEN
from tests.facilitator.scene import NOW, Scene
from tests.facilitator.test_lives import DAY, a_draft, close_at_once, do, row, second_facilitator


async def prune(scene: Scene, now: datetime) -> None:
    async with scene.database.transaction() as db:
        await pruning.prune(db, now=now)


async def test_a_deleted_draft_is_out_of_sight_and_comes_back(any_scene: Scene) -> None:
    scene = any_scene
    group = await a_draft(scene, name="Elm room")
    await do(scene, deletions.delete_group, group_id=group, typed_name="Elm room")
    for ask in (groups.page, lives.pause):
        with pytest.raises(NotFound):
            await do(scene, ask, group_id=group)
    async with scene.database.reading() as db:
        assert [line.name for line in (await groups.mine(db, by=scene.cast.ada, now=NOW)).lines] == ["Maple room"]
        (deleted,) = await deletions.of(db, by=scene.cast.ada, now=NOW)
        assert await deletions.of(db, by=scene.cast.dan, now=NOW) == []
    assert (deleted.name, deleted.gone) == ("Elm room", NOW + 30 * DAY) and "Elm" not in repr(deleted)
    await do(scene, deletions.undelete, group_id=group, now=NOW + 29 * DAY)
    assert (await row(scene, group)).deleted is None


async def test_who_may_not_bring_a_group_back_is_not_offered_to(scene: Scene) -> None:
    group = await a_draft(scene)
    await second_facilitator(scene, group, part="co-facilitator")
    await do(scene, deletions.delete_group, group_id=group, typed_name="Maple room")
    async with scene.database.reading() as db:
        assert await deletions.of(db, by=scene.cast.dan, now=NOW) == []
        assert await deletions.of(db, by=scene.cast.ada, now=NOW)


@pytest.mark.parametrize(("state", "refusal"), [("open", TooLate), ("paused", TooLate), ("closing", TooLate)])
async def test_what_goes_on_is_not_deleted(scene: Scene, state: str, refusal: type[Refused]) -> None:
    async with scene.database.transaction() as db:
        await db.execute(update(Group).values(state=state))
    with pytest.raises(refusal):
        await do(scene, deletions.delete_group, typed_name="Maple room")


async def test_after_thirty_days_nothing_of_it_is_left_but_the_journal_without_a_name(any_scene: Scene) -> None:
    scene = any_scene
    await scene.invite(BEN)
    async with scene.database.transaction() as db:
        await journal.note(db, "noticed", actor="bridge", group_id=scene.group, reason="Cleo told Ben", now=NOW)
    await close_at_once(scene)
    async with scene.database.transaction() as db:
        await db.execute(update(Room).values(closed=NOW))
    await do(scene, deletions.delete_group, typed_name="Maple room")
    await prune(scene, NOW + 30 * DAY - timedelta(seconds=1))
    assert await row(scene)
    await prune(scene, NOW + 30 * DAY)
    async with scene.database.reading() as db:
        assert list(await db.scalars(select(Group.id))) == list(await db.scalars(select(Room.id))) == []
        assert list(await db.scalars(select(Member.id))) == []
        (entry,) = await db.scalars(select(JournalEntry).where(JournalEntry.verb == "noticed"))
        assert (entry.group_id, entry.reason) == (None, None)
    with pytest.raises(NotFound):
        await do(scene, deletions.undelete, now=NOW + 31 * DAY)


async def test_the_bot_leaves_a_drafts_room_before_it_is_gone_and_is_given_a_week(any_scene: Scene) -> None:
    scene = any_scene
    group = await a_draft(scene, name="Elm room")
    async with scene.database.transaction() as db:
        await rooms.take_charge(db, (await bots.enrol(db, user_id=cast.BOT, homeserver="http://test", now=NOW)).id)
    await do(scene, deletions.delete_group, group_id=group, typed_name="Elm room")
    with pytest.raises(TooLate):
        await do(scene, deletions.undelete, group_id=group, now=NOW + 30 * DAY)
    await prune(scene, NOW + 30 * DAY)
    async with scene.database.reading() as db:
        room = await rooms.group_room_id(db, group)
        assert (await rooms.wanted(db, room, now=NOW)).kept_by is KeptBy.NOBODY
    await prune(scene, NOW + 37 * DAY)
    async with scene.database.reading() as db:
        assert await db.get(Group, group) is None
