"""Who gets the key of what we say in a room, and who is told that they do not.

Decided anew before every message from what is true then: who has joined, which devices they have, which of those
they have signed (MSC4153). Whoever was given a key and should not have it any more makes it a new key. People whose
server does not answer are not waited for; they are given the key when it does.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from nio.crypto import OlmDevice
from nio.crypto.sessions import OutboundGroupSession

from bridge.matrix import to_device
from bridge.matrix.connection import Connection, needed, path
from bridge.matrix.hardened import Device, Machine
from bridge.matrix.homeserver import Rejected
from bridge.matrix.known import Room
from bridge.matrix.late_keys import Debts
from bridge.matrix.screening import MEGOLM
from bridge.matrix.their_keys import TheirKeys
from facilitator.ids import MatrixRoomId, UserId
from facilitator.rules.reach import Reach

A_MOMENT = timedelta(seconds=1)
"""How long a message waits for people's own servers: those that are well answer sooner."""
AT_ONCE = timedelta(0)


@dataclass(frozen=True)
class Recipients:
    given: dict[Device, OlmDevice] = field(repr=False)
    withheld: dict[Device, OlmDevice] = field(repr=False)


@dataclass(frozen=True)
class Shared:
    """What came of a share. `withheld`: people some of whose devices were now refused the key and told so.
    `reached`: how far the key has come with everybody who has joined."""

    withheld: frozenset[UserId] = field(repr=False)
    reached: Mapping[UserId, Reach] = field(repr=False)


class Sharing:
    """`only_signed`: devices their owner has not signed get no key, except in rooms for `all_devices`."""

    def __init__(self, machine: Machine, connection: Connection, their_keys: TheirKeys, *, only_signed: bool) -> None:
        self._machine, self._connection, self._their_keys = machine, connection, their_keys
        self._only_signed = only_signed
        self.debts = Debts()

    async def ready(self, room: Room) -> Shared:
        """Have a Megolm session in `room` that all its recipients can read. The caller holds the room's turn."""
        joined = await self._joined(room)
        await self._their_keys.know(joined, patience=A_MOMENT)
        recipients = self._recipients(room, joined)
        session = self._session(room, recipients)
        await self._give(room, session, recipients.given, patience=A_MOMENT)
        session.mark_as_shared()
        told = await self._tell(room, session, recipients.withheld)
        reached = self._told_apart(joined, recipients, session.users_shared_with)
        self.debts.only(room.room, joined)
        self.debts.owe(room.room, session, [user for user, how in reached.items() if how.unreached or not how.answered])
        return Shared(told, reached)

    async def catch_up(self, room: Room) -> None:
        """Give the keys that are owed in a room to those who can be reached by now."""
        joined = await self._joined(room)
        self.debts.only(room.room, joined)
        await self._their_keys.know(self.debts.people(room.room))
        await self._their_keys.open_sessions(self._recipients(room, self.debts.people(room.room)).given)
        async with room.turn:
            for owed in self.debts.of(room.room):
                recipients = self._recipients(room, owed.keys)
                await self._give(room, owed.session, recipients.given, patience=AT_ONCE)
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
            answer = await self._connection.get(path("rooms", room.room, "joined_members"))
            room.joined = set(needed(answer, "joined", dict))
        return room.joined - {self._machine.user_id}

    def _recipients(self, room: Room, joined: Iterable[str]) -> Recipients:
        found = Recipients({}, {})
        anyone = room.all_devices or not self._only_signed
        for user in sorted(joined):
            for device in self._machine.device_store.active_user_devices(user):
                where = found.given if anyone or device.verified else found.withheld
                where[user, device.id] = device
        return found

    def _session(self, room: Room, recipients: Recipients) -> OutboundGroupSession:
        """The room's session, or a new one when it is worn out or somebody holds it who should not any more."""
        session = self._machine.outbound(room.room)
        if session is None or session.users_shared_with - recipients.given.keys():
            self._machine.create_outbound_group_session(room.room)
            session = self._machine.outbound_group_sessions[room.room]
        session.max_messages, session.max_age = room.messages_per_key, room.key_lasts
        return session

    async def _give(
        self, room: Room, session: OutboundGroupSession, devices: dict[Device, OlmDevice], *, patience: timedelta
    ) -> None:
        lacking = {name: device for name, device in devices.items() if name not in session.users_shared_with}
        if not lacking:
            return
        await self._their_keys.open_sessions(lacking, patience=patience)
        keys = {name: self.debts.key_for(name[0], room.room, session) for name in lacking}
        with self._machine.store.together():
            wrapped = {name: self._machine.wrap_room_key(room.room, keys[name], lacking[name]) for name in lacking}
        parcels = [(name, content) for name, content in wrapped.items() if content is not None]
        await to_device.send(self._connection, "m.room.encrypted", parcels, named=session.id)
        session.users_shared_with.update(name for name, _ in parcels)

    async def _tell(
        self, room: Room, session: OutboundGroupSession, devices: dict[Device, OlmDevice]
    ) -> frozenset[UserId]:
        """Once per device and session (spec, `m.room_key.withheld`): it can then say why it cannot read us."""
        untold = [name for name in devices if name not in session.users_ignored]
        notice = self._notice(room, session)
        parcels = [(name, notice) for name in untold]
        await to_device.send(self._connection, "m.room_key.withheld", parcels, named=session.id)
        session.users_ignored.update(untold)
        return frozenset(UserId(user) for user, _ in untold)

    def _notice(self, room: Room, session: OutboundGroupSession) -> dict[str, Any]:
        return {
            "algorithm": MEGOLM,
            "code": "m.unverified",
            "reason": "The owner of this device has not verified it.",
            "room_id": room.room,
            "sender_key": self._machine.account.identity_keys["curve25519"],
            "session_id": session.id,
        }
