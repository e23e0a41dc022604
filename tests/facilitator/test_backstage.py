"""What needs facilitators, gathered of all groups at once, told in one transaction with its causes."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from facilitator import backstage, members, rooms, sightings, unsaid
from facilitator.database.tables import Act, JournalEntry, Member, Room
from facilitator.ids import GroupId, RoomId
from facilitator.rules.wanted_room import ENCRYPTION
from facilitator.sightings import Looked
from tests.cast import ADA, BEN, BOT
from tests.facilitator.scene import NOW, Scene

HOUR = timedelta(hours=1)


async def backstage_of(scene: Scene, group: GroupId) -> RoomId:
    async with scene.database.reading() as db:
        found = select(Room.id).where(Room.group_id == group, Room.kind == "backstage")
        return (await db.scalars(found)).one()


async def ada_is_in(scene: Scene, group: GroupId) -> RoomId:
    """The bridge found the room as it should be, with Ada in it."""
    room = await backstage_of(scene, group)
    seen = Looked(rooms.MatrixRoomId(f"!{room}"), ENCRYPTION, "joined", {BOT: "join", ADA: "join"}, 1, NOW)
    async with scene.database.transaction() as db:
        await sightings.looked(db, room, seen, now=NOW)
    return room


async def see_to(scene: Scene, *, now: object = NOW) -> bool:
    async with scene.database.transaction() as db:
        return await backstage.see_to(db, scene.bot, now=now)  # type: ignore[arg-type]


async def told(scene: Scene) -> list[tuple[str, object]]:
    """Act by act, what is said where there is something to say, and for what the journal has it."""
    async with scene.database.reading() as db:
        acts = await db.scalars(select(Act).where(Act.utterance == "backstage").order_by(Act.seq))
        return [(str(act.parameters["path"]), act.parameters["lines"]) for act in acts]


async def test_a_need_is_told_once_and_stands_in_the_journal_by_its_code(any_scene: Scene) -> None:
    scene = any_scene
    await ada_is_in(scene, scene.group)
    await scene.invite()
    await scene.not_invited("unknown_person")
    for hours in range(4):
        await see_to(scene, now=NOW + hours * HOUR)
    assert await told(scene) == [(f"/groups/{scene.group}", [["not_delivered", 1, None]])]
    async with scene.database.reading() as db:
        entries = await db.scalars(select(JournalEntry).where(JournalEntry.verb == backstage.TOLD))
        assert [(each.actor, each.group_id, each.subject) for each in entries] == [
            ("bridge", scene.group, "not_delivered")
        ]


async def test_asked_anew_in_vain_it_is_another_matter(scene: Scene) -> None:
    await ada_is_in(scene, scene.group)
    for turn in range(2):
        await scene.invite()
        await scene.not_invited("unknown_person")
        await see_to(scene, now=NOW + 2 * turn * HOUR)
    assert len(await told(scene)) == 2


@pytest.mark.parametrize("groups", [1, 8])
async def test_however_many_groups_there_are_as_many_questions_are_asked(scene: Scene, groups: int) -> None:
    for n in range(groups):
        group, _ = await scene.another_group(f"Room {n}")
        await ada_is_in(scene, group)
    await see_to(scene)
    before = scene.database.statements
    async with scene.database.reading() as db:
        assert not await backstage.anything(db, scene.bot, now=NOW)
    assert scene.database.statements - before == 8


async def test_being_seen_backstage_makes_no_member_of_anybody(scene: Scene) -> None:
    room = await backstage_of(scene, scene.group)
    await scene.invite()
    async with scene.database.transaction() as db:
        await members.found_inside(db, room, [BEN], revision=1, now=NOW)
        await sightings.could_not_invite(db, room, {BEN: ("forbidden", None)}, now=NOW)
        assert await db.scalar(select(Member.standing)) == "invited"
    assert (await scene.line()).trouble is None
    assert await scene.welcomes() == []


async def test_who_is_asked_into_the_group_changes_nothing_backstage(scene: Scene) -> None:
    room = await backstage_of(scene, scene.group)
    await scene.invite()
    await scene.joined()
    await scene.left()
    async with scene.database.reading() as db:
        assert await db.scalar(select(Room.revision).where(Room.id == room)) == 1


async def test_what_waits_backstage_is_not_shown_as_unsaid_in_the_groups_room(scene: Scene) -> None:
    await ada_is_in(scene, scene.group)
    await see_to(scene)
    later = NOW + HOUR
    async with scene.database.reading() as db:
        assert await unsaid.stuck(db, now=later, group_id=scene.group) == []
        assert [each.utterance for each in await unsaid.stuck(db, now=later)] == ["backstage_welcome"]


async def test_groups_without_one_get_theirs_in_bounded_steps(scene: Scene) -> None:
    made = backstage.AT_ONCE + 5
    for n in range(made):
        await scene.another_group(f"Room {n}")
    async with scene.database.transaction() as db:
        await db.execute(Room.__table__.delete().where(Room.kind == "backstage"))  # type: ignore[attr-defined]
    for number in (backstage.AT_ONCE, made + 1, made + 1):
        await see_to(scene)
        async with scene.database.reading() as db:
            counted = select(func.count()).select_from(Room).where(Room.kind == "backstage")
            assert await db.scalar(counted) == number
