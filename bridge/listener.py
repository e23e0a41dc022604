"""Loop 1, Matrix → database: one sync, its effects and our cursor in one transaction.

An event that fails in our hands undoes only itself (a SAVEPOINT each); tries are counted outside the transaction, and
after three the event is set aside and the house goes on.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta

import structlog

from bridge import commands, membership
from bridge.heard import Heard, InvitedUs, MembershipChanged, Message, StateChanged, Sync, Undecipherable, Unreadable
from bridge.house import House, one_line
from bridge.matrix.homeserver import FoundRoom, KnownRoom, Rejected, SlowDown, TryLater
from facilitator import members, outbox, rooms, sightings
from facilitator.database import Db, Unavailable
from facilitator.ids import EventId, MatrixRoomId, UserId

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
        self._deaf = False
        self._looked_back = False
        self.caught_up = asyncio.Event()
        """Set when what happened before this start has been heard and written down."""

    async def pass_once(self) -> bool:
        """Hear what is new and write it down. Returns whether anything was. Raises TryLater, SignedOut."""
        if self._since is None:
            async with self._house.database.reading() as db:
                self._since = await sightings.cursor(db, self._house.bot)
        sync = await self._listen()
        left_behind = await self._left_behind()
        read = (*await self._read_at_last(sync), *(left_behind or ()))
        for invitation in sync.invitations:
            await self._answer(invitation)
        for room in (room for room, is_now in sync.ours.items() if is_now == "join"):
            await self._adopt(room, or_leave=self._since is not None)
        news = bool(read) or self._deaf or sync.next_batch != self._since
        while news and (failed := await self._write_down(sync, read)):
            await self._count(failed)
        self._since, self._deaf = sync.next_batch, False
        self._looked_back |= left_behind is not None
        self.caught_up.set()
        return bool(sync.events or sync.invitations or read)

    async def _listen(self) -> Sync:
        wait = self._wait if self._answered else timedelta()  # the first answers at once: then we know that we hear
        try:
            sync = await self._house.homeserver.listen(self._since, wait=wait)
        except TryLater as error:
            self._deaf = self._deaf or not isinstance(error, SlowDown)
            raise
        self._answered = True
        return sync

    async def _write_down(self, sync: Sync, read: tuple[Heard, ...]) -> list[EventId]:
        """Handle everything and move the cursor, or nothing of it: returns the events that failed."""
        failed: list[EventId] = []
        with suppress(Undone):
            async with self._house.database.transaction() as db:
                failed = [e.event_id for e in (*sync.events, *read) if not await self._handled(db, e)]
                if failed:
                    raise Undone
                await self._ours(db, sync)
                if self._deaf:
                    await self._hears_again(db)
                await sightings.listened(db, self._house.bot, sync.next_batch, now=self._house.clock.now())
        return failed

    async def _ours(self, db: Db, sync: Sync) -> None:
        """What became of our own membership in rooms of ours."""
        now = self._house.clock.now()
        for room, is_now in sync.ours.items():
            room_id = await sightings.room_of(db, room)
            if room_id is not None and is_now in ("leave", "ban"):
                await sightings.lost(db, room_id, now=now)
            elif room_id is not None:
                await sightings.look_again(db, room_id, now=now)

    async def _hears_again(self, db: Db) -> None:
        """The homeserver is back: what waits only for it need not wait its time out."""
        now = self._house.clock.now()
        await sightings.reachable_again(db, self._house.bot, now=now)
        await outbox.reachable_again(db, self._house.bot, now=now)

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

    async def _left_behind(self) -> tuple[Heard, ...] | None:
        """Once after a start: what stood unread, since its key may have come with an answer whose taking in was cut
        short. None when the homeserver did not let us; hearing comes first, and the next pass asks again."""
        if self._looked_back:
            return ()
        async with self._house.database.reading() as db:
            waiting = await sightings.still_unreadable(db)
        read: list[Heard] = []
        try:
            for room, events in waiting.items():
                with suppress(Rejected):  # we are out of it
                    read += await self._house.homeserver.read_again(room, events)
        except TryLater as error:
            log.info("what stood unread waits", why=error.why)
            return None
        return tuple(event for event in read if not isinstance(event, Unreadable))

    async def _answer(self, invitation: InvitedUs) -> None:
        """Accept a room of ours, and a direct, encrypted one with somebody known here; decline the rest. To somebody
        known who invited us to a direct room in clear, ours is offered instead: the reconciler makes it.

        Our joining is heard like anybody's: what follows from it is done then (`_adopt`). Raises TryLater, three times
        at most for one invitation.
        """
        async with self._house.database.reading() as db:
            known = await members.known_here(db, invitation.sender)
            ours = await sightings.room_of(db, invitation.room) is not None
            tries = await sightings.tries(db, _key(invitation))
        welcome = ours or (known and invitation.direct and invitation.encrypted)
        if tries >= TRIES:
            return
        if known and invitation.direct and not welcome:
            await self._offer(invitation.sender)
        try:
            await (self._house.homeserver.accept if welcome else self._house.homeserver.decline)(invitation.room)
        except Rejected as error:
            log.info("invitation not answered", code=error.code)
        except TryLater as error:
            if not isinstance(error, SlowDown):
                await self._count([_key(invitation)])
            raise

    async def _offer(self, person: UserId) -> None:
        now = self._house.clock.now()
        async with self._house.database.transaction() as db:
            await rooms.offer_direct(db, await rooms.direct_with(db, person, now=now))

    async def _adopt(self, room: MatrixRoomId, *, or_leave: bool) -> None:
        """We are in a room that is not known as ours: take it as the direct room of the one who made it, or leave.

        A room we made ourselves is left to the reconciler, who finds it by its marker; and the first sync of all,
        which names every room the account was ever in, makes us leave none. Raises TryLater.
        """
        house = self._house
        async with house.database.reading() as db:
            if await sightings.room_of(db, room) is not None:
                return
        with suppress(Rejected):  # we are out of it again already
            found = await house.homeserver.look(room)
            person = await self._whose(found)
            if person is not None:
                await self._take_as_direct(found, person)
            elif or_leave and found.made_by != house.homeserver.user_id:
                await house.homeserver.decline(room)

    async def _whose(self, found: FoundRoom) -> UserId | None:
        """The person a direct room was made by, if it is one and they are known here."""
        others = found.members.keys() - {self._house.homeserver.user_id}
        async with self._house.database.reading() as db:
            maker = found.made_by
            fits = maker is not None and others == {maker} and found.encryption is not None
            return maker if fits and maker is not None and await members.known_here(db, maker) else None

    async def _take_as_direct(self, found: FoundRoom, person: UserId) -> None:
        """The newest room is the one: another one we had with them is left, so that nobody waits there in vain."""
        house, now = self._house, self._house.clock.now()
        async with house.database.transaction() as db:
            room_id = await rooms.direct_with(db, person, now=now)
            await rooms.take_charge(db, house.bot)
            before = await sightings.matrix_room(db, room_id)
        if before is not None and before != found.room:
            await house.homeserver.decline(before)
        async with house.database.transaction() as db:
            seen = sightings.Looked(
                found.room, found.encryption, found.history_visibility, found.members, None, at=now, next_look=now
            )
            await sightings.looked(db, room_id, seen, now=now)
        known = KnownRoom(found.room, found.encryption or {}, True, found.history_visibility or "shared")
        house.homeserver.remember([known])


def _key(invitation: InvitedUs) -> EventId:
    """Under what the tries of an invitation are counted: it comes without an event's id."""
    return EventId(f"invitation {invitation.room}")
