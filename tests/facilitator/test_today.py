"""What needs somebody today: theirs alone, each thing once, and nothing where nothing does."""

from datetime import timedelta

import pytest

from facilitator import claims, encryption_health, facilitators, outbox, people, rooms, sightings, today, unsaid
from facilitator.ids import AccountId, UserId, new_id
from facilitator.rules.reach import Reach
from facilitator.today import Need, Today
from tests import cast
from tests.cast import BEN, CLEO
from tests.facilitator.scene import NOW, Scene
from tests.facilitator.test_outbox import act, put

DAY = timedelta(days=1)


async def needs(scene: Scene, *, by: AccountId | None = None, after: timedelta = timedelta()) -> Today:
    now = NOW + after
    async with scene.database.transaction() as db:
        for loop in ("bridge", "homeserver"):
            await sightings.beat(db, loop, now=now)
    async with scene.database.reading() as db:
        return await today.needs(db, by=by or scene.cast.ada, now=now)


def told(found: Today) -> list[tuple[str, str, int]]:
    return [(need.kind, need.group, need.number) for need in found.needs]


async def test_where_nothing_needs_anybody_nothing_is_said(any_scene: Scene) -> None:
    await any_scene.looked()
    assert await needs(any_scene) == Today(sessions=(), needs=(), house=None, more=False)


async def test_sessions_within_a_day_and_a_half_are_told_soonest_first(any_scene: Scene) -> None:
    scene = any_scene
    tuesday = await scene.schedule(1, "20:00")
    monday = await scene.schedule(0, "18:00")
    await scene.schedule(2, "09:00")
    found = (await needs(scene)).sessions
    assert [(each.occurrence.series, each.group) for each in found] == [(monday, "Maple room"), (tuesday, "Maple room")]
    while_it_is_held = (await needs(scene, after=timedelta(hours=5, minutes=30))).sessions
    assert while_it_is_held[0].occurrence.series == monday


async def test_a_group_in_whose_room_nobody_who_runs_it_can_be_is_told_of(any_scene: Scene) -> None:
    scene = any_scene
    await scene.looked()
    async with scene.database.transaction() as db:
        await claims.free(db, by=scene.cast.dan, account_id=scene.cast.ada, reason="Lost.", now=NOW)
    assert ("alone", "Maple room", 0) in told(await needs(scene))
    async with scene.database.transaction() as db:
        await facilitators.add(
            db, by=scene.cast.ada, group_id=scene.group, account_id=scene.cast.dan, part="co-facilitator", now=NOW
        )
    assert told(await needs(scene)) == []


async def test_whoever_waits_is_told_of_by_number(any_scene: Scene) -> None:
    scene = any_scene
    await scene.looked()
    await scene.invite(BEN)
    await scene.invite(CLEO)
    assert told(await needs(scene, after=2 * DAY)) == []
    assert told(await needs(scene, after=4 * DAY)) == [("long_invited", "Maple room", 2)]
    await scene.not_invited("unknown_person", person=BEN)
    await scene.not_invited("slow_down", person=CLEO)
    assert told(await needs(scene, after=4 * DAY)) == [("not_delivered", "Maple room", 1)]
    await scene.invite(BEN, now=NOW + 4 * DAY)  # another invitation has another fate
    assert told(await needs(scene, after=4 * DAY)) == []


async def test_who_has_joined_and_reads_nothing_is_told_of(any_scene: Scene) -> None:
    scene = any_scene
    await scene.looked()
    for person, reach in (
        (BEN, Reach(refused=1)),
        (CLEO, Reach(given=1, refused=1)),
        (UserId("@fay:test"), Reach(answered=False)),
    ):
        await scene.invite(person)
        await scene.joined(person)
        async with scene.database.transaction() as db:
            await encryption_health.reached(db, {scene.room: {person: reach}}, now=NOW)
    assert told(await needs(scene)) == [("cannot_read", "Maple room", 1)]
    await scene.left(BEN)
    assert told(await needs(scene)) == []


