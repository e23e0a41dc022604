"""Keys handed out shortly before they are needed: a reminder that falls due is one request, whatever happened before.

A few minutes ahead and all rooms together; what is not done when the moment comes is done with the message, as it
would be without.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from bridge.house import House
from facilitator import sightings
from facilitator.ids import RoomId

LEAD = timedelta(minutes=5)
"""Long enough for a server that is slow, short enough that who joins meanwhile is the exception."""
AT_MOST = 500
"""Rooms in one go; more than that share their keys with their messages."""
WITHIN = timedelta(seconds=10)
"""A homeserver that does not answer keeps nobody from telling the time for longer."""


class Warming:
    """Each moment's room is seen to once."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._seen_to: set[tuple[RoomId, datetime]] = set()

    async def see_to(self, moments: Iterable[tuple[RoomId, datetime]]) -> None:
        """`moments`: where something will be said by when, all that is near."""
        near = list(moments)
        rooms = list(dict.fromkeys(room for room, when in near if (room, when) not in self._seen_to))[:AT_MOST]
        self._seen_to = set(near)
        if not rooms:
            return
        async with self._house.database.reading() as db:
            where = await sightings.can_be_spoken_in(db, rooms)
        with suppress(TimeoutError):
            async with asyncio.timeout(WITHIN.total_seconds()):
                await self._house.homeserver.share_soon(
                    [where[room] for room in rooms if room in where], margin=2 * LEAD
                )
