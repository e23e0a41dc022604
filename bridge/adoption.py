"""Rooms we have come into: taken as the direct room of the one who made it, or left.

This goes with the hearing, since what was said there before is about to be handled. What does not succeed is tried
three times, counted in the database, and then left alone: no room keeps the house from hearing everybody else.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

import structlog

from bridge.heard import Sync
from bridge.house import House, LeaseLost, one_line
from bridge.matrix.homeserver import FoundRoom, KnownRoom, Rejected, SignedOut, SlowDown, TryLater
from facilitator import members, renewals, rooms, sightings
from facilitator.database import Unavailable
from facilitator.ids import EventId, MatrixRoomId, UserId

log = structlog.get_logger(__name__)
TRIES = 3
AGAIN = timedelta(seconds=1)


async def tried_in_vain(house: House, event_id: EventId) -> bool:
    """Count a try that failed, in a transaction of its own. Returns whether it was the last."""
    async with house.database.transaction() as db:
        return await sightings.failed_once_more(db, event_id, now=house.clock.now()) >= TRIES


async def tried(house: House, key: EventId, work: Callable[[], Awaitable[None]], again: list[TryLater]) -> bool:
    """At most three times; what has to be tried again goes to `again`. Returns whether to go on: it was done, or
    given up. A homeserver that asks us to go slower, and whatever ends a pass anyway, is not counted."""
    async with house.database.reading() as db:
        if await sightings.tries(db, key) >= TRIES:
            return True
    try:
        await work()
    except (SlowDown, SignedOut, LeaseLost, Unavailable):
        raise
    except Exception as error:
        bug = None if isinstance(error, TryLater) else error
        log.warning("room failed", error=one_line(error), exc_info=bug)
        if await tried_in_vain(house, key):
            log.error("room set aside")  # the key names it, and no log may
        else:
            again.append(error if isinstance(error, TryLater) else TryLater("room failed", AGAIN))
            return False
    return True


async def is_ours(house: House, room: MatrixRoomId) -> bool:
    async with house.database.reading() as db:
        return await sightings.room_of(db, room) is not None or await renewals.was_in(db, room) is not None


class Adoption:
    """Of one account."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def take_in(self, sync: Sync, *, or_leave: bool) -> None:
        """See to every room we have come into. Raises TryLater when some of it has to be tried again with the same
        sync, but not before all of it was tried."""
        again: list[TryLater] = []
        for room in (room for room, is_now in sync.ours.items() if is_now == "join"):
            adopt = partial(self._adopt, room, again, or_leave=or_leave)
            await tried(self._house, EventId(f"adoption {room}"), adopt, again)
        if again:
            raise again[0]

    async def _adopt(self, room: MatrixRoomId, again: list[TryLater], *, or_leave: bool) -> None:
        """We are in a room that is not known as ours: take it as the direct room of the one who made it, or leave.

        A room we made ourselves is left to the reconciler, who finds it by its marker, unless there is another already;
        and the first sync of all, which names every room the account was ever in, makes us leave none.
        """
        house = self._house
        async with house.database.reading() as db:
            if await sightings.room_of(db, room) is not None:
                return
        with suppress(Rejected):  # we are out of it again already
            found = await house.homeserver.look(room)
            if found.predecessor is not None and await is_ours(house, found.predecessor):
                return  # it may have taken the place of one of ours; the reconciler sees whether
            person = await self._whose(found)
            if person is not None:
                await self._take_as_direct(found, person, again)
            elif or_leave and found.made_by != house.homeserver.user_id:
                await house.homeserver.decline(room)

    async def _whose(self, found: FoundRoom) -> UserId | None:
        """The person a direct room was made by, if it is one and they are known here."""
        others, now = found.members.keys() - {self._house.homeserver.user_id}, self._house.clock.now()
        async with self._house.database.reading() as db:
            maker = found.made_by
            fits = maker is not None and others == {maker} and found.encryption is not None
            return maker if fits and maker is not None and await members.known_here(db, maker, now=now) else None

    async def _take_as_direct(self, found: FoundRoom, person: UserId, again: list[TryLater]) -> None:
        """The newest room is the one: another one we had with them is left, so that nobody waits there in vain."""
        house, now = self._house, self._house.clock.now()
        async with house.database.transaction() as db:
            room_id = await rooms.direct_with(db, person, now=now)
            await rooms.take_charge(db, house.bot)
            before = await sightings.matrix_room(db, room_id)
        if before is not None and before != found.room:
            leave = partial(house.homeserver.decline, before)
            if not await tried(house, EventId(f"leaving {before}"), leave, again):
                return
        async with house.database.transaction() as db:
            seen = sightings.Looked(
                found.room, found.encryption, found.history_visibility, found.members, None, at=now, next_look=now
            )
            await sightings.looked(db, room_id, seen, now=now)
        known = KnownRoom(found.room, found.encryption or {}, True, found.history_visibility or "shared")
        house.homeserver.remember([known])
