"""Who runs a group changes by the word of its facilitators, and a group never loses its last one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from facilitator import facilitators, strangers
from facilitator.database import Database
from facilitator.database.tables import Account, GroupFacilitator, JournalEntry
from facilitator.errors import Invalid, NotAllowed, NotFound, Refused
from facilitator.facilitators import Helm
from facilitator.ids import AccountId, new_id
from tests.cast import ADA, DAN
from tests.facilitator.scene import NOW, Scene

SOMEBODY = AccountId(new_id())


async def add(scene: Scene, account: str, part: str = "facilitator", *, by: AccountId | None = None) -> None:
    async with scene.database.transaction() as db:
        by = by or scene.cast.ada
        await facilitators.add(db, by=by, group_id=scene.group, account_id=account, part=part, now=NOW)


async def change(scene: Scene, account: str, part: str, *, by: AccountId | None = None) -> None:
    async with scene.database.transaction() as db:
        by = by or scene.cast.ada
        await facilitators.change_part(db, by=by, group_id=scene.group, account_id=account, part=part, now=NOW)


async def remove(scene: Scene, account: str, reason: str = "We agreed on it.", *, by: AccountId | None = None) -> None:
    async with scene.database.transaction() as db:
        by = by or scene.cast.ada
        await facilitators.remove(db, by=by, group_id=scene.group, account_id=account, reason=reason, now=NOW)


async def leave(scene: Scene, by: AccountId, successor: str | None = None) -> None:
    async with scene.database.transaction() as db:
        await facilitators.leave(db, by=by, group_id=scene.group, successor=successor, now=NOW)


async def helm(scene: Scene, by: AccountId | None = None) -> Helm:
    async with scene.database.reading() as db:
        return await facilitators.of_group(db, by=by or scene.cast.ada, group_id=scene.group)


async def runs(scene: Scene) -> dict[str, str]:
    async with scene.database.reading() as db:
        rows = await db.execute(
            select(Account.name, GroupFacilitator.role)
            .join(Account, Account.id == GroupFacilitator.account_id)
            .where(GroupFacilitator.group_id == scene.group)
        )
        return dict(rows.all())


async def disable(database: Database, account: AccountId) -> None:
    async with database.transaction() as db:
        await db.execute(update(Account).where(Account.id == account).values(disabled=NOW))


async def test_who_is_added_is_invited_with_rights_by_itself(any_scene: Scene) -> None:
    before = await any_scene.revision()
    await add(any_scene, any_scene.cast.dan, "co-facilitator")
    wanted = await any_scene.wanted()
    assert DAN in wanted.people and wanted.power_levels["users"][DAN] == 50
    assert await any_scene.revision() > before
    seen = await helm(any_scene)
    assert [(each.name, each.part, each.linked, each.myself) for each in seen.people] == [
        ("Ada", "facilitator", True, True), ("Dan", "co-facilitator", True, False),
    ]  # fmt: skip
    assert seen.may_change and seen.only_one and not seen.others


async def test_who_had_left_the_room_is_invited_once_more_when_they_run_it(any_scene: Scene) -> None:
    await any_scene.people_seen(dan="leave")
    await add(any_scene, any_scene.cast.dan)
    assert DAN in (await any_scene.wanted()).people


async def test_who_is_removed_loses_power_and_place(any_scene: Scene) -> None:
    scene = any_scene
    await add(scene, scene.cast.dan)
    await remove(scene, scene.cast.dan, " Moved away. ")
    wanted = await scene.wanted()
    assert DAN not in wanted.people and DAN not in wanted.power_levels["users"]
    async with scene.database.reading() as db:
        assert (await strangers.among(db, scene.room, [DAN], now=NOW)).due == {DAN}
        entry = (await db.scalars(select(JournalEntry).where(JournalEntry.verb == "facilitator removed"))).one()
    assert (entry.actor, entry.subject, entry.group_id) == (scene.cast.ada, scene.cast.dan, scene.group)
    assert entry.reason == "Moved away."
    with pytest.raises(NotFound):
        await helm(scene, scene.cast.dan)


async def test_who_is_a_member_too_keeps_their_place(any_scene: Scene) -> None:
    scene = any_scene
    await scene.invite(DAN)
    await scene.joined(DAN)
    await add(scene, scene.cast.dan)
    await remove(scene, scene.cast.dan)
    wanted = await scene.wanted()
    assert wanted.known is not None and DAN in wanted.known and DAN not in wanted.unwelcome
    assert DAN not in wanted.power_levels["users"]


async def test_who_comes_back_is_not_put_out(scene: Scene) -> None:
    await add(scene, scene.cast.dan)
    await remove(scene, scene.cast.dan)
    await add(scene, scene.cast.dan)
    async with scene.database.reading() as db:
        assert not (await strangers.among(db, scene.room, [DAN], now=NOW)).due


async def test_the_last_facilitator_leaves_only_with_a_successor(any_scene: Scene) -> None:
    scene, ada, dan = any_scene, any_scene.cast.ada, any_scene.cast.dan
    await add(scene, dan, "co-facilitator")
    with pytest.raises(Invalid, match="only facilitator") as refusal:
        await leave(scene, ada)
    assert refusal.value.field == "successor"
    for nobody in (SOMEBODY, "", ada):
        with pytest.raises(Invalid):
            await leave(scene, ada, nobody)
    await leave(scene, ada, dan)
    assert await runs(scene) == {"Dan": "facilitator"}
    assert ADA not in (await scene.wanted()).people


async def test_a_co_facilitator_hands_the_group_to_nobody_by_leaving(any_scene: Scene) -> None:
    scene, fay = any_scene, AccountId(new_id())
    await add(scene, scene.cast.dan, "co-facilitator")
    async with scene.database.transaction() as db:
        db.add(Account(id=fay, role="facilitator", name="Fay", created=NOW))
    with pytest.raises(NotAllowed):
        await leave(scene, scene.cast.dan, fay)
    assert await runs(scene) == {"Ada": "facilitator", "Dan": "co-facilitator"}


async def test_one_of_two_leaves_freely_and_so_does_a_co_facilitator(scene: Scene) -> None:
    await add(scene, scene.cast.dan, "co-facilitator")
    await leave(scene, scene.cast.dan)
    await add(scene, scene.cast.dan)
    await leave(scene, scene.cast.ada)
    assert await runs(scene) == {"Dan": "facilitator"}


async def test_one_whose_account_is_disabled_does_not_count(scene: Scene) -> None:
    await add(scene, scene.cast.dan)
    await disable(scene.database, scene.cast.dan)
    with pytest.raises(Invalid, match="only facilitator"):
        await leave(scene, scene.cast.ada)
    with pytest.raises(Invalid, match="always has a facilitator"):
        await change(scene, scene.cast.ada, "co-facilitator")
    assert (await helm(scene)).only_one and (await helm(scene)).people[1].resting


async def test_the_last_facilitator_is_not_made_less(any_scene: Scene) -> None:
    scene = any_scene
    with pytest.raises(Invalid, match="always has a facilitator"):
        await change(scene, scene.cast.ada, "co-facilitator")
    await add(scene, scene.cast.dan)
    await change(scene, scene.cast.ada, "co-facilitator")
    with pytest.raises(NotAllowed):
        await change(scene, scene.cast.ada, "facilitator")
    assert await runs(scene) == {"Ada": "co-facilitator", "Dan": "facilitator"}


async def test_a_co_facilitator_changes_nobody(scene: Scene) -> None:
    dan = scene.cast.dan
    await add(scene, dan, "co-facilitator")
    assert not (await helm(scene, dan)).may_change
    for deed in (add(scene, SOMEBODY, by=dan), change(scene, dan, "facilitator", by=dan),
                 remove(scene, scene.cast.ada, by=dan)):  # fmt: skip
        with pytest.raises((NotAllowed, Invalid)):
            await deed
    assert await runs(scene) == {"Ada": "facilitator", "Dan": "co-facilitator"}


async def test_a_stranger_to_the_group_finds_nothing_to_change(scene: Scene) -> None:
    dan, ada = scene.cast.dan, scene.cast.ada
    for deed in (add(scene, dan, by=dan), change(scene, ada, "co-facilitator", by=dan), remove(scene, ada, by=dan),
                 leave(scene, dan)):  # fmt: skip
        with pytest.raises(NotFound):
            await deed
    with pytest.raises(NotFound):
        await helm(scene, dan)


@pytest.mark.parametrize(
    ("deed", "field"),
    [
        (lambda s: add(s, s.cast.ada), "account"),
        (lambda s: add(s, SOMEBODY), "account"),
        (lambda s: add(s, s.cast.dan, "member"), "part"),
        (lambda s: change(s, s.cast.ada, ""), "part"),
        (lambda s: remove(s, s.cast.ada), "reason"),
    ],
)
async def test_what_cannot_be_is_said_beside_its_field(
    scene: Scene, deed: Callable[[Scene], Awaitable[None]], field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        await deed(scene)
    assert refusal.value.field == field and await runs(scene) == {"Ada": "facilitator"}


@pytest.mark.parametrize("reason", ["", "   ", "x" * 301])
async def test_a_removal_says_why(scene: Scene, reason: str) -> None:
    await add(scene, scene.cast.dan)
    with pytest.raises(Invalid) as refusal:
        await remove(scene, scene.cast.dan, reason)
    assert refusal.value.field == "reason" and "Dan" in await runs(scene)


async def test_a_disabled_account_is_nobody_to_hand_over_to(scene: Scene) -> None:
    await disable(scene.database, scene.cast.dan)
    assert not (await helm(scene)).others
    with pytest.raises(Invalid):
        await leave(scene, scene.cast.ada, scene.cast.dan)


async def test_a_group_that_nobody_runs_gets_somebody_from_a_coordinator(any_scene: Scene) -> None:
    scene, dan = any_scene, any_scene.cast.dan
    async with scene.database.reading() as db:
        assert await facilitators.without(db, by=dan) == []
    with pytest.raises(NotFound):
        await give_away(scene, dan)
    await disable(scene.database, scene.cast.ada)
    async with scene.database.reading() as db:
        assert await facilitators.without(db, by=dan) == [(scene.group, "Maple room")]
    await give_away(scene, dan)
    assert await runs(scene) == {"Ada": "facilitator", "Dan": "facilitator"}
    with pytest.raises(NotFound):
        await give_away(scene, dan)


async def give_away(scene: Scene, by: AccountId) -> None:
    async with scene.database.transaction() as db:
        await facilitators.give_away(db, by=by, group_id=scene.group, account_id=by, now=NOW)


async def test_only_coordinators_see_which_groups_nobody_runs(scene: Scene) -> None:
    async with scene.database.transaction() as db:
        await db.execute(update(Account).where(Account.id == scene.cast.dan).values(role="facilitator"))
    await disable(scene.database, scene.cast.ada)
    with pytest.raises(NotAllowed):
        async with scene.database.reading() as db:
            await facilitators.without(db, by=scene.cast.dan)
    with pytest.raises(NotAllowed):
        await give_away(scene, scene.cast.dan)


# ------------------------------------------------------------------------------------------------ at once


async def at_once(*deeds: Awaitable[Any]) -> list[Any]:
    found = await asyncio.gather(*deeds, return_exceptions=True)
    assert all(each is None or isinstance(each, Refused) for each in found), found
    return found


async def test_two_last_ones_leaving_at_once_leave_one(any_scene: Scene) -> None:
    scene, ada, dan = any_scene, any_scene.cast.ada, any_scene.cast.dan
    await add(scene, dan)
    for _ in range(5):
        found = await at_once(leave(scene, ada), leave(scene, dan))
        (left,) = await runs(scene)
        assert sum(each is None for each in found) == 1
        stayed, gone = (ada, dan) if left == "Ada" else (dan, ada)
        await add(scene, gone, by=stayed)


async def test_two_who_put_each_other_out_or_down_at_once_leave_one(any_scene: Scene) -> None:
    scene, ada, dan = any_scene, any_scene.cast.ada, any_scene.cast.dan
    await add(scene, dan)
    await at_once(change(scene, ada, "co-facilitator", by=ada), change(scene, dan, "co-facilitator", by=dan))
    parts = await runs(scene)
    assert sorted(parts.values()) == ["co-facilitator", "facilitator"]
    lead, other = (ada, dan) if parts["Ada"] == "facilitator" else (dan, ada)
    await change(scene, other, "facilitator", by=lead)
    await at_once(remove(scene, ada, by=dan), remove(scene, dan, by=ada))
    assert list((await runs(scene)).values()) == ["facilitator"]


async def test_the_same_person_added_twice_at_once_is_added_once(any_scene: Scene) -> None:
    found = await at_once(*(add(any_scene, any_scene.cast.dan) for _ in range(3)))
    assert sum(each is None for each in found) == 1 and len(await runs(any_scene)) == 2
