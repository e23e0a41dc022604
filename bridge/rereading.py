"""What could not be read when it came, asked for again once its key may be here: a few with each pass.

One key may open a thousand messages, and one of them may be what a homeserver stumbles over: neither may keep the house
from hearing what is said now.
"""

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress

import structlog

from bridge.heard import Heard, Unreadable
from bridge.house import House
from bridge.matrix.homeserver import Rejected, TheirFault, TryLater
from facilitator.ids import EventId, MatrixRoomId

log = structlog.get_logger(__name__)
AT_ONCE = 20
TRIES = 3
Where = tuple[MatrixRoomId, EventId]


class Rereading:
    """Of one account. `some` asks for the next few; they are behind us once `done` is called, so that what could not be
    written down is asked for again."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._waiting: list[Where] = []
        self._at_once, self._asked = AT_ONCE, 0
        self._in_vain: Counter[Where] = Counter()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, waiting: Iterable[Where]) -> None:
        """What a key has just come for goes first: somebody waits for an answer to it."""
        fresh = dict.fromkeys(waiting)
        self._waiting = [*fresh, *(each for each in self._waiting if each not in fresh)]

    async def some(self) -> tuple[Heard, ...] | None:
        """What can be read of the next few. None when the homeserver did not let us; a later pass asks again."""
        few, self._asked = self._waiting[: self._at_once], 0
        try:
            read = await self._read_again(few)
        except TryLater as error:
            log.info("what stood unread waits", why=error.why)
            if isinstance(error, TheirFault):
                self._failed(few)
            return None
        self._asked, self._at_once = len(few), min(2 * self._at_once, AT_ONCE)
        return read

    def done(self) -> None:
        for each in self._waiting[: self._asked]:
            self._in_vain.pop(each, None)
        del self._waiting[: self._asked]
        self._asked = 0

    def _failed(self, few: list[Where]) -> None:
        """One of these is what it stumbles over: fewer, until it is found. It then goes last, and after a few times no
        more; its place is kept, and a key or the next start brings it back."""
        self._at_once = max(len(few) // 2, 1)
        if len(few) > 1:
            return
        self._in_vain[few[0]] += 1
        del self._waiting[0]
        if self._in_vain[few[0]] < TRIES:
            self._waiting.append(few[0])
        else:
            del self._in_vain[few[0]]

    async def _read_again(self, few: list[Where]) -> tuple[Heard, ...]:
        by_room: dict[MatrixRoomId, list[EventId]] = {}
        for room, event in few:
            by_room.setdefault(room, []).append(event)
        read: list[Heard] = []
        for room, events in by_room.items():
            with suppress(Rejected):  # we are out of it
                read += await self._house.homeserver.read_again(room, events)
        return tuple(event for event in read if not isinstance(event, Unreadable))
