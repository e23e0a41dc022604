"""Give late keys in the background: what it waits for, a server that was away, must hold up neither word nor ear."""

import asyncio
from datetime import timedelta

from bridge.matrix.homeserver import HomeserverError, Rejected
from bridge.matrix.known import Rooms
from bridge.matrix.sharing import Sharing
from facilitator.clock import Clock
from facilitator.ids import MatrixRoomId

PAUSE = timedelta(seconds=5)


class CatchingUp:
    """One round at a time through the rooms where a key is owed. Whoever listens says when: it comes by often."""

    def __init__(self, sharing: Sharing, rooms: Rooms, clock: Clock) -> None:
        self._sharing, self._rooms, self._clock = sharing, rooms, clock
        self._round: asyncio.Task[None] | None = None
        self._not_before = 0.0

    def begin(self) -> None:
        """Begin a round, unless there is nothing to give or the last one was just now."""
        resting = self._clock.monotonic() < self._not_before
        if self._sharing.debts and not resting and (self._round is None or self._round.done()):
            self._not_before = self._clock.monotonic() + PAUSE.total_seconds()
            self._round = asyncio.ensure_future(self._go_round())

    async def _go_round(self) -> None:
        try:
            for room in self._sharing.debts.rooms:
                await self._in(room)
        except HomeserverError:
            return  # our own homeserver; the next round asks again

    async def _in(self, room: MatrixRoomId) -> None:
        try:
            if room in self._rooms:
                await self._sharing.catch_up(self._rooms[room])
                return
        except Rejected:
            pass
        self._sharing.debts.only(room, ())  # we are out of it

    async def close(self) -> None:
        if self._round is not None:
            self._round.cancel()
            await asyncio.gather(self._round, return_exceptions=True)
