"""What is known of the homeserver's pace is kept, and a group that waits is told how long."""

from datetime import timedelta

import pytest

from facilitator import pace, sightings
from facilitator.ids import MatrixRoomId, RoomId, UserId
from facilitator.pace import Allowance, Progress
from tests.cast import BEN
from tests.facilitator.scene import NOW, Scene

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
LATER = NOW + MINUTE


def limit(kind: str, *, every: timedelta, burst: int = 1, free_in: timedelta = timedelta()) -> Allowance:
    return Allowance(kind, every, burst, NOW + free_in, NOW)


async def keep(scene: Scene, *limits: Allowance) -> None:
    async with scene.database.transaction() as db:
        await pace.keep(db, scene.bot, limits)


async def kept(scene: Scene, *, later: timedelta = timedelta()) -> list[Allowance]:
    async with scene.database.reading() as db:
        return sorted(await pace.kept(db, scene.bot, now=NOW + later), key=lambda each: each.kind)


async def progress(scene: Scene) -> Progress | None:
    return (await scene.page()).progress


async def seen_invited(scene: Scene, room: RoomId, *people: UserId) -> None:
    async with scene.database.transaction() as db:
        await sightings.people_seen(db, room, dict.fromkeys(people, "invite"), now=NOW)


async def test_what_was_learned_is_there_after_a_restart_and_what_is_unlearned_is_not(any_scene: Scene) -> None:
    one, other = limit("create", every=62 * SECOND), limit("message", every=5 * SECOND, burst=10, free_in=3 * SECOND)
    await keep(any_scene, one, other)
    assert await kept(any_scene) == [one, other]
    await keep(any_scene, other)
    assert await kept(any_scene) == [other]
    await keep(any_scene)
    assert await kept(any_scene) == []


async def test_a_limit_that_was_last_met_a_day_ago_is_not_believed_in(scene: Scene) -> None:
    await keep(scene, limit("create", every=MINUTE))
    assert await kept(scene, later=timedelta(hours=23)) != []
    assert await kept(scene, later=timedelta(hours=25)) == []


@pytest.mark.parametrize(
    ("tokens", "free_in", "ready"),
    [(1, 0, 0), (1, 30, 30), (3, 0, 120), (3, 30, 150), (3, -60, 60), (3, -9999, 60), (2, -9999, 0)],
)
def test_who_is_third_in_line_waits_for_three_tokens_of_which_some_may_be_there(
    tokens: int, free_in: int, ready: int
) -> None:
    allowance = limit("create", every=MINUTE, burst=2, free_in=free_in * SECOND)
    assert allowance.ready(tokens, NOW) == NOW + ready * SECOND


async def test_where_nothing_is_limited_nobody_is_told_to_wait(scene: Scene) -> None:
    await scene.invite()
    assert await progress(scene) is None


async def test_a_room_that_waits_knows_its_place_in_line_and_when_it_is_ready(any_scene: Scene) -> None:
    rooms = {any_scene.room: any_scene.group}
    for number in range(4):
        group, room = await any_scene.another_group(f"Cedar {number}")
        rooms[room] = group
    await keep(any_scene, limit("create", every=MINUTE, free_in=20 * SECOND), limit("message", every=5 * SECOND))
    place = 1 + sorted(rooms).index(any_scene.room)  # all of one moment: by their ids
    assert await progress(any_scene) == Progress(place, 0, 0, NOW + 20 * SECOND + (place - 1) * MINUTE)

    first = min(rooms)
    if first != any_scene.room:
        await any_scene.looked(room=first, matrix=MatrixRoomId("!first:test"))
        found = await progress(any_scene)
        assert found is not None
        assert found.in_line == place - 1


async def test_a_room_that_is_there_counts_who_has_their_invitation(any_scene: Scene) -> None:
    await any_scene.looked()
    for name in ("ben", "cleo", "finn", "gus"):
        await any_scene.invite(f"@{name}:test")
    await keep(any_scene, limit("message", every=30 * SECOND, free_in=10 * SECOND))
    await seen_invited(any_scene, any_scene.room, BEN)
    assert await progress(any_scene) == Progress(None, 1, 4, NOW + 70 * SECOND)
    await seen_invited(any_scene, any_scene.room, *(UserId(f"@{name}:test") for name in ("cleo", "finn", "gus")))
    assert await progress(any_scene) is None


async def test_who_cannot_be_reached_for_good_is_not_waited_for(scene: Scene) -> None:
    await scene.looked()
    await scene.invite()
    await keep(scene, limit("message", every=MINUTE))
    await scene.not_invited("unknown_person")
    assert await progress(scene) is None


async def test_one_person_whom_the_homeserver_holds_back_longer_is_the_last(scene: Scene) -> None:
    await scene.looked()
    await scene.invite()
    await keep(scene, limit("message", every=SECOND))
    await scene.not_invited("slow_down", next_try=NOW + 5 * MINUTE)
    assert await progress(scene) == Progress(None, 0, 1, NOW + 5 * MINUTE)


async def test_a_room_that_waits_is_catching_up_and_in_no_trouble(scene: Scene) -> None:
    async with scene.database.transaction() as db:
        await sightings.beat(db, "bridge", now=NOW)
        await sightings.beat(db, "homeserver", now=NOW)
        await sightings.in_trouble(db, scene.room, sightings.SLOW_DOWN, now=NOW, wait=MINUTE)
    assert (await scene.page()).room.state == "catching_up"
