"""What a key opens is read a few at a time, and what a homeserver stumbles over holds up nothing else."""

from collections.abc import Collection
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

from bridge.heard import Heard, Message
from bridge.house import House
from bridge.matrix.homeserver import SlowDown, TheirFault
from bridge.rereading import AT_ONCE, TRIES, Rereading, Where
from facilitator.ids import EventId, MatrixRoomId
from tests.cast import BEN
from tests.clock import MONDAY_NOON

ROOM = MatrixRoomId("!room")


class Server:
    """Reads everything but what it stumbles over."""

    def __init__(self, *, stumbles_over: str = "", slow: bool = False) -> None:
        self.stumbles_over, self.slow = stumbles_over, slow
        self.asked: list[int] = []

    async def read_again(self, room: MatrixRoomId, events: Collection[EventId]) -> tuple[Heard, ...]:
        self.asked.append(len(events))
        if self.slow:
            raise SlowDown("rate limit", timedelta(seconds=1))
        if self.stumbles_over in events:
            raise TheirFault("HTTP 500", timedelta(seconds=5))
        return tuple(Message(room=room, event_id=e, sender=BEN, sent_at=MONDAY_NOON, body="hello") for e in events)


def rereading(server: Server) -> Rereading:
    return Rereading(cast(House, cast(Any, SimpleNamespace(homeserver=server))))


def many(count: int, name: str = "e") -> list[Where]:
    return [(ROOM, EventId(f"${name}{number:02}")) for number in range(count)]


async def everything(unread: Rereading, *, passes: int) -> list[str]:
    read: list[str] = []
    for _ in range(passes):
        some = await unread.some()
        unread.done()
        read += [event.event_id for event in some or ()]
    return read


async def test_a_few_with_each_pass_in_order() -> None:
    server = Server()
    unread = rereading(server)
    unread.add(many(45))
    assert await everything(unread, passes=3) == [event for _, event in many(45)]
    assert server.asked == [AT_ONCE, AT_ONCE, 5] and len(unread) == 0


async def test_what_was_not_written_down_is_asked_for_again() -> None:
    unread = rereading(Server())
    unread.add(many(3))
    await unread.some()
    assert len(await unread.some() or ()) == 3
    unread.done()
    assert len(unread) == 0


async def test_what_a_key_has_just_come_for_goes_first_and_nothing_stands_there_twice() -> None:
    unread = rereading(Server())
    unread.add(many(2))
    unread.add([*many(1, "new"), many(2)[1]])
    assert await everything(unread, passes=1) == ["$new00", "$e01", "$e00"]


async def test_what_the_homeserver_stumbles_over_holds_up_nothing_else_and_is_left_after_a_few_times() -> None:
    server = Server(stumbles_over="$e07")
    unread = rereading(server)
    unread.add(many(30))
    read = await everything(unread, passes=40)
    assert sorted(read) == [event for _, event in many(30) if event != "$e07"]
    assert len(unread) == 0
    assert server.asked.count(1) >= TRIES and len(server.asked) < 25
    unread.add([(ROOM, EventId("$e07"))])
    assert len(unread) == 1, "a key brings it back"


async def test_a_homeserver_that_asks_for_a_pause_gets_it_and_nothing_is_given_up() -> None:
    server = Server(slow=True)
    unread = rereading(server)
    unread.add(many(30))
    assert await everything(unread, passes=9) == [] and len(unread) == 30
    server.slow = False
    assert len(await everything(unread, passes=2)) == 30
