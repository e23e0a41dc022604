"""What could not be read: found by the key that comes, and never more of it than is kept on purpose."""

from datetime import timedelta

from facilitator import unread
from facilitator.ids import EventId, MatrixRoomId
from tests.cast import BEN
from tests.facilitator.scene import MAPLE, NOW, Scene

CEDAR = MatrixRoomId("!cedar:test")


async def test_what_could_not_be_read_is_found_by_the_key_that_comes(any_scene: Scene) -> None:
    cedar, e = MatrixRoomId("!cedar:test"), [EventId(f"$e{n}") for n in range(4)]
    async with any_scene.database.transaction() as db:
        for event, room, session in ((e[0], MAPLE, "a"), (e[1], MAPLE, "a"), (e[2], MAPLE, "b"), (e[3], cedar, "a")):
            await unread.could_not_read(db, event, room=room, session_id=session, sender=BEN, now=NOW)
            await unread.could_not_read(db, event, room=room, session_id=session, sender=BEN, now=NOW)
        found = await unread.waiting_for(db, [(MAPLE, "a"), (cedar, "b")])
        assert found == [(MAPLE, e[0]), (MAPLE, e[1])]
        assert await unread.read_at_last(db, e[0])
        assert not await unread.read_at_last(db, e[0])
        assert await unread.waiting_for(db, [(MAPLE, "a"), (cedar, "a")]) == [(MAPLE, e[1]), (cedar, e[3])]
        assert await unread.waiting_for(db, []) == []


async def test_only_the_latest_of_very_much_is_tried_in_order(any_scene: Scene) -> None:
    async with any_scene.database.transaction() as db:
        for number in range(30):
            when = NOW + timedelta(minutes=number)
            await unread.could_not_read(
                db, EventId(f"$e{number:02}"), room=MAPLE, session_id="lost", sender=BEN, now=when
            )
        assert await unread.latest(db, limit=5) == [(MAPLE, f"$e{number}") for number in range(25, 30)]


async def test_what_is_older_than_two_weeks_is_let_go(any_scene: Scene) -> None:
    async with any_scene.database.transaction() as db:
        for days in (0, 1, 15):
            when = NOW + timedelta(days=days)
            await unread.could_not_read(db, EventId(f"$day{days}"), room=MAPLE, session_id="lost", sender=BEN, now=when)
        assert await unread.latest(db) == [(MAPLE, "$day1"), (MAPLE, "$day15")]


async def test_a_room_holds_no_more_than_its_newest_and_takes_nothing_from_another(any_scene: Scene) -> None:
    many = unread.KEPT_PER_ROOM + 3
    async with any_scene.database.transaction() as db:
        await unread.could_not_read(db, EventId("$old"), room=CEDAR, session_id="lost", sender=BEN, now=NOW)
        for number in range(many):
            when = NOW + timedelta(seconds=number)
            await unread.could_not_read(
                db, EventId(f"$e{number:04}"), room=MAPLE, session_id="lost", sender=BEN, now=when
            )
        kept = await unread.latest(db, limit=2 * many)
    assert kept == [(CEDAR, "$old"), *((MAPLE, f"$e{number:04}") for number in range(3, many))]
