"""A group's room goes on in another one: upgraded or made anew by us, or replaced by somebody who may.

Nothing here has a transaction id, so each step is found again: the new room by its marker and its predecessor, what was
announced by its cause, the closing of the old room by how it is. A death anywhere costs the steps again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from bridge.house import House
from bridge.matrix.homeserver import CreateRoom, FoundRoom, Invite, Rejected, Remove, SetState, TheirFault
from bridge.plan import HIGHEST, needs, obstacles, plan, power_of
from facilitator import renewals, sightings
from facilitator.ids import MatrixRoomId, RoomId, UserId
from facilitator.rules.user_id import server_of
from facilitator.rules.wanted_room import WantedRoom

log = structlog.get_logger(__name__)
ROUNDS = 4
SOON = timedelta(seconds=5)
TOMBSTONE = "m.room.tombstone"
CLOSED = "room_closed"
"""Somebody has closed the room, and nobody who may has said where it goes on."""
NOT_ASKED = "room_moved"
"""Somebody who may has put another room in its place, and the bot was not asked into that."""


def may_close(wanted: WantedRoom, found: FoundRoom, by: UserId) -> bool:
    """Whose word it is that a room goes on elsewhere: the house's and its facilitators', if they had the power."""
    ours = by in wanted.house or by in wanted.power_levels["users"]
    return ours and power_of(found, by) >= needs(found, TOMBSTONE)


def closing(old: FoundRoom, new: MatrixRoomId, bot: UserId) -> Iterator[SetState]:
    """What is left to do so that the old room leads to the new one, and nobody speaks there any more."""
    power = power_of(old, bot)
    if old.tombstone is None and power >= needs(old, TOMBSTONE):
        yield SetState(old.room, TOMBSTONE, {"body": "This room goes on elsewhere.", "replacement_room": new})
    levels = dict(old.power_levels)
    events = levels.get("events")
    quiet: dict[str, Any] = {
        "events_default": HIGHEST,
        "invite": HIGHEST,
        "events": {kind: _at_least(level) for kind, level in events.items()} if isinstance(events, dict) else {},
    }
    if power >= max(needs(old, "m.room.power_levels"), HIGHEST) and levels | quiet != levels:
        yield SetState(old.room, "m.room.power_levels", levels | quiet)


def _at_least(level: object) -> int:
    return max(level, HIGHEST) if type(level) is int else HIGHEST


class Mover:
    """Of one account."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._waits: dict[RoomId, timedelta] = {}
        """How long each upgrade that is not complete yet waits for its next try."""

    async def follow(self, wanted: WantedRoom, found: FoundRoom) -> tuple[bool, str | None]:
        """Where somebody has said the room goes on. Returns whether we have moved there; if not, what is in the way."""
        stone = found.tombstone
        if stone is None:
            return False, None
        if not may_close(wanted, found, stone.by) or stone.replacement is None:
            return False, CLOSED
        async with self._house.database.transaction() as db:
            await renewals.announced(db, wanted.marker, stone.replacement)
        new = await self._enter(stone.replacement, via=server_of(stone.by))
        if new is None:
            return False, NOT_ASKED
        if new.predecessor != found.room:
            await self._turn_away(wanted, new)
            return False, CLOSED
        await self._moved(wanted, new.room, why="replaced")
        return True, None

    async def _turn_away(self, wanted: WantedRoom, other: FoundRoom) -> None:
        """It is not where our room goes on: we have no business there."""
        house = self._house
        async with house.database.transaction() as db:
            await renewals.announced(db, wanted.marker, None)
            ours = await sightings.room_of(db, other.room) is not None
        if not ours and other.made_by != house.homeserver.user_id:
            await house.homeserver.decline(other.room)

    async def _enter(self, room: MatrixRoomId, *, via: str) -> FoundRoom | None:
        """`via`: the server of whoever says the room is there; its id names none."""
        homeserver = self._house.homeserver
        try:
            return await homeserver.look(room)
        except Rejected:
            pass
        try:
            await homeserver.accept(room, via=[via])
            return await homeserver.look(room)
        except (Rejected, TheirFault) as error:
            log.info("replacement not entered", why=type(error).__name__)
            return None

    async def upgrade(self, wanted: WantedRoom, found: FoundRoom) -> bool:
        """One agreed upgrade, as far as it goes now. Returns whether the room has moved.

        The homeserver's own upgrade would lose our marker, so the new room is made as every room of ours is."""
        new = await self._new_room(wanted, found.room)
        if new is None:
            return False
        now = self._house.clock.now()
        async with self._house.database.transaction() as db:  # one, so that nothing is begun in the old room meanwhile
            if not await renewals.say_where(db, wanted.marker, found.room, now=now):
                return False
            await renewals.moved(db, wanted.marker, new.room, why="upgraded", now=now)
        return True

    async def _new_room(self, wanted: WantedRoom, old: MatrixRoomId) -> FoundRoom | None:
        """Encrypted and complete, with nobody in it but us; None while it is not."""
        homeserver = self._house.homeserver
        alone = replace(wanted, people=frozenset(), unwelcome=frozenset())
        room = await homeserver.find(wanted.marker, follows=old)
        for _ in range(ROUNDS):
            found = None if room is None else await homeserver.look(room)
            steps = plan(alone, found)
            if found is not None and not steps:
                clear = any(obstacle.code == "no_power" for obstacle in obstacles(alone, found))
                return None if clear else found
            for step in steps:
                if isinstance(step, CreateRoom):
                    room = await homeserver.create(replace(step, predecessor=old))
                else:
                    assert isinstance(step, SetState | Invite | Remove)
                    await homeserver.take(step)
        return None

    async def begin_anew(self, room_id: RoomId) -> bool:
        """The room is lost. Whether somebody agreed to a new one, or none has to: the reconciler makes it."""
        now = self._house.clock.now()
        async with self._house.database.transaction() as db:
            if not await renewals.to_be_remade(db, room_id, now=now):
                return False
            await renewals.moved(db, room_id, None, why="remade", now=now)
        return True

    async def see_to(self, wanted: WantedRoom, found: FoundRoom) -> tuple[bool, datetime | None]:
        """What years bring, in a room that is as it should be otherwise. Returns whether it has moved; if not, when to
        look at it again for that."""
        async with self._house.database.reading() as db:
            renewal, formers = await renewals.wanted(db, wanted.marker), await renewals.former(db, wanted.marker)
        if renewal == "upgrade":
            moved, wait = await self.upgrade(wanted, found), self._waits.pop(wanted.marker, SOON)
            if not moved:
                self._waits[wanted.marker] = min(2 * wait, sightings.LONGEST_WAIT)
            return moved, self._house.clock.now() + wait
        if renewal == "remake":
            async with self._house.database.transaction() as db:
                await renewals.not_needed(db, wanted.marker)
        return False, await self.close_behind(wanted, found, formers)

    async def _moved(self, wanted: WantedRoom, to: MatrixRoomId, *, why: str) -> None:
        async with self._house.database.transaction() as db:
            await renewals.moved(db, wanted.marker, to, why=why, now=self._house.clock.now())

    async def close_behind(
        self, wanted: WantedRoom, found: FoundRoom, formers: Sequence[renewals.Former]
    ) -> datetime | None:
        """Lead on from the rooms this one was in before, and leave them once everybody has come over or had a month
        to. Returns when to see to them again."""
        house = self._house
        again: list[datetime] = []
        for former in formers:
            over = former.since + renewals.CLOSED_AFTER
            if await self._close(wanted, found, former.matrix_room, late=house.clock.now() >= over):
                async with house.database.transaction() as db:
                    await renewals.left(db, former.matrix_room, now=house.clock.now())
            else:
                again.append(over)
        return min(again, default=None)

    async def _close(self, wanted: WantedRoom, found: FoundRoom, room: MatrixRoomId, *, late: bool) -> bool:
        """Returns whether we are out of it."""
        homeserver = self._house.homeserver
        try:
            old = await homeserver.look(room)
            for step in closing(old, found.room, homeserver.user_id):
                await homeserver.take(step)
        except Rejected:  # we are out of it, or have no say there any more: then nothing is left to do in it
            await homeserver.decline(room)
            return True
        inside = {user for user, is_now in old.members.items() if is_now == "join"} - wanted.house
        came_over = {user for user, is_now in found.members.items() if is_now == "join"}
        if not late and inside - came_over:
            return False
        await homeserver.decline(room)
        return True