async def test_a_room_in_trouble_is_told_of_unless_all_are(any_scene: Scene) -> None:
    scene = any_scene
    async with scene.database.transaction() as db:
        await sightings.in_trouble(db, scene.room, "room_lost", now=NOW)
    (need,) = (await needs(scene)).needs
    assert need == Need("room", scene.group, "Maple room", 0, "room_lost")
    async with scene.database.reading() as db:
        silent = await today.needs(db, by=scene.cast.ada, now=NOW + DAY)
    assert (silent.house, silent.needs) == ("no_bridge", ())


async def test_a_wait_is_no_trouble(any_scene: Scene) -> None:
    async with any_scene.database.transaction() as db:
        await sightings.in_trouble(db, any_scene.room, sightings.SLOW_DOWN, now=NOW)
    assert (await needs(any_scene)).needs == ()


async def test_a_draft_waits_for_a_second_facilitator(any_scene: Scene) -> None:
    await cast.start_group(any_scene.database, any_scene.cast.ada, now=NOW, name="Cedar room")
    assert told(await needs(any_scene)) == [("alone", "Cedar room", 1)]


async def test_a_draft_waits_for_those_who_run_it_to_have_a_matrix_id(any_scene: Scene) -> None:
    scene, yan = any_scene, AccountId(new_id())
    group = await cast.start_group(scene.database, scene.cast.ada, now=NOW, name="Cedar room")
    async with scene.database.transaction() as db:
        await people.add(db, by=scene.cast.ada, account_id=yan, name="Yan", role="facilitator", matrix_id="", now=NOW)
        await facilitators.add(db, by=scene.cast.ada, group_id=group, account_id=yan, part="facilitator", now=NOW)
    assert told(await needs(scene)) == [("alone", "Cedar room", 2)]
    assert not (await needs(scene, by=yan)).linked and (await needs(scene)).linked


async def test_what_was_given_up_is_told_of_for_a_week(any_scene: Scene) -> None:
    scene = any_scene
    for name, outcome in (("one", "failed"), ("two", "uncertain"), ("three", "too_late"), ("four", "sent")):
        await put(scene, name)
        async with scene.database.transaction() as db:
            await outbox.settle(db, act(name), outcome, now=NOW, why="M_TOO_LARGE")
    assert told(await needs(scene)) == [("not_said", "Maple room", 2)]
    assert told(await needs(scene, by=scene.cast.dan)) == []
    assert told(await needs(scene, after=unsaid.SHOWN_FOR + DAY)) == []


async def test_what_is_anothers_needs_nobody_else(any_scene: Scene) -> None:
    scene = any_scene
    await scene.schedule(1, "20:00")
    await scene.invite(BEN)
    async with scene.database.transaction() as db:
        await sightings.in_trouble(db, scene.room, "room_lost", now=NOW)
    assert (await needs(scene)).sessions and (await needs(scene, after=4 * DAY)).needs
    dans = await needs(scene, by=scene.cast.dan, after=4 * DAY)
    assert (dans.sessions, dans.needs) == ((), ())


@pytest.mark.parametrize("more", [3, 60])
async def test_it_asks_as_much_however_many_groups_there_are(scene: Scene, more: int) -> None:
    async with scene.database.transaction() as db:
        for each in range(more):
            group = await cast.opened(db, scene.cast.ada, now=NOW, name=f"Room {each}")
            room = await rooms.group_room_id(db, group)
            await sightings.in_trouble(db, room, "room_lost", now=NOW)
        for loop in ("bridge", "homeserver"):
            await sightings.beat(db, loop, now=NOW)
    before = scene.database.statements
    async with scene.database.reading() as db:
        found = await today.needs(db, by=scene.cast.ada, now=NOW)
    assert scene.database.statements - before == 10
    assert (len(found.needs), found.more) == (min(more, today.SHOWN), more > today.SHOWN)
