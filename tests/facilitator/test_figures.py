"""The figures of a house are true on both engines, and cost the same however much there is."""

from datetime import timedelta

from facilitator import figures, outbox, sightings
from facilitator.figures import Figures, Waiting
from facilitator.ids import ActId, EventId
from facilitator.outbox import Priority
from facilitator.sightings import Looked
from tests.facilitator.scene import MAPLE, NOW, Scene

LATER = NOW + timedelta(minutes=5)


async def figures_of(scene: Scene) -> Figures:
    async with scene.database.reading() as db:
        return await figures.of_bot(db, scene.bot, now=LATER)


async def put(scene: Scene, act: str, priority: Priority) -> None:
    async with scene.database.transaction() as db:
        await outbox.put(
            db, ActId(act), scene.room, utterance="welcome", parameters={}, priority=priority, now=NOW
        )  # fmt: skip


async def test_an_empty_house_counts_its_rooms_that_are_not_made_yet(any_scene: Scene) -> None:
    """The group's and the one backstage."""
    assert await figures_of(any_scene) == Figures({}, {}, {"not_made_yet": 2}, {}, {}, 0, 0)


async def test_acts_are_counted_by_priority_and_outcome(any_scene: Scene) -> None:
    for act, priority in (("a", Priority.HELP), ("b", Priority.WELCOME), ("c", Priority.WELCOME)):
        await put(any_scene, act, priority)
    async with any_scene.database.transaction() as db:
        await outbox.settle(db, ActId("b"), "sent", now=NOW)
    found = await figures_of(any_scene)
    five = timedelta(minutes=5)
    assert found.waiting == {Priority.HELP: Waiting(1, five), Priority.WELCOME: Waiting(1, five)}
    assert found.settled == {"sent": 1}


async def test_rooms_are_counted_by_their_trouble(any_scene: Scene) -> None:
    await any_scene.another_group()
    async with any_scene.database.transaction() as db:
        await sightings.found(db, any_scene.room, MAPLE, now=NOW)
    assert (await figures_of(any_scene)).rooms == {"none": 1, "not_made_yet": 3}
    async with any_scene.database.transaction() as db:
        await sightings.lost(db, any_scene.room, now=NOW)
    assert (await figures_of(any_scene)).rooms == {"room_lost": 1, "not_made_yet": 3}


async def test_what_no_step_can_mend_is_counted_by_kind(any_scene: Scene) -> None:
    seen = Looked(MAPLE, None, None, {}, None, at=NOW, obstacles=("no_recovery", "other_version"))
    async with any_scene.database.transaction() as db:
        await sightings.looked(db, any_scene.room, seen, now=NOW)
    assert (await figures_of(any_scene)).obstacles == {"no_recovery": 1, "other_version": 1}


async def test_an_event_is_set_aside_after_three_tries(any_scene: Scene) -> None:
    for times, expected in ((1, 0), (2, 0), (3, 1)):
        async with any_scene.database.transaction() as db:
            assert await sightings.failed_once_more(db, EventId("$poison"), now=NOW) == times
        assert (await figures_of(any_scene)).set_aside == expected


async def test_the_number_of_statements_does_not_grow(any_scene: Scene) -> None:
    database, counts = any_scene.database, []
    for number in (1, 30):
        for i in range(number):
            await put(any_scene, f"{number} {i}", Priority.REMINDER)
            await any_scene.another_group(f"Room {number} {i}")
        before = database.statements
        await figures_of(any_scene)
        counts.append(database.statements - before)
    assert counts == [7, 7]
