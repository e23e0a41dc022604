"""Loop 1, Matrix → database: what one sync brings is written down, and our place never runs ahead of it.

It may fall behind: words are written ahead of it where a room is entered, and of talk it is kept only now and then.
After a crash these come again, and nothing is doubled, since an act's id is derived from its cause.

An event that fails in our hands undoes the whole and is counted, outside the transaction; after three tries it is set
aside and the house goes on. What asks the homeserver again (a room to come into, an event to read again) has a pass of
its own, after what was heard is written down: somebody may have called for help.
"""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import timedelta

import structlog

from bridge import commands, membership
from bridge.adoption import TRIES, Adoption, tried_in_vain
from bridge.doorkeeper import Doorkeeper
from bridge.heard import Heard, MembershipChanged, Message, StateChanged, Sync, Undecipherable, Unreadable
from bridge.house import House, one_line
from bridge.matrix.homeserver import SlowDown, TryLater
from bridge.rereading import Rereading, Where
from bridge.twins import Twins
from facilitator import encryption_health, members, outbox, pinned, renewals, rooms, sightings, unread
from facilitator.database import Db, Unavailable
from facilitator.ids import EventId, GroupId, MatrixRoomId

log = structlog.get_logger(__name__)


EVERYBODY = ("reconciler", "sender", "doorkeeper", "keys")
NOTHING_NEW = timedelta(seconds=20)
"""So often our place is written down while nothing is heard that concerns us."""


class Undone(Exception):
    """Something failed: nothing of this sync is kept, and it is taken in again."""


