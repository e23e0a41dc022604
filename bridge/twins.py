"""Rooms of ours that come about late: asked for while the line broke, made after all, when another was in use by then.

Nobody was asked in there, so they are left. Nobody waits for that either, and a look may hang: each is seen to in a
pass of its own, after what was heard is written down, and whatever fails is put off. What was heard of them dies with
the process: some time after a start, whatever room nobody knows of is seen to.
"""

from contextlib import suppress
from datetime import timedelta
from functools import partial

from bridge.adoption import is_ours, tried
from bridge.heard import MembershipChanged, Sync
from bridge.house import House
from bridge.matrix.homeserver import Rejected, TryLater
from facilitator import renewals, sightings
from facilitator.ids import EventId, MatrixRoomId

PLACED_WITHIN = timedelta(minutes=2)
"""A room we made is known by then, or another was made in its place."""


class Twins:
    """Of one account."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._not_placed: dict[MatrixRoomId, float] = {}
        """Rooms we have come into, and when it is to be seen what for, by the monotonic clock."""
        self._recalls: float | None = self._later()
        """When it is asked which rooms we came into before this start; None: it was."""

    def hear(self, sync: Sync) -> None:
        """Note the rooms we came into, and forget those we are out of. It asks nothing of anybody."""
        us = self._house.homeserver.user_id
        for event in sync.events:
            if isinstance(event, MembershipChanged) and event.user == event.sender == us and event.membership == "join":
                self._not_placed.setdefault(event.room, self._later())
        for room, is_now in sync.ours.items():
            if is_now != "join":
                self._not_placed.pop(room, None)

    @property
    def are_due(self) -> bool:
        return self._is_to_recall() or any(map(self._is_due, self._not_placed))

    async def see_to_one(self) -> bool:
        """The one that is due for longest. Returns whether that is over and done with."""
        if self._is_to_recall():
            return await self._recall()
        room = min(self._not_placed, key=self._not_placed.__getitem__)
        put_off: list[TryLater] = []
        try:
            await tried(self._house, EventId(f"twin {room}"), partial(self._see_to, room), put_off)
        except TryLater as error:  # we are to go slower
            put_off.append(error)
        if put_off:
            self._not_placed[room] = self._later(put_off[0].after)
        elif self._is_due(room):
            del self._not_placed[room]
        return room not in self._not_placed

    def _is_to_recall(self) -> bool:
        return self._recalls is not None and self._recalls <= self._house.clock.monotonic()

    async def _recall(self) -> bool:
        """Which rooms we are in that are not known as ours: each has its time to be placed, as if just come into."""
        try:
            joined = await self._house.homeserver.joined()
        except (TryLater, Rejected) as error:
            self._recalls = self._later(error.after if isinstance(error, TryLater) else PLACED_WITHIN)
            return False
        async with self._house.database.reading() as db:
            ours = await renewals.every_room(db)
        for room in joined - ours:
            self._not_placed.setdefault(room, self._later())
        self._recalls = None
        return True

    def _is_due(self, room: MatrixRoomId) -> bool:
        return self._not_placed[room] <= self._house.clock.monotonic()

    def _later(self, after: timedelta = PLACED_WITHIN) -> float:
        return self._house.clock.monotonic() + max(after, PLACED_WITHIN).total_seconds()

    async def _see_to(self, room: MatrixRoomId) -> None:
        """Leave it, if another is used and nobody is in it."""
        if await is_ours(self._house, room):
            return
        with suppress(Rejected):  # we are out of it already
            found = await self._house.homeserver.look(room)
            there = {user for user, membership in found.members.items() if membership in sightings.THERE}
            if found.marker is None or not there <= {self._house.homeserver.user_id, self._house.recovery}:
                return
            async with self._house.database.reading() as db:
                used = await sightings.matrix_room(db, found.marker)
            if used in (None, found.predecessor):  # it may become the one
                self._not_placed[room] = self._later()
            else:
                await self._house.homeserver.decline(room)
