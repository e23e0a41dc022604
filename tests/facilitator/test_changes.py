"""A mark is another as soon as a page would be, and another's page has none."""

from datetime import datetime, timedelta

from facilitator import accounts, changes, encryption_health, sightings
from facilitator.changes import Mark
from facilitator.rules.reach import Reach
from tests.cast import BEN
from tests.facilitator.scene import NOW, Scene


async def marks(scene: Scene, *, now: datetime = NOW) -> tuple[Mark, Mark]:
    """Of Ada's home, and of her group."""
    async with scene.database.reading() as db:
        homes = await changes.of_homes(db, {scene.cast.ada, scene.cast.dan}, now=now)
        looked_at = {(scene.cast.ada, scene.group), (scene.cast.dan, scene.group)}
        groups = await changes.of_groups(db, looked_at, now=now)
    assert set(homes) == {scene.cast.ada} and set(groups) == {scene.group}
    return homes[scene.cast.ada], groups[scene.group]


async def test_whatever_a_page_shows_moves_its_mark(any_scene: Scene) -> None:
    scene, seen = any_scene, [await marks(any_scene)]

    async def moved() -> bool:
        seen.append(await marks(scene))
        return seen[-1][1] != seen[-2][1] and seen[-1][0] != seen[-2][0]

    await scene.invite(BEN, now=NOW + timedelta(seconds=1))
    assert await moved()
    await scene.looked()
    assert await moved()
    async with scene.database.transaction() as db:
        await sightings.in_trouble(db, scene.room, "room_lost", now=NOW)
    assert await moved()
    await scene.not_invited("unknown_person")
    assert await moved()
    async with scene.database.transaction() as db:
        await encryption_health.reached(db, {scene.room: {BEN: Reach(refused=1)}}, now=NOW)
    assert await moved()
    assert not await moved()


async def test_one_trouble_in_the_place_of_another_moves_it(any_scene: Scene) -> None:
    scene = any_scene
    await scene.invite(BEN)
    before = await marks(scene)
    for person, trouble in ((BEN, "unknown_person"), (BEN, "not_allowed"), (BEN, "server_not_allowed")):
        await scene.not_invited(trouble, person=person)
        after = await marks(scene)
        assert after[0] != before[0] and after[1] != before[1]
        before = after
    for trouble in ("room_lost", "unreachable"):
        async with scene.database.transaction() as db:
            await sightings.in_trouble(db, scene.room, trouble, now=NOW)
        after = await marks(scene)
        assert after[0] != before[0] and after[1] != before[1]
        before = after


async def test_a_bridge_that_falls_silent_moves_every_mark_once(any_scene: Scene) -> None:
    scene = any_scene
    async with scene.database.transaction() as db:
        for loop in ("bridge", "homeserver"):
            await sightings.beat(db, loop, now=NOW)
    well = await marks(scene)
    assert await marks(scene, now=NOW + timedelta(minutes=1)) == well
    silent = await marks(scene, now=NOW + timedelta(minutes=5))
    assert silent[0] != well[0] and silent[1] != well[1]
    assert await marks(scene, now=NOW + timedelta(minutes=9)) == silent
    async with scene.database.transaction() as db:
        await sightings.beat(db, "bridge", now=NOW + timedelta(minutes=5))
    unreachable = await marks(scene, now=NOW + timedelta(minutes=5))
    assert unreachable[0] != silent[0] and unreachable[1] != silent[1]


async def test_a_page_of_nobody_who_asks_has_no_mark(any_scene: Scene) -> None:
    async with any_scene.database.reading() as db:
        assert await changes.of_groups(db, {(any_scene.cast.dan, any_scene.group)}, now=NOW) == {}


async def test_a_sign_in_holds_as_long_as_it_would_for_a_page(any_scene: Scene) -> None:
    scene = any_scene
    async with scene.database.transaction() as db:
        link = await accounts.issue_link(db, scene.cast.ada, now=NOW)
        token = await accounts.redeem_link(db, link, browser="Firefox", now=NOW)
    for after, held in ((timedelta(), True), (accounts.IDLE - timedelta(seconds=1), True), (accounts.IDLE, False)):
        async with scene.database.reading() as db:
            found = await changes.still_signed_in(db, {token, "another"}, now=NOW + after)
            assert (token in found) is held is (await accounts.signed_in(db, token, now=NOW + after) is not None)
