"""Who gets the key of what we say in a room, and who is told that they do not.

Decided anew before every message from what is true then: who has joined, which devices they have, which of those
they have signed (MSC4153). Whoever was given a key and should not have it any more makes it a new key. People whose
server does not answer are not waited for; they are given the key when it does. Rooms whose keys are wanted at one
moment are seen to together: one question, one claim, and messages to devices in as few requests as carry them.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, nullcontext, suppress
from datetime import timedelta
from typing import Any

from bridge.matrix import to_device
from bridge.matrix.connection import Connection, needed, path
from bridge.matrix.gifts import Gift, Recipients, Share, Shared
from bridge.matrix.hardened import Device, Machine
from bridge.matrix.homeserver import HomeserverError, Rejected, TryLater
from bridge.matrix.known import Room
from bridge.matrix.late_keys import Debts, PastSession
from bridge.matrix.our_sessions import OurSession
from bridge.matrix.owed_keys import OwedKeys
from bridge.matrix.screening import MEGOLM
from bridge.matrix.their_keys import HOWEVER_LONG, TheirKeys
from facilitator.ids import MatrixRoomId, UserId
from facilitator.rules.reach import Reach

A_MOMENT = timedelta(seconds=1)
"""How long a message waits for people's own servers: those that are well answer sooner."""
PEOPLE_AT_ONCE = 100
"""About so many people's keys are seen to in one go: enough to spare requests, few enough not to hold up the rest."""
REQUESTS_AT_ONCE = 8
AGAIN = timedelta(seconds=1)


