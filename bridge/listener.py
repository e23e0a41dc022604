"""Loop 1, Matrix → database: one sync, its effects and our cursor in one transaction.

An event that fails in our hands undoes only itself (a SAVEPOINT each); tries are counted outside the transaction, and
after three the event is set aside and the house goes on.
"""

from contextlib import suppress
from datetime import timedelta

import structlog

from bridge import commands, membership
from bridge.heard import Heard, InvitedUs, MembershipChanged, Message, StateChanged, Sync, Undecipherable, Unreadable
from bridge.house import House, one_line
from bridge.matrix.homeserver import KnownRoom, Rejected, TryLater
from facilitator import members, rooms, sightings
from facilitator.database import Db, Unavailable
from facilitator.ids import EventId

log = structlog.get_logger(__name__)
TRIES = 3


class Undone(Exception):
    """Something failed: nothing of this sync is kept, and it is taken in again."""


class Listener:
    """One account's ears. `wait`: how long a sync may wait for news."""

    def __init__(self, house: House, *, wait: timedelta) -> None:
        self._house, self._wait = house, wait
        self._since: str | None = None
        self._answered = False

    async def pass_once(self) -> bool:
        """Hear what is new and write it down. Returns whether anything was. Raises TryLater, SignedOut."""
        if self._since is None:
            async with self._house.database.reading() as db:
                self._since = await sightings.cursor(db, self._house.bot)
        wait = self._wait if self._answered else timedelta()  # the first answers at once: then we know that we hear
        sync = await self._house.homeserver.listen(self._since, wait=wait)
        self._answered = True
        read = await self._read_at_last(sync)
        for invitation in sync.invitations:
            await self._answer(invitation)
        while failed := await self._write_down(sync, read):
            await self._count(failed)
        self._since = sync.next_batch
        return bool(sync.events or sync.invitations or read)

    async def _write_down(self, sync: Sync, read: tuple[Heard, ...]) -> list[EventId]:
        """Handle everything and move the cursor, or nothing of it: returns the events that failed."""
        failed: list[EventId] = []
        with suppress(Undone):
            async with self._house.database.transaction() as db:
                failed = [e.event_id for e in (*sync.events, *read) if not await self._handled(db, e)]
                if failed:
                    raise Undone
                await self._lost(db, sync)
                await sightings.listened(db, self._house.bot, sync.next_batch, now=self._house.clock.now())
        return failed

    async def _lost(self, db: Db, sync: Sync) -> None:
        for room in (room for room, is_now in sync.ours.items() if is_now in ("leave", "ban")):
            if (room_id := await sightings.room_of(db, room)) is not None:
                await sightings.lost(db, room_id, now=self._house.clock.now())

    async def _handled(self, db: Db, event: Heard) -> bool:
        if isinstance(event, Undecipherable) or await sightings.tries(db, event.event_id) >= TRIES:
            return True
        try:
            async with db.begin_nested():
                await self._handle(db, event)
        except Unavailable:
            raise  # the weather's fault, not the event's: it is not counted against it
        except Exception as error:
            log.warning("event failed", event_id=event.event_id, error=one_line(error))
            return False
        return True

    async def _handle(self, db: Db, event: Heard) -> None:
        now = self._house.clock.now()
        room_id = await sightings.room_of(db, event.room)
        place = None if room_id is None else await rooms.place(db, room_id)
        if place is None:
            return
        match event:
            case Message():
                await sightings.read_at_last(db, event.event_id)
                if event.sender != self._house.homeserver.user_id:
                    await commands.answer(db, event, place, now=now)
            case MembershipChanged():
                await membership.changed(db, place, event, bot=self._house.homeserver.user_id, now=now)
            case StateChanged():
                await sightings.look_again(db, place.id, now=now)
            case Unreadable():
                await sightings.could_not_read(
                    db, event.event_id, room=event.room, session_id=event.session_id, now=now
                )

    async def _count(self, failed: list[EventId]) -> None:
        async with self._house.database.transaction() as db:
            for event_id in failed:
                if await sightings.failed_once_more(db, event_id, now=self._house.clock.now()) >= TRIES:
                    log.error("event set aside", event_id=event_id)

    async def _read_at_last(self, sync: Sync) -> tuple[Heard, ...]:
        """Events that could not be read before and whose key has come now."""
        if not sync.keys_arrived:
            return ()
        async with self._house.database.reading() as db:
            waiting = await sightings.unreadable(db, sync.keys_arrived)
        read: list[Heard] = []
        for room, events in waiting.items():
            read += await self._house.homeserver.read_again(room, events)
        return tuple(event for event in read if not isinstance(event, Unreadable))

    async def _answer(self, invitation: InvitedUs) -> None:
        """Accept a direct, encrypted room with somebody known here; decline the rest. To somebody known who invited us
        to another kind of room, ours is offered instead: the reconciler makes it."""
        async with self._house.database.reading() as db:
            known = bool(await members.groups_of(db, invitation.sender))
        try:
            if known and invitation.direct and invitation.encrypted:
                await self._house.homeserver.accept(invitation.room)
                await self._adopt(invitation)
                return
            await self._house.homeserver.decline(invitation.room)
        except (Rejected, TryLater) as error:
            log.info("invitation not answered", error=one_line(error))
        if known and invitation.direct:
            async with self._house.database.transaction() as db:
                await rooms.direct_with(db, invitation.sender, now=self._house.clock.now())

    async def _adopt(self, invitation: InvitedUs) -> None:
        found = await self._house.homeserver.look(invitation.room)
        now = self._house.clock.now()
        async with self._house.database.transaction() as db:
            room_id = await rooms.direct_with(db, invitation.sender, now=now)
            await rooms.take_charge(db, self._house.bot)
            seen = sightings.Looked(
                invitation.room, found.encryption, found.history_visibility, found.members, revision=None, at=now,
                next_look=now,
            )
            await sightings.looked(db, room_id, seen, now=now)
        if found.encryption is not None:
            known = KnownRoom(invitation.room, found.encryption, True, found.history_visibility or "shared")
            self._house.homeserver.remember([known])
