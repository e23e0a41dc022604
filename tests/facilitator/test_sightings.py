"""What was seen is kept and not wiped by a look from before; troubles wait longer each time; cursors and tries last."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from facilitator import rooms, sightings
from facilitator.database.tables import MembershipSighting, RoomSighting
from facilitator.ids import BotId, EventId, UserId
from facilitator.rules.wanted_room import ENCRYPTION
from facilitator.sightings import Looked
from tests.cast import BEN, CLEO
from tests.facilitator.scene import MAPLE, NOW, Scene

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


async def room_seen(scene: Scene) -> RoomSighting:
    async with scene.database.reading() as db:
        return (await db.scalars(select(RoomSighting).where(RoomSighting.room_id == scene.room))).one()


async def person_seen(scene: Scene, person: UserId = BEN) -> MembershipSighting:
    async with scene.database.reading() as db:
        return (await db.scalars(select(MembershipSighting).where(MembershipSighting.person_index == person))).one()


async def people_seen(
    scene: Scene, members: dict[UserId, str], *, now: datetime = NOW, as_of: datetime | None = None
) -> None:
    async with scene.database.transaction() as db:
        await sightings.people_seen(db, scene.room, members, now=now, as_of=as_of)


async def look(
    scene: Scene, members: dict[UserId, str] | None = None, *, at: datetime = NOW, next_look: datetime | None = None
) -> None:
    seen = Looked(MAPLE, ENCRYPTION, "joined", members or {}, 1, at, next_look)
    async with scene.database.transaction() as db:
        await sightings.looked(db, scene.room, seen, now=at + SECOND)


async def trouble(scene: Scene, code: str = "room_refused", *, wait: timedelta | None = None) -> None:
    async with scene.database.transaction() as db:
        await sightings.in_trouble(db, scene.room, code, now=NOW, wait=wait)


# ------------------------------------------------------------------------------------------------ people


async def test_seeing_some_says_nothing_of_the_others(any_scene: Scene) -> None:
    await people_seen(any_scene, {BEN: "join", CLEO: "invite"})
    await people_seen(any_scene, {CLEO: "join"})
    await people_seen(any_scene, {})
    assert [(await person_seen(any_scene, person)).membership for person in (BEN, CLEO)] == ["join", "join"]


@pytest.mark.parametrize(("membership", "over"), [("invite", True), ("join", True), ("leave", False), ("ban", False)])
async def test_the_trouble_of_an_invitation_is_over_when_it_is_out(
    any_scene: Scene, membership: str, over: bool
) -> None:
    await any_scene.invite(BEN)
    await any_scene.not_invited("slow_down", next_try=NOW + MINUTE)
    await people_seen(any_scene, {BEN: membership})
    seen = await person_seen(any_scene)
    assert (seen.membership, seen.invitation) == (membership, 1)
    assert (seen.trouble, seen.next_try) == ((None, None) if over else ("slow_down", NOW + MINUTE))


async def test_what_was_heard_since_a_look_began_is_not_overwritten_by_it(any_scene: Scene) -> None:
    scene = any_scene
    await people_seen(scene, {BEN: "leave"}, now=NOW + SECOND)
    await look(scene, {BEN: "join", CLEO: "join"}, at=NOW)
    assert [(await person_seen(scene, person)).membership for person in (BEN, CLEO)] == ["leave", "join"]
    await look(scene, {BEN: "join"}, at=NOW + MINUTE)
    assert (await person_seen(scene)).membership == "join"


async def test_a_look_does_not_say_who_left(scene: Scene) -> None:
    await people_seen(scene, {BEN: "join"})
    await look(scene, {BEN: "leave", CLEO: "leave"}, at=NOW + MINUTE)
    assert (await person_seen(scene)).membership == "join"
    async with scene.database.reading() as db:
        found = await db.scalars(select(MembershipSighting).where(MembershipSighting.person_index == CLEO))
        assert found.all() == []


async def test_whom_we_forget_is_as_if_never_seen(scene: Scene) -> None:
    await people_seen(scene, {BEN: "leave", CLEO: "join"})
    async with scene.database.transaction() as db:
        await sightings.forget_person(db, scene.room, BEN)
    async with scene.database.reading() as db:
        assert len((await db.scalars(select(MembershipSighting))).all()) == 1


# ------------------------------------------------------------------------------------------------ rooms


async def test_a_room_that_was_seen_encrypted_is_remembered_after_a_restart(any_scene: Scene) -> None:
    scene = any_scene

    async def remembered(bot: BotId) -> list[sightings.Remembered]:
        async with scene.database.reading() as db:
            return await sightings.remembered(db, bot)

    async with scene.database.transaction() as db:
        await sightings.found(db, scene.room, MAPLE, now=NOW)
        assert await sightings.room_of(db, MAPLE) == scene.room
        assert await sightings.matrix_room(db, scene.room) == MAPLE
    assert await remembered(scene.bot) == []
    await look(scene)
    (room,) = await remembered(scene.bot)
    assert (room.room_id, room.matrix_room, room.encryption) == (scene.room, MAPLE, ENCRYPTION)
    assert (room.history_visibility, room.direct) == ("joined", False)
    assert await remembered(BotId("other")) == []
    async with scene.database.transaction() as db:
        await sightings.lost(db, scene.room, now=NOW)
    assert await remembered(scene.bot) == []


async def test_a_lost_room_is_looked_for_again_and_keeps_its_name_on_matrix(scene: Scene) -> None:
    await look(scene)
    async with scene.database.transaction() as db:
        await sightings.lost(db, scene.room, now=NOW)
    seen = await room_seen(scene)
    assert (seen.trouble, seen.encryption, seen.matrix_room) == ("room_lost", None, MAPLE)
    assert seen.next_look == NOW + 10 * MINUTE
    await look(scene, at=NOW + MINUTE)
    assert (await room_seen(scene)).trouble is None


async def test_a_look_from_before_the_room_was_lost_does_not_bring_it_back(any_scene: Scene) -> None:
    scene = any_scene
    await look(scene)
    async with scene.database.transaction() as db:
        await sightings.lost(db, scene.room, now=NOW + MINUTE)
    await look(scene, {CLEO: "join"}, at=NOW + MINUTE - SECOND / 2)
    seen = await room_seen(scene)
    assert (seen.trouble, seen.encryption, seen.next_look) == ("room_lost", None, NOW + 11 * MINUTE)
    assert (await person_seen(scene, CLEO)).membership == "join", "of people it says what it saw"
    await look(scene, at=NOW + MINUTE)
    seen = await room_seen(scene)
    assert (seen.trouble, seen.encryption) == (None, ENCRYPTION)


async def test_trouble_waits_twice_as_long_each_time_up_to_ten_minutes(any_scene: Scene) -> None:
    waits = []
    for _ in range(14):
        await trouble(any_scene)
        next_look = (await room_seen(any_scene)).next_look
        assert next_look is not None
        waits.append((next_look - NOW).total_seconds())
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, *[600] * 5]
    await look(any_scene)
    await trouble(any_scene)
    assert (await room_seen(any_scene)).next_look == NOW + 2 * SECOND, "a look that went well begins anew"


async def test_a_homeserver_that_says_how_long_is_waited_for_so_long(scene: Scene) -> None:
    await trouble(scene, sightings.SLOW_DOWN, wait=90 * SECOND)
    seen = await room_seen(scene)
    assert (seen.trouble, seen.next_look) == ("homeserver_slow_down", NOW + 90 * SECOND)
    async with scene.database.transaction() as db:
        await sightings.look_again(db, scene.room, now=NOW)
    assert (await room_seen(scene)).next_look == NOW + 90 * SECOND, "it is not pressed"


async def test_only_rooms_the_homeserver_did_not_answer_for_are_hurried_when_it_is_back(any_scene: Scene) -> None:
    scene = any_scene
    for code, bot, hurried in (
        (sightings.UNREACHABLE, scene.bot, True),
        (sightings.UNREACHABLE, BotId("other"), False),
        (sightings.SLOW_DOWN, scene.bot, False),
    ):
        await trouble(scene, code, wait=MINUTE)
        async with scene.database.transaction() as db:
            await sightings.reachable_again(db, bot, now=NOW)
        seen = await room_seen(scene)
        assert seen.next_look == (NOW if hurried else NOW + MINUTE)
        assert (seen.failures == 0) is hurried


async def test_a_look_asked_for_while_one_goes_on_is_another_one(any_scene: Scene) -> None:
    scene = any_scene
    await look(scene)
    async with scene.database.transaction() as db:
        await sightings.look_at_all(db, scene.bot, now=NOW)
        await sightings.claimed(db, [scene.room])
        assert scene.room not in await rooms.due(db, scene.bot, now=NOW)
    async with scene.database.transaction() as db:
        await sightings.look_again(db, scene.room, now=NOW + SECOND)
    await look(scene, at=NOW, next_look=NOW + MINUTE)
    assert (await room_seen(scene)).next_look == NOW + SECOND
    async with scene.database.transaction() as db:
        await sightings.claimed(db, [scene.room])
    await look(scene, at=NOW + SECOND, next_look=NOW + MINUTE)
    assert (await room_seen(scene)).next_look == NOW + MINUTE


async def test_a_look_that_left_something_to_do_keeps_the_revision_that_matched(scene: Scene) -> None:
    await scene.looked(revision=1)
    await scene.looked(revision=None, now=NOW + MINUTE)
    seen = await room_seen(scene)
    assert (seen.revision, seen.looked) == (1, NOW + MINUTE)


# ------------------------------------------------------------------------------------------------ listening


async def test_how_far_we_listened_is_kept_with_what_was_heard_or_not_at_all(any_scene: Scene) -> None:
    scene = any_scene

    async def cursor() -> str | None:
        async with scene.database.reading() as db:
            return await sightings.cursor(db, scene.bot)

    assert await cursor() is None
    for since in ("s1", "s2"):
        async with scene.database.transaction() as db:
            await sightings.listened(db, scene.bot, since, now=NOW)
    with pytest.raises(ZeroDivisionError):
        async with scene.database.transaction() as db:
            await sightings.listened(db, scene.bot, "s3", now=NOW)
            raise ZeroDivisionError
    assert await cursor() == "s2"


async def test_failures_of_an_event_are_counted_for_each(any_scene: Scene) -> None:
    one, other = EventId("$one"), EventId("$other")
    for count in (1, 2, 3):
        async with any_scene.database.transaction() as db:
            assert await sightings.failed_once_more(db, one, now=NOW) == count
    async with any_scene.database.reading() as db:
        assert (await sightings.tries(db, one), await sightings.tries(db, other)) == (3, 0)


async def test_every_loops_last_beat_is_known(any_scene: Scene) -> None:
    for name, now in (("bridge", NOW), ("homeserver", NOW), ("bridge", NOW + MINUTE)):
        async with any_scene.database.transaction() as db:
            await sightings.beat(db, name, now=now)
    async with any_scene.database.reading() as db:
        assert await sightings.heartbeats(db) == {"bridge": NOW + MINUTE, "homeserver": NOW}