class Listener:
    """One account's ears. `wait`: how long a sync may wait for news."""

    def __init__(self, house: House, *, wait: timedelta) -> None:
        self._house, self._wait = house, wait
        self._adoption, self.door, self._twins = Adoption(house), Doorkeeper(house), Twins(house)
        self._since: str | None = None
        self._written = 0.0
        """When our place was last written down, by the monotonic clock."""
        self._given_up: set[EventId] = set()
        self._unread_in: set[MatrixRoomId] = set()
        """Where anything stands unread, or has since the start."""
        self._answered = False
        self._deaf = False
        self._rereading = Rereading(house)
        self._looks_back = self._sees_to_twins = self._hurries = False
        self._to_enter: Sync | None = None
        """What was heard with rooms to come into; the words of all other rooms are written down."""
        self._ahead: set[Where] = set()
        """These words: our place is still before them."""
        self.made_work_for: Collection[str] = EVERYBODY
        """The loops the last pass can have made work for: what people write, as a rule, for nobody, and where it is a
        command for the sender alone."""
        self._to_say = False
        """Whether this pass has put anything to be said in answer."""
        self.caught_up = asyncio.Event()
        """Set when what happened before this start has been heard and written down."""

    async def pass_once(self) -> bool:
        """Hear what is new and write it down. Returns whether anything was. Raises TryLater, SignedOut."""
        if self._since is None:
            async with self._house.database.reading() as db:
                self._since = await sightings.cursor(db, self._house.bot)
                self._given_up = await sightings.given_up(db, after=TRIES)
                self._unread_in = await unread.rooms(db)
        self._to_say = False
        if self._looks_back:
            return await self._look_back()
        if self._sees_to_twins:
            self._sees_to_twins, self.made_work_for = False, ()
            return await self._twins.see_to_one()
        sync, self._to_enter = self._to_enter, None
        if sync is None:
            sync = await self._listen()
            await self._may_be_read_now(sync)
            await self.door.remember(sync.invitations)
            if await self._words_first(sync):
                self._to_enter = sync
                return True
        await self._adoption.take_in(sync, or_leave=self._since is not None)
        await self._take_in(sync)
        return bool(sync.events or sync.invitations or self._looks_back or self._sees_to_twins)

    async def _take_in(self, sync: Sync) -> None:
        events = [event for event in sync.events if (event.room, event.event_id) not in self._ahead]
        beyond = self._deaf or sync.invitations or sync.ours or sync.devices_changed or sync.identities
        if self._deaf or (sync.next_batch != self._since and self._tells(sync)):
            await self._write_down(events, sync)
        self.made_work_for = EVERYBODY if beyond else self._work_made_by(events)
        self._since, self._deaf = sync.next_batch, False
        self._ahead.clear()
        self._twins.hear(sync)
        self._looks_back, self._hurries = len(self._rereading) > 0, False
        self._sees_to_twins = self._twins.are_due and not self._looks_back  # one at a time: in between, it listens
        self.caught_up.set()

    async def _words_first(self, sync: Sync) -> bool:
        """Write down what was said elsewhere, where we have come into a room that is not known yet. Our place stays,
        so a crash brings it all again: to answer the same words twice is to answer them once. What could not be read
        goes with them, in its order, since it is judged by what is read of its writer after it. What was said in that
        room waits until it is known whose it is. Returns whether there was anything."""
        entered = [room for room, is_now in sync.ours.items() if is_now == "join"]
        words = [event for event in sync.events if isinstance(event, Message | Unreadable)]
        if not entered or not _are_readable(words):
            return False
        async with self._house.database.reading() as db:
            unknown = {room for room in entered if await sightings.room_of(db, room) is None}
        ahead = [e for e in words if e.room not in unknown and (e.room, e.event_id) not in self._ahead]
        if not unknown or not _are_readable(ahead):
            return False
        await self._write_down(ahead)
        self._ahead |= {(event.room, event.event_id) for event in ahead}
        self.made_work_for = self._work_made_by(ahead)
        return True

    async def _look_back(self) -> bool:
        """Read a few of those again whose key may be here. Returns whether to go on at once."""
        self._looks_back = False
        try:
            read = await self._rereading.some()
            await self._write_down(read or ())
        except Exception:
            self._hurries = True  # what could be said now is heard first, as ever, but not waited for
            raise
        self._rereading.done()
        self._hurries = read is not None and len(self._rereading) > 0
        self.made_work_for = self._work_made_by(read or ())
        return bool(read or self._hurries)

    def _tells(self, sync: Sync) -> bool:
        """Whether to write down what was heard. Of an answer with nothing in it for us, our own words' echo or people
        who talk, only our place would be: it is heard again after a crash, and is as little then."""
        told = sync.invitations or sync.ours or sync.keys_arrived or sync.devices_changed or sync.identities
        waited = self._house.clock.monotonic() - self._written
        return (
            bool(told)
            or self._since is None
            or waited > NOTHING_NEW.total_seconds()
            or not all(map(self._is_talk, sync.events))
        )

    def _is_talk(self, event: Heard) -> bool:
        """Nothing comes of it, and nothing stood unread that it may be, or may be a sign for."""
        return isinstance(event, Message) and event.room not in self._unread_in and commands.is_talk(event)

    def _work_made_by(self, events: Sequence[Heard]) -> Collection[str]:
        only_words = all(isinstance(each, Message) and (each.signed or commands.is_talk(each)) for each in events)
        return (("sender",) if self._to_say else ()) if only_words else EVERYBODY

    async def _listen(self) -> Sync:
        # The first answers at once: then we know that we hear. So does the next while something is left to read again.
        wait = self._wait if self._answered and not self._hurries else timedelta()
        try:
            sync = await self._house.homeserver.listen(self._since, wait=wait)
        except TryLater as error:
            self._deaf = self._deaf or not isinstance(error, SlowDown)
            raise
        self._answered = True
        return sync

    async def _write_down(self, events: Sequence[Heard], sync: Sync | None = None) -> None:
        """Handle all of these; with a whole `sync`, what else it told, too, and our place is behind it."""
        while failed := await self._written_down(events, sync):
            await self._count(failed)

    async def _written_down(self, events: Sequence[Heard], sync: Sync | None) -> list[EventId]:
        """All of it, or nothing: returns the event that failed."""
        failed: list[EventId] = []
        if not events and sync is None:
            return failed
        self._to_say = False
        with suppress(Undone):
            async with self._house.database.transaction() as db:
                for event in events:
                    if not await self._handled(db, event):
                        failed = [event.event_id]
                        raise Undone
                if sync is not None:
                    await self._all_else(db, sync)
        if sync is not None:
            self._written = self._house.clock.monotonic()
        return failed

    async def _all_else(self, db: Db, sync: Sync) -> None:
        await self._ours(db, sync)
        await self._devices(db, sync)
        if self._deaf:
            await self._hears_again(db)
        await sightings.listened(db, self._house.bot, sync.next_batch, now=self._house.clock.now())

    async def _ours(self, db: Db, sync: Sync) -> None:
        """What became of our own membership in rooms of ours."""
        now = self._house.clock.now()
        for room, is_now in sync.ours.items():
            room_id = await sightings.room_of(db, room)
            if room_id is None and is_now == "join":
                room_id = await renewals.announced_for(db, room)
            if room_id is not None and is_now in ("leave", "ban"):
                await sightings.lost(db, room_id, now=now)
            elif room_id is not None:
                await sightings.look_again(db, room_id, now=now)

    async def _devices(self, db: Db, sync: Sync) -> None:
        now = self._house.clock.now()
        if self._since is None:
            await encryption_health.all_may_have_changed(db, self._house.bot, now=now)
        if sync.identities:
            for person in await pinned.seen(db, self._house.bot, sync.identities, now=now):
                log.warning("identity changed", member_id=person)
        await encryption_health.devices_changed(db, sync.devices_changed, now=now)

    async def _hears_again(self, db: Db) -> None:
        """The homeserver is back: what waits only for it need not wait its time out."""
        now = self._house.clock.now()
        await sightings.reachable_again(db, self._house.bot, now=now)
        await outbox.reachable_again(db, self._house.bot, now=now)

    async def _handled(self, db: Db, event: Heard) -> bool:
        if isinstance(event, Undecipherable) or event.event_id in self._given_up:
            return True
        try:
            await self._handle(db, event)
            await db.flush()
        except Unavailable:
            raise  # the weather's fault, not the event's: it is not counted against it
        except Exception as error:
            log.warning("event failed", error=one_line(error))
            return False
        return True

    async def _handle(self, db: Db, event: Heard) -> None:
        now, us = self._house.clock.now(), self._house.homeserver.user_id
        if isinstance(event, StateChanged) and event.expected and event.goes_on_in is None:
            return
        place = await rooms.place_at(db, event.room)
        if place is None:
            await self._in_a_former_room(db, event)
            return
        match event:
            case Message():
                if event.room in self._unread_in and not await unread.read_at_last(db, event.event_id) and event.bound:
                    await unread.heard_from(db, event.room, event.sender)
                if event.sender != us:
                    self._to_say |= await commands.answer(db, event, place, now=now)
            case MembershipChanged():
                await membership.changed(db, place, event, house=self._house, now=now)
            case StateChanged():
                if event.goes_on_in is not None and place.group_id is not None:
                    await self._goes_on(db, place.group_id, event)
                await sightings.look_again(db, place.id, now=now)
            case Unreadable():
                self._unread_in.add(event.room)
                await unread.could_not_read(
                    db, event.event_id, room=event.room, session_id=event.session_id, sender=event.sender, now=now
                )

    async def _goes_on(self, db: Db, group_id: GroupId, event: StateChanged) -> None:
        """An invitation to the room that takes this one's place is welcome, if whoever says so may."""
        house = self._house
        ours = event.sender in (house.homeserver.user_id, house.recovery)
        room_id = await sightings.room_of(db, event.room)
        if room_id and event.goes_on_in and (ours or await members.facilitator_of(db, group_id, event.sender)):
            await renewals.announced(db, room_id, event.goes_on_in)

    async def _in_a_former_room(self, db: Db, event: Heard) -> None:
        """Who writes in a room its group has left behind is answered in the new one; all else is history."""
        room_id = await renewals.was_in(db, event.room)
        place = None if room_id is None else await rooms.place(db, room_id)
        if place is not None and isinstance(event, Message) and event.sender != self._house.homeserver.user_id:
            self._to_say |= await commands.answer(db, event, place, now=self._house.clock.now())

    async def _count(self, failed: list[EventId]) -> None:
        for event_id in failed:
            if await tried_in_vain(self._house, event_id):
                log.error("event set aside")  # whoever has an event's id can find who wrote it
                self._given_up.add(event_id)

    async def _may_be_read_now(self, sync: Sync) -> None:
        """What waits for a key that has come now; and after a start, once, whatever stands unread, since its key may
        have come with an answer whose taking in was cut short."""
        if self.caught_up.is_set() and not sync.keys_arrived:
            return
        async with self._house.database.reading() as db:
            if not self.caught_up.is_set():
                self._rereading.add(await unread.latest(db))
            self._rereading.add(await unread.waiting_for(db, sync.keys_arrived))


def _are_readable(words: Sequence[Heard]) -> bool:
    """Whether any of them are: only then is there somebody to answer."""
    return any(isinstance(event, Message) for event in words)
