"""What is over goes in small lots; whatever keeps us from saying something twice stays."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from facilitator import encryption_health, outbox, pruning, renewals, sightings, strangers, unread
from facilitator.agenda import Agenda
from facilitator.database.tables import (
    Act,
    FormerRoom,
    JournalEntry,
    KeySighting,
    Member,
    MembershipSighting,
    Room,
    SetAside,
    Stranger,
    Table,
    UnreadableEvent,
)
from facilitator.ids import EventId, MatrixRoomId, because
from facilitator.outbox import Priority
from facilitator.schedule import put_reminder
from tests.cast import BEN, EVE
from tests.facilitator.scene import MAPLE, NOW, Scene

DAY = timedelta(days=1)
LATER = NOW + 91 * DAY


async def prune(scene: Scene, *, days: int = 91, at_once: int = pruning.AT_ONCE) -> bool:
    async with scene.database.transaction() as db:
        return await pruning.prune(db, now=NOW + days * DAY, at_once=at_once)


async def put(scene: Scene, utterance: str, *cause: object, after: timedelta = timedelta()) -> bool:
    async with scene.database.transaction() as db:
        return await outbox.put(
            db, because(utterance, *cause), scene.room, utterance=utterance, parameters={}, priority=Priority.REPLY,
            now=NOW + after,
        )  # fmt: skip


async def settle_all(scene: Scene) -> None:
    async with scene.database.transaction() as db:
        for act in await db.scalars(select(Act.id).where(Act.outcome.is_(None))):
            await outbox.settle(db, act, "sent", now=NOW, event_id=EventId(f"${act}"))


async def said(scene: Scene) -> list[str]:
    async with scene.database.reading() as db:
        return sorted(await db.scalars(select(Act.utterance)))


async def number_of(scene: Scene, table: type[Table]) -> int:
    async with scene.database.reading() as db:
        return await db.scalar(select(func.count()).select_from(table)) or 0


async def test_old_reminders_and_answers_go_and_all_that_may_be_caused_again_stays(any_scene: Scene) -> None:
    scene = any_scene
    over = pruning.SAID_FOR_ITS_MOMENT
    for_good = (
        "welcome",
        "help",
        "help_again",
        "confirm_device",
        "backstage_welcome",
        "not_our_room",
        "moving",
        "name_put_back",
    )
    for utterance in (*over, *for_good):
        await put(scene, utterance)
    await settle_all(scene)
    await prune(scene, days=90)
    assert len(await said(scene)) == len(over) + len(for_good)
    await prune(scene)
    assert await said(scene) == sorted(for_good)
    assert not any([await put(scene, utterance, after=91 * DAY) for utterance in for_good])


async def test_what_is_still_to_be_said_is_never_deleted(any_scene: Scene) -> None:
    await put(any_scene, "commands")
    await prune(any_scene, days=4_000)
    assert await said(any_scene) == ["commands"]


async def test_a_room_that_has_to_be_searched_for_what_was_said_keeps_its_acts(any_scene: Scene) -> None:
    await put(any_scene, "commands")
    await settle_all(any_scene)
    await put(any_scene, "help")
    async with any_scene.database.transaction() as db:
        await outbox.trying(db, [because("help")], now=NOW)
    await prune(any_scene)
    assert await said(any_scene) == ["commands", "help"]
    await settle_all(any_scene)
    await prune(any_scene)
    assert await said(any_scene) == ["help"]


async def test_a_reminder_is_not_said_twice(any_scene: Scene) -> None:
    scene = any_scene
    await scene.schedule()

    async def remind(now_after: timedelta) -> int:
        agenda = Agenda(scene.bot, [DAY, timedelta(minutes=20)])
        async with scene.database.transaction() as db:
            day = await agenda.look(db, now=NOW + now_after)
            return sum([await put_reminder(db, each, now=NOW + now_after) for each in day.due])

    assert await remind(timedelta()) == 1
    await settle_all(scene)
    await prune(scene, days=0)
    assert await remind(timedelta()) == 0
    await prune(scene)
    assert await said(scene) == []
    assert await remind(91 * DAY) <= 1  # of another session, if any
    await settle_all(scene)
    await prune(scene)
    assert await remind(91 * DAY) == 0


async def test_who_comes_into_a_room_made_anew_after_years_is_not_welcomed_twice(any_scene: Scene) -> None:
    scene = any_scene
    await scene.invite()
    await scene.joined()
    await settle_all(scene)
    await prune(scene, days=4_000)
    async with scene.database.transaction() as db:
        await db.execute(update(Member).values(standing="invited"))
    await scene.joined(now=NOW + 4_000 * DAY)
    (welcome,) = await scene.welcomes()
    assert welcome.outcome == "sent"


async def test_somebody_is_told_of_their_device_once_however_long_ago(any_scene: Scene) -> None:
    async def mention() -> None:
        async with any_scene.database.transaction() as db:
            await encryption_health.mention(db, BEN, now=LATER)

    await mention()
    await settle_all(any_scene)
    await prune(any_scene, days=4_000)
    await mention()
    async with any_scene.database.reading() as db:
        assert list(await db.scalars(select(Act.outcome))) == ["sent"]


async def test_rooms_left_behind_go_a_year_after_we_left_but_the_latest(any_scene: Scene) -> None:
    scene = any_scene
    async with scene.database.transaction() as db:
        for name, since, left in (("a", 0, 1), ("b", 1, None), ("c", 2, 300), ("d", 3, 3)):
            gone = None if left is None else NOW + left * DAY
            room = MatrixRoomId(f"!{name}")
            db.add(FormerRoom(matrix_room=room, room_id=scene.room, why="moved", since=NOW + since * DAY, left=gone))
    await prune(scene, days=367)
    async with scene.database.reading() as db:
        assert sorted(await db.scalars(select(FormerRoom.matrix_room))) == ["!b", "!c", "!d"]
        assert await renewals.latest_former(db, scene.room) == "!d"


async def test_of_a_closed_room_it_is_not_kept_who_was_seen_there(any_scene: Scene) -> None:
    scene = any_scene
    await scene.invite()
    await scene.people_seen(ben="join")
    async with scene.database.transaction() as db:
        await encryption_health.expect(db, scene.room, [BEN], now=NOW)
        await strangers.noticed(db, scene.room, [EVE], due=NOW)
    seen = (MembershipSighting, KeySighting, Stranger)
    await prune(scene, days=1)
    assert [await number_of(scene, table) for table in seen] == [1, 1, 1]
    async with scene.database.transaction() as db:
        await db.execute(update(Room).where(Room.id == scene.room).values(closed=NOW))
    await prune(scene, days=1)
    assert [await number_of(scene, table) for table in seen] == [0, 0, 0]


async def test_strangers_of_old_and_what_was_set_aside_or_unread_go_after_a_fortnight(any_scene: Scene) -> None:
    scene = any_scene
    async with scene.database.transaction() as db:
        await strangers.noticed(db, scene.room, [EVE], due=NOW)
        await sightings.failed_once_more(db, EventId("$bad"), now=NOW)
        await unread.could_not_read(db, EventId("$dark"), room=MAPLE, session_id="s", sender=EVE, now=NOW)
    kept = (Stranger, SetAside, UnreadableEvent)
    await prune(scene, days=14)
    assert [await number_of(scene, table) for table in kept] == [1, 1, 1]
    await prune(scene, days=15)
    assert [await number_of(scene, table) for table in kept] == [0, 0, 0]


async def test_it_goes_in_lots_of_the_size_that_was_asked_for(any_scene: Scene) -> None:
    for n in range(5):
        await put(any_scene, "commands", n)
    await settle_all(any_scene)
    assert await prune(any_scene, at_once=2)
    assert len(await said(any_scene)) == 3
    assert await prune(any_scene, at_once=2)
    assert not await prune(any_scene, at_once=2)
    assert await said(any_scene) == []


async def test_the_journal_stays(scene: Scene) -> None:
    before = await number_of(scene, JournalEntry)
    await prune(scene, days=4_000)
    assert await number_of(scene, JournalEntry) == before > 0


async def statements(scene: Scene, ask: Callable[[], Awaitable[object]]) -> int:
    before = scene.database.statements
    await ask()
    return scene.database.statements - before


@pytest.mark.parametrize("rows", [1, 50])
async def test_it_takes_one_statement_for_each_table(scene: Scene, rows: int) -> None:
    for n in range(rows):
        await put(scene, "commands", n)
    await settle_all(scene)
    assert await statements(scene, lambda: prune(scene)) == 11
