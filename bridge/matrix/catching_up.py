"""Give late keys in the background: what it waits for, a server that was away, must hold up neither word nor ear."""

import asyncio

from bridge.matrix.homeserver import HomeserverError, Rejected
from bridge.matrix.known import Rooms
from bridge.matrix.sharing import Sharing
from facilitator.ids import MatrixRoomId


class CatchingUp:
    """One round at a time through the rooms where a key is owed. It is begun when one comes to be, and with all that
    is heard; a server that gave no answer is not asked again with each."""

    def __init__(self, sharing: Sharing, rooms: Rooms) -> None:
        self._sharing, self._rooms = sharing, rooms
        self._round: asyncio.Task[None] | None = None
        self._once_more = False

    def begin(self) -> None:
        """Begin a round if there is anything to give; another after it where one is under way."""
        if self._sharing.debts:
            self._once_more = True
            if self._round is None or self._round.done():
                self._round = asyncio.ensure_future(self._go_round())

    async def _go_round(self) -> None:
        try:
            while self._once_more:
                self._once_more = False
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
