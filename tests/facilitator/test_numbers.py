"""Months in numbers: counted from the journal and the calendar, none of them a person, the same from every page."""

from datetime import datetime, timedelta

from facilitator import glance, journal, lives
from facilitator.ids import AccountId, GroupId, UserId
from facilitator.journal import BRIDGE
from facilitator.numbers import Counter, Numbers
from tests.facilitator.scene import NOW, Scene

LATER = NOW + timedelta(days=130)  # March 2027: November to February are over


async def of_group(scene: Scene, group: GroupId | None = None, *, now: datetime = LATER, minimum: int = 5) -> Numbers:
    async with scene.database.reading() as db:
        found = await glance.of_group(db, by=scene.cast.ada, group_id=group or scene.group)
        return await Counter().of_group(db, group=found, minimum=minimum, now=now)


async def of_all(
    scene: Scene, *, by: AccountId | None = None, counter: Counter | None = None, now: datetime = LATER
) -> Numbers:
    async with scene.database.reading() as db:
        return await (counter or Counter()).of_all(db, by=by or scene.cast.ada, minimum=5, now=LATER)


async def people(scene: Scene, number: int, *, joined: datetime = NOW) -> list[UserId]:
    found = [UserId(f"@p{each}:test") for each in range(number)]
    for person in found:
        await scene.invite(person, now=joined)
        await scene.joined(person, now=joined)
    return found


async def test_a_group_of_four_shows_that_it_is_too_small(any_scene: Scene) -> None:
    await people(any_scene, 4)
    found = await of_group(any_scene)
    assert set(found.sizes) == {None} and {number for _, number in found.standings} == {None}
    assert found.none_there == (True,) * 8 + (False,) * 4


async def test_sizes_and_standings_are_those_at_the_ends_of_months(any_scene: Scene) -> None:
    scene = any_scene
    everybody = await people(scene, 12)
    for person in everybody[:6]:
        await scene.left(person, now=NOW + timedelta(days=40))
    found = await of_group(scene)
    assert found.sizes[-4:] == (10, 5, 5, 5)  # twelve and six
    assert dict(found.standings) == {"joined": 5, "invited": None, "left": 5, "removed": None}
    assert (await of_group(scene, now=NOW + timedelta(days=31))).sizes[-1] == 10


async def test_what_happens_in_a_month_that_goes_on_changes_nothing(any_scene: Scene) -> None:
    scene = any_scene
    everybody = await people(scene, 10)
    before = await of_group(scene)
    await scene.left(everybody[0], now=LATER - timedelta(minutes=1))
    assert await of_group(scene) == before


async def test_a_group_that_is_closed_has_no_size_and_nobody_stands_with_it(any_scene: Scene) -> None:
    scene = any_scene
    await people(scene, 12)
    async with scene.database.transaction() as db:
        await journal.note(db, "group closed", actor=BRIDGE, group_id=scene.group, now=NOW + timedelta(days=40))
    found = await of_group(scene)
    assert found.none_there == (True,) * 8 + (False, True, True, True)
    assert found.sizes[-4:] == (10, None, None, None)
    assert {number for _, number in found.standings} == {None}
    assert (await of_all(scene)).sizes == found.sizes


async def test_sessions_are_counted_while_the_group_met(any_scene: Scene) -> None:
    scene = any_scene
    await scene.schedule(1)
    async with scene.database.transaction() as db:
        await lives.pause(db, by=scene.cast.ada, group_id=scene.group, now=NOW + timedelta(days=31))
    async with scene.database.transaction() as db:
        await lives.resume(db, by=scene.cast.ada, group_id=scene.group, now=NOW + timedelta(days=60))
    assert (await of_group(scene)).sessions == (0,) * 8 + (4, 1, 4, 4)


async def test_all_groups_together_tell_of_none_that_is_too_small(any_scene: Scene) -> None:
    scene = any_scene
    await people(scene, 7)
    await scene.another_group()
    alone, together = await of_group(scene), await of_all(scene)
    assert (together.groups, together.sizes, together.standings) == (2, alone.sizes, alone.standings)
    assert (await of_all(scene, by=scene.cast.dan)).groups == 0


async def test_very_many_groups_are_counted_some_at_a_time_and_once(scene: Scene) -> None:
    for each in range(4):
        await scene.another_group(f"Room {each}")
    counter, statements = Counter(at_once=2), []
    for uncounted in (3, 1, 0, 0):
        before = scene.database.statements
        assert (await of_all(scene, counter=counter)).uncounted == uncounted
        statements.append(scene.database.statements - before)
    assert statements == [3, 3, 3, 1]
