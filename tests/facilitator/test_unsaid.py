"""A person is shown what did not get said: for a week if it was given up, while it waits if it waits long."""

from datetime import datetime, timedelta

from facilitator import outbox, rooms, unsaid
from tests.cast import BEN
from tests.facilitator.scene import NOW, Scene
from tests.facilitator.test_outbox import CANARY, MINUTE, act, fails, put, settle


async def stuck(scene: Scene, now: datetime = NOW) -> list[tuple[str, str | None, str | None, int]]:
    async with scene.database.reading() as db:
        found = await unsaid.stuck(db, now=now, group_id=scene.group)
        assert found == await unsaid.stuck(db, now=now)
    return [(each.utterance, each.outcome, each.why, each.number) for each in found]


async def test_what_was_given_up_is_shown_for_a_week_by_its_kind_and_never_by_its_words(any_scene: Scene) -> None:
    await any_scene.looked()
    for name, outcome in (("one", "failed"), ("two", "uncertain"), ("three", "too_late"), ("four", "sent")):
        await put(any_scene, name, parameters={"words": CANARY})
        async with any_scene.database.transaction() as db:
            await outbox.settle(db, act(name), outcome, now=NOW, why="M_TOO_LARGE")
    shown = [("one", "failed", "M_TOO_LARGE", 1), ("two", "uncertain", "M_TOO_LARGE", 1)]
    assert sorted(await stuck(any_scene)) == shown
    assert sorted(await stuck(any_scene, NOW + unsaid.SHOWN_FOR)) == shown
    assert await stuck(any_scene, NOW + unsaid.SHOWN_FOR + MINUTE) == []


async def test_what_waits_long_is_shown_while_it_waits(any_scene: Scene) -> None:
    await any_scene.looked()
    await put(any_scene, "one")
    await fails(any_scene, "one", until=NOW + 20 * MINUTE)
    assert await stuck(any_scene, NOW + unsaid.WAITS_LONG - MINUTE) == []
    assert await stuck(any_scene, NOW + unsaid.WAITS_LONG) == [("one", None, outbox.UNREACHABLE, 1)]
    await settle(any_scene, "one")
    assert await stuck(any_scene, NOW + unsaid.WAITS_LONG) == []


async def test_what_waits_for_somebody_to_accept_an_invitation_is_not_stuck(scene: Scene) -> None:
    async with scene.database.transaction() as db:
        direct = await rooms.direct_with(db, BEN, now=NOW)
    await put(scene, "one", room=direct)
    async with scene.database.reading() as db:
        assert await unsaid.stuck(db, now=NOW + timedelta(days=1)) == []
