"""Each act once, in order within its room, help first; who waits holds up no other room; afterwards no word is kept."""

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, text

from facilitator import outbox, rooms, sightings
from facilitator.database.tables import Act
from facilitator.ids import ActId, BotId, EventId, MatrixRoomId, RoomId, because
from facilitator.outbox import Priority, WaitingAct
from tests.cast import BEN
from tests.facilitator.scene import MAPLE, NOW, Scene
from tests.keys import Keys

MINUTE = timedelta(minutes=1)
CEDAR = MatrixRoomId("!cedar:test")
CANARY = "canary"


def act(name: str) -> ActId:
    return because("test", name)


async def put(
    scene: Scene,
    name: str,
    *,
    room: RoomId | None = None,
    priority: Priority = Priority.REPLY,
    not_after: datetime | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> bool:
    async with scene.database.transaction() as db:
        return await outbox.put(
            db, act(name), room or scene.room, utterance=name, parameters=parameters or {}, priority=priority, now=NOW,
            not_after=not_after,
        )  # fmt: skip


async def waiting(scene: Scene, now: datetime = NOW, *, bot: BotId | None = None) -> list[WaitingAct]:
    async with scene.database.reading() as db:
        return await outbox.next_acts(db, bot or scene.bot, now=now)


async def names(scene: Scene, now: datetime = NOW) -> list[str]:
    return [each.utterance for each in await waiting(scene, now)]


async def settle(scene: Scene, name: str, outcome: str = "sent") -> None:
    async with scene.database.transaction() as db:
        await outbox.settle(db, act(name), outcome, now=NOW, event_id=EventId("$e"))


async def fails(scene: Scene, name: str, *, until: datetime, why: str = outbox.UNREACHABLE) -> None:
    """It was tried, and is to be tried again."""
    async with scene.database.transaction() as db:
        await outbox.trying(db, [act(name)], now=NOW)
        await outbox.try_again(db, act(name), at=until, why=why)


async def row(scene: Scene, name: str) -> Act:
    async with scene.database.reading() as db:
        return (await db.scalars(select(Act).where(Act.id == act(name)))).one()


# ------------------------------------------------------------------------------------------------ once


async def test_the_same_cause_is_put_once_and_the_first_word_stands(any_scene: Scene) -> None:
    await any_scene.looked()
    assert [await put(any_scene, "one", parameters={"n": n}) for n in range(3)] == [True, False, False]
    (found,) = await waiting(any_scene)
    assert (found.id, found.matrix_room, found.parameters) == (act("one"), MAPLE, {"n": 0})
    await settle(any_scene, "one")
    assert not await put(any_scene, "one"), "nor again after it was said"
    assert await waiting(any_scene) == []


async def test_of_many_who_put_the_same_act_at_once_one_does(keys: Keys, any_url: str, any_scene: Scene) -> None:
    others = [keys.connect(any_url) for _ in range(6)]
    scenes = [Scene(other, any_scene.cast, any_scene.bot, any_scene.group, any_scene.room) for other in others]
    put_by = await asyncio.gather(*(put(scene, "one") for scene in scenes))
    assert sorted(put_by) == [False] * 5 + [True]
    for other in others:
        await other.close()


async def test_what_is_put_already_is_known(scene: Scene) -> None:
    await put(scene, "one")
    async with scene.database.reading() as db:
        assert await outbox.known(db, [act("one"), act("two")]) == {act("one")}
        assert await outbox.known(db, []) == frozenset()


# ------------------------------------------------------------------------------------------------ order


async def test_within_a_room_the_urgent_goes_first_and_then_the_oldest(any_scene: Scene) -> None:
    await any_scene.looked()
    order = []
    for name, priority in (
        ("reminder", Priority.REMINDER), ("welcome", Priority.WELCOME), ("reply", Priority.REPLY),
        ("next reply", Priority.REPLY), ("safety", Priority.SAFETY), ("help", Priority.HELP),
    ):  # fmt: skip
        await put(any_scene, name, priority=priority)
    while found := await names(any_scene):
        order += found
        await settle(any_scene, found[0])
    assert order == ["help", "safety", "reply", "next reply", "reminder", "welcome"]


async def test_rooms_with_a_call_for_help_go_before_rooms_that_waited_longer(scene: Scene) -> None:
    _, cedar = await scene.another_group()
    await scene.looked()
    await scene.looked(room=cedar, matrix=CEDAR)
    await put(scene, "reminder", priority=Priority.REMINDER)
    await put(scene, "help", room=cedar, priority=Priority.HELP)
    assert [(each.utterance, each.matrix_room) for each in await waiting(scene)] == [
        ("help", CEDAR),
        ("reminder", MAPLE),
    ]
    async with scene.database.reading() as db:
        assert [each.utterance for each in await outbox.next_acts(db, scene.bot, now=NOW, limit=1)] == ["help"]


async def test_a_retry_that_waits_holds_up_its_own_room_and_no_other(any_scene: Scene) -> None:
    scene = any_scene
    _, cedar = await scene.another_group()
    await scene.looked()
    await scene.looked(room=cedar, matrix=CEDAR)
    for name, room in (("first", scene.room), ("second", scene.room), ("other", cedar)):
        await put(scene, name, room=room)
    await fails(scene, "first", until=NOW + MINUTE)
    assert await names(scene) == ["other"]
    async with scene.database.reading() as db:
        assert await outbox.next_try(db, scene.bot) == NOW + MINUTE
    assert sorted(await names(scene, NOW + MINUTE)) == ["first", "other"]


async def test_help_overtakes_a_retry_that_waits(scene: Scene) -> None:
    await scene.looked()
    await put(scene, "first")
    await fails(scene, "first", until=NOW + MINUTE)
    assert await names(scene) == []
    await put(scene, "help", priority=Priority.HELP)
    assert await names(scene) == ["help"]
    await settle(scene, "help")
    assert await names(scene) == []


async def test_what_was_put_by_a_clock_that_ran_ahead_is_said_at_once(scene: Scene) -> None:
    await scene.looked()
    await put(scene, "one")
    assert await names(scene, NOW - MINUTE) == ["one"]


# ------------------------------------------------------------------------------------------------ where


async def test_only_a_room_that_is_known_and_encrypted_is_spoken_in(any_scene: Scene) -> None:
    scene = any_scene
    await put(scene, "one")
    assert await names(scene) == [], "nothing was seen of the room"
    async with scene.database.transaction() as db:
        await sightings.found(db, scene.room, MAPLE, now=NOW)
    assert await names(scene) == [], "its encryption was not seen"
    await scene.looked(revision=None)
    assert await names(scene) == ["one"]
    async with scene.database.transaction() as db:
        await sightings.lost(db, scene.room, now=NOW)
    assert await names(scene) == [], "we are no longer in it"


async def test_another_bots_rooms_are_not_ours_to_speak_in(scene: Scene) -> None:
    await scene.looked()
    await put(scene, "one")
    assert await waiting(scene, bot=BotId("other")) == []


async def test_in_a_direct_room_nothing_is_said_until_the_person_is_there(any_scene: Scene) -> None:
    scene = any_scene
    async with scene.database.transaction() as db:
        direct = await rooms.direct_with(db, BEN, now=NOW)
        await rooms.take_charge(db, scene.bot)
    await scene.looked(room=direct)
    await put(scene, "one", room=direct)
    for membership, said in (("invite", []), ("join", ["one"]), ("leave", [])):
        async with scene.database.transaction() as db:
            await sightings.people_seen(db, direct, {BEN: membership}, now=NOW)
        assert await names(scene) == said


# ------------------------------------------------------------------------------------------------ tries and time


async def test_tries_are_counted_from_the_first(any_scene: Scene) -> None:
    await any_scene.looked()
    await put(any_scene, "one")
    for minute in range(3):
        async with any_scene.database.transaction() as db:
            await outbox.trying(db, [act("one")], now=NOW + minute * MINUTE)
    (found,) = await waiting(any_scene)
    assert (found.attempts, found.first_try) == (3, NOW)


async def test_what_it_is_too_late_to_say_is_settled_unless_it_was_tried(any_scene: Scene) -> None:
    scene = any_scene
    await scene.looked()
    for name, not_after in (("late", NOW), ("tried", NOW), ("timely", NOW + MINUTE), ("whenever", None)):
        await put(scene, name, not_after=not_after, parameters={"word": CANARY})
    await fails(scene, "tried", until=NOW)
    for found in (True, False):
        async with scene.database.transaction() as db:
            assert await outbox.any_late(db, now=NOW) is found
            assert await outbox.expire(db, now=NOW) == found
    assert ((await row(scene, "late")).outcome, (await row(scene, "late")).parameters) == ("too_late", None)
    assert [(await row(scene, name)).outcome for name in ("tried", "timely", "whenever")] == [None] * 3


async def test_only_what_could_not_reach_the_homeserver_is_hurried_when_it_is_back(any_scene: Scene) -> None:
    scene = any_scene
    _, cedar = await scene.another_group()
    await scene.looked()
    await scene.looked(room=cedar, matrix=CEDAR)
    await put(scene, "unreachable")
    await put(scene, "slow", room=cedar)
    await fails(scene, "unreachable", until=NOW + MINUTE)
    await fails(scene, "slow", until=NOW + MINUTE, why=outbox.SLOW_DOWN)
    async with scene.database.transaction() as db:
        await outbox.reachable_again(db, BotId("other"), now=NOW)
    assert await names(scene) == []
    async with scene.database.transaction() as db:
        await outbox.reachable_again(db, scene.bot, now=NOW)
    assert await names(scene) == ["unreachable"]


# ------------------------------------------------------------------------------------------------ what is kept


@pytest.mark.parametrize("outcome", ["sent", "failed", "too_late"])
async def test_what_would_be_said_is_sealed_and_wiped_when_it_is_settled(any_scene: Scene, outcome: str) -> None:
    scene = any_scene
    await scene.looked()
    await put(scene, "one", parameters={"word": CANARY})
    (found,) = await waiting(scene)
    assert found.parameters == {"word": CANARY} and CANARY not in repr(found)

    async def kept() -> Any:
        async with scene.database.reading() as db:
            return await db.scalar(text("SELECT parameters FROM outbox"))

    assert CANARY.encode() not in bytes(await kept())
    await settle(scene, "one", outcome)
    assert await kept() is None
    settled = await row(scene, "one")
    assert (settled.outcome, settled.settled, settled.next_try, settled.event_id) == (outcome, NOW, None, "$e")


async def test_a_clock_that_was_set_makes_waiting_acts_due_and_no_settled_one(any_scene: Scene) -> None:
    await any_scene.looked()
    await put(any_scene, "one")
    await fails(any_scene, "one", until=NOW + timedelta(hours=2))
    async with any_scene.database.transaction() as db:
        await outbox.clock_was_set(db, any_scene.bot, now=NOW)
    assert await names(any_scene) == ["one"]


async def test_words_of_ours_are_named_by_their_events(any_scene: Scene) -> None:
    await put(any_scene, "one")
    await settle(any_scene, "one")
    async with any_scene.database.reading() as db:
        assert await outbox.already_said(db, [EventId("$e"), EventId("$other")]) == {"$e"}


async def test_what_a_room_was_told_before_is_not_searched_through_for_the_next_number(scene: Scene) -> None:
    assert scene.database.file is not None
    asked: list[str] = []
    event.listen(scene.database._engine.sync_engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    await put(scene, "one")
    (inserted,) = [said for said in asked if said.startswith("INSERT INTO outbox")]
    with closing(sqlite3.connect(scene.database.file)) as file:
        plan = file.execute(f"EXPLAIN QUERY PLAN {inserted}", (None,) * inserted.count("?")).fetchall()
    found = " ".join(str(row) for row in plan)
    assert "ix_outbox_of_room" in found and "SCAN" not in found