class Sharing:
    """`only_signed`: devices their owner has not signed get no key, except in rooms for `all_devices`."""

    def __init__(self, machine: Machine, connection: Connection, their_keys: TheirKeys, *, only_signed: bool) -> None:
        self._machine, self._connection, self._their_keys = machine, connection, their_keys
        self._only_signed = only_signed
        self.debts = Debts(OwedKeys(machine.store))
        self.debts.load(machine.outbound)
        self._refused: dict[MatrixRoomId, frozenset[UserId]] = {}
        """Who was told that they get no key, before there was a message to tell it with."""

    async def ready(self, room: Room) -> Shared:
        """Have a Megolm session in `room` that all its recipients can read. The caller holds the room's turn."""
        reached = (await self._together([room]))[room.room]
        return Shared(self._refused.pop(room.room, frozenset()), reached)

    async def share_soon(self, rooms: Iterable[Room], *, margin: timedelta = timedelta()) -> None:
        """Do now what the next message in each of these rooms would have to do first, for many rooms in few requests.
        A session that ends within `margin` is renewed. What fails is left to that message."""
        for some in _portions([room for room in rooms if room.encrypted and not self._is_ready(room, margin)]):
            async with AsyncExitStack() as turns:
                for room in sorted(some, key=lambda room: room.room):  # in one order everywhere: nobody waits in a ring
                    await turns.enter_async_context(room.turn)
                try:
                    await self._together(some, margin)
                except Rejected:  # one of the rooms is not ours any more
                    continue
                except HomeserverError:
                    return

    def _is_ready(self, room: Room, margin: timedelta) -> bool:
        """Whether a message there would be one request."""
        session = self._held(room)
        if session is None or room.joined is None or room.new_key or session.ends_within(margin):
            return False
        joined = room.joined - {self._machine.user_id}
        found = self._recipients(room, joined)
        everybody = {*found.given, *found.withheld}
        told = session.users_shared_with | session.users_ignored
        return all(map(self._their_keys.answered, joined)) and everybody <= told and session.holders <= set(found.given)

    async def _together(
        self, rooms: Sequence[Room], margin: timedelta = timedelta()
    ) -> dict[MatrixRoomId, Mapping[UserId, Reach]]:
        joined = await self._all_joined(rooms)
        await self._their_keys.know(set[str]().union(*joined.values()), patience=A_MOMENT)
        waiting = [name for room in rooms for name in self._recipients(room, joined[room.room]).given]
        await self._their_keys.open_sessions(waiting, patience=A_MOMENT)
        joined = {room.room: _still_in(room, joined[room.room]) for room in rooms}
        with self._machine.store.together() if len(rooms) > 1 else nullcontext():
            shares = [self._share(room, joined[room.room], margin) for room in rooms]
        await self._give([Gift(s.room.room, s.session, s.recipients.given) for s in shares])
        for share in shares:
            share.session.mark_as_shared()
        await self._tell([Gift(s.room.room, s.session, s.recipients.withheld) for s in shares])
        return {share.room.room: self._outcome(share) for share in shares}

    def _share(self, room: Room, joined: set[str], margin: timedelta) -> Share:
        recipients = self._recipients(room, joined)
        return Share(room, joined, recipients, self._session(room, recipients, margin))

    def _outcome(self, share: Share) -> Mapping[UserId, Reach]:
        room, session = share.room.room, share.session
        reached = self._told_apart(share.joined, share.recipients, session.users_shared_with)
        self.debts.only(room, share.joined)
        self.debts.owe(room, session, [user for user, how in reached.items() if how.unreached or not how.answered])
        return reached

    async def _all_joined(self, rooms: Sequence[Room]) -> dict[MatrixRoomId, set[str]]:
        gate = asyncio.Semaphore(REQUESTS_AT_ONCE)

        async def asked(room: Room) -> set[str]:
            async with gate:
                return await self._joined(room)

        return {room.room: found for room, found in zip(rooms, await asyncio.gather(*map(asked, rooms)), strict=True)}

    async def catch_up(self, room: Room) -> None:
        """Give the keys that are owed in a room to those who can be reached by now."""
        joined = await self._joined(room)
        self.debts.only(room.room, joined)
        await self._their_keys.know(self.debts.people(room.room), patience=HOWEVER_LONG, slow_too=True)
        lacking = self._recipients(room, self.debts.people(room.room)).given
        await self._their_keys.open_sessions(lacking, patience=HOWEVER_LONG, slow_too=True)
        async with room.turn:
            self.debts.only(room.room, _still_in(room, joined))
            for owed in self.debts.of(room.room):
                recipients = self._recipients(room, owed.keys)
                await self._give([Gift(room.room, owed.session, recipients.given)])
                reached = self._told_apart(owed.keys, recipients, owed.session.users_shared_with)
                settled = [user for user, how in reached.items() if how.answered and not how.unreached]
                self.debts.settle(room.room, owed, settled)

    async def reach(self, rooms: Collection[Room]) -> dict[MatrixRoomId, dict[UserId, Reach]]:
        """With whom a key would come how far if it were shared now. The devices of everybody in these rooms are asked
        for in one request, and one-time keys of those we have no session with claimed in another: what the first
        message would do, done before it."""
        joined: dict[MatrixRoomId, set[str]] = {}
        for room in rooms:
            with suppress(Rejected):  # we are out of it
                joined[room.room] = await self._joined(room)
        await self._their_keys.know(set[str]().union(*joined.values()))
        recipients = {room.room: self._recipients(room, joined[room.room]) for room in rooms if room.room in joined}
        everybody = {name: device for found in recipients.values() for name, device in found.given.items()}
        await self._their_keys.open_sessions(everybody)
        has_session = self._machine.session_store.get
        ready = {name for name, device in everybody.items() if has_session(device.curve25519) is not None}
        return {room: self._told_apart(joined[room], found, ready) for room, found in recipients.items()}

    def _told_apart(
        self, joined: Iterable[str], recipients: Recipients, reached: Collection[Device]
    ) -> dict[UserId, Reach]:
        has = Counter(user for user, device in recipients.given if (user, device) in reached)
        lacks = Counter(user for user, device in recipients.given if (user, device) not in reached)
        refused = Counter(user for user, _ in recipients.withheld)
        answered = self._their_keys.answered
        return {UserId(user): Reach(has[user], refused[user], lacks[user], answered(user)) for user in joined}

    async def _joined(self, room: Room) -> set[str]:
        """Only who has joined: nio gives keys to the invited as well."""
        if room.joined is None:
            news = room.news
            answer = await self._connection.get(path("rooms", room.room, "joined_members"))
            room.learn_if_latest(set(needed(answer, "joined", dict)), asked_at=news)
        if room.joined is None:
            raise TryLater("somebody has just come or gone", AGAIN)
        return room.joined - {self._machine.user_id}

    def _recipients(self, room: Room, joined: Iterable[str]) -> Recipients:
        found = Recipients({}, {})
        anyone = room.all_devices or not self._only_signed
        for user in sorted(joined):
            for device in self._machine.device_store.active_user_devices(user):
                where = found.given if anyone or device.verified else found.withheld
                where[user, device.id] = device
        return found

    def _session(self, room: Room, recipients: Recipients, margin: timedelta) -> OurSession:
        """The room's session, or a new one when it is worn out, somebody holds it who should not any more, or somebody
        has come."""
        session, given = self._held(room), recipients.given.keys()
        if session is None or room.new_key or session.holders - given or session.ends_within(margin):
            room.new_key = False
            self._machine.create_outbound_group_session(room.room)
            session = self._held(room)
        assert session is not None
        return session

    def _held(self, room: Room) -> OurSession | None:
        session = self._machine.outbound(room.room)
        if session is not None:
            session.max_messages, session.max_age = room.messages_per_key, room.key_lasts
        return session

    async def _give(self, gifts: Sequence[Gift]) -> None:
        """Whoever is about to be sent a key is written down before, and whoever was sent it after. Nothing is waited
        for before that: whoever leaves meanwhile would be given what is said without them."""
        lacking = [gift for gift in gifts if gift.lacking]
        if not lacking:
            return
        with self._machine.store.together():
            parcels = [parcel for gift in lacking for parcel in self._wrapped(gift)]
            self._keep(lacking)
        self._machine.store.to_disk()
        of_session = {gift.session.id: gift.session for gift in lacking}
        for batch in to_device.packed(parcels):
            await to_device.send_batch(self._connection, "m.room.encrypted", batch)
            for parcel in batch:
                of_session[parcel.named].users_shared_with.add(parcel.device)
        self._keep(lacking)

    def _wrapped(self, gift: Gift) -> Iterator[to_device.Parcel]:
        for name, device in gift.lacking.items():
            key = self.debts.key_for(name[0], gift.room, gift.session)
            content = self._machine.wrap_room_key(gift.room, key, device)
            if content is not None:
                gift.session.offered.add(name)
                yield to_device.Parcel(name, content, gift.session.id)

    def _keep(self, gifts: Iterable[Gift]) -> None:
        """Only the session a room speaks under now; of earlier ones what is owed is kept apart."""
        speaking = self._machine.outbound_group_sessions
        ours = [(gift.room, gift.session) for gift in gifts if isinstance(gift.session, OurSession)]
        kept = [(room, session) for room, session in ours if speaking.get(room) is session]
        if kept:
            self._machine.ours.keep(kept)

    async def _tell(self, gifts: Sequence[Gift]) -> None:
        """Once per device and session (spec, `m.room_key.withheld`): it can then say why it cannot read us."""
        untold = [(gift, name) for gift in gifts for name in gift.devices if name not in gift.session.users_ignored]
        parcels = [
            to_device.Parcel(name, self._notice(gift.room, gift.session), gift.session.id) for gift, name in untold
        ]
        for batch in to_device.packed(parcels):
            await to_device.send_batch(self._connection, "m.room_key.withheld", batch)
        for gift, name in untold:
            gift.session.users_ignored.add(name)
            self._refused[gift.room] = self._refused.get(gift.room, frozenset()) | {UserId(name[0])}
        if untold:
            self._keep(gift for gift, _ in untold)
            self._machine.store.to_disk()  # steps may have been set aside with it

    def _notice(self, room: MatrixRoomId, session: OurSession | PastSession) -> dict[str, Any]:
        return {
            "algorithm": MEGOLM,
            "code": "m.unverified",
            "reason": "The owner of this device has not verified it.",
            "room_id": room,
            "sender_key": self._machine.account.identity_keys["curve25519"],
            "session_id": session.id,
        }


def _still_in(room: Room, joined: set[str]) -> set[str]:
    """Who of these was not heard leaving while other people's servers were waited for."""
    if room.joined is None:
        raise TryLater("who is in the room is to be asked anew", AGAIN)
    return joined & room.joined


def _portions(rooms: Sequence[Room]) -> Iterator[list[Room]]:
    """In their order, the first a small one: what it is for can begin while the next is under way."""
    some: list[Room] = []
    people, enough = 0, PEOPLE_AT_ONCE // 2
    for room in rooms:
        some.append(room)
        people += len(room.joined or ()) or PEOPLE_AT_ONCE // 10
        if people >= enough:
            yield some
            some, people, enough = [], 0, PEOPLE_AT_ONCE
    if some:
        yield some
