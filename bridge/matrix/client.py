"""The `Homeserver` protocol, kept with nio's encryption: every method one line to where its work is done."""

import contextlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bridge.counts import Counts
from bridge.heard import Heard, InvitedUs, Sync
from bridge.matrix import changing, looking, turns, unreadable
from bridge.matrix.catching_up import CatchingUp
from bridge.matrix.connection import Connection, needed, path
from bridge.matrix.generation import Generation
from bridge.matrix.hardened import Machine
from bridge.matrix.homeserver import (
    CreateRoom,
    FoundRoom,
    Invite,
    KnownRoom,
    NotYet,
    Overtaken,
    Rejected,
    Remove,
    Sent,
    SetState,
    Urgency,
)
from bridge.matrix.identity import Identity, IdentityStorage
from bridge.matrix.keystore import KeyStore
from bridge.matrix.known import Rooms
from bridge.matrix.listening import Listening
from bridge.matrix.login import BotAccount
from bridge.matrix.our_keys import OurKeys
from bridge.matrix.pace import Pace
from bridge.matrix.remembered import Remembered
from bridge.matrix.sharing import Sharing
from bridge.matrix.speaking import Speaking
from bridge.matrix.their_keys import TheirKeys
from facilitator.clock import Clock
from facilitator.errors import N_, Misconfigured
from facilitator.ids import ActId, EventId, MatrixRoomId, RoomId, UserId
from facilitator.rules.reach import Reach
from facilitator.rules.wanted_room import ROOM_VERSION

ANOTHER_ACCOUNT = N_(
    "The access token kept for Hearth's account belongs to another account or device. `hearth renew` signs it in anew."
)


@dataclass(frozen=True)
class Parts:
    machine: Machine
    connection: Connection
    rooms: Rooms
    identity: Identity
    generation: Generation
    finder: looking.Finder
    listening: Listening
    speaking: Speaking
    their_keys: TheirKeys
    catching_up: CatchingUp


class NioHomeserver:
    """One bot account on its homeserver. Made by `start`; one process at a time may hold an account."""

    def __init__(self, parts: Parts, room_version: str = ROOM_VERSION) -> None:
        self._room_version = room_version
        self._machine, self._connection, self._rooms = parts.machine, parts.connection, parts.rooms
        self._identity, self._finder, self._their_keys = parts.identity, parts.finder, parts.their_keys
        self._catching_up = parts.catching_up
        self._listening, self._speaking, self._generation = parts.listening, parts.speaking, parts.generation

    @classmethod
    async def start(
        cls,
        account: BotAccount,
        keys: KeyStore,
        identity: IdentityStorage,
        *,
        only_signed: bool = True,
        clock: Clock | None = None,
    ) -> "NioHomeserver":
        """Check the account, publish the device's keys, and see to its identity.

        Raises Misconfigured with a sentence that says what to do, SignedOut when the token is no longer good,
        TryLater when the homeserver does not answer.
        """
        clock = clock or Clock()
        async with contextlib.AsyncExitStack() as undone:
            connection = account.connection(clock)
            undone.push_async_callback(connection.close)
            await _check(connection, account)
            store = keys.open(account.user_id, account.device_id)
            undone.callback(store.close)
            machine = Machine(account.user_id, account.device_id, store)
            parts = _assemble(machine, connection, identity, clock=clock, only_signed=only_signed)
            await parts.generation.check()
            await parts.identity.check()
            await parts.generation.begin()
            await parts.listening.our_keys.publish()
            await parts.identity.ensure()
            room_version = await looking.newest_version(connection)
            undone.pop_all()
        return cls(parts, room_version)

    @property
    def user_id(self) -> UserId:
        return UserId(self._machine.user_id)

    @property
    def device_id(self) -> str:
        return str(self._machine.device_id)

    @property
    def room_version(self) -> str:
        return self._room_version

    async def has_account(self, user: UserId) -> bool:
        return await looking.has_account(self._connection, user, us=self.user_id)

    @property
    def counts(self) -> Counts:
        return Counts(
            answered=dict(self._connection.answered),
            limited=dict(self._connection.limited),
            malformed=dict(self._machine.faults),
            unread=self._machine.unread,
            one_time_keys=self._machine.uploaded_key_count,
        )

    @property
    def pace(self) -> Pace:
        return self._connection.pace

    async def listen(self, since: str | None, *, wait: timedelta) -> Sync:
        try:
            sync = await self._listening.listen(since, wait)
        except Overtaken:
            await self._generation.give_up()
            raise
        self._catching_up.begin()
        for room, standing in sync.ours.items():
            if standing != "join":
                self._finder.forget(room)
        return sync

    def remember(self, rooms: Iterable[KnownRoom]) -> None:
        self._rooms.remember(rooms)

    async def find(self, marker: RoomId, *, follows: MatrixRoomId | None = None) -> MatrixRoomId | None:
        return await self._finder.find(marker, follows=follows)

    async def answers(self, user: UserId) -> bool:
        return await looking.answers(self._connection, user)

    async def joined(self) -> frozenset[MatrixRoomId]:
        return await looking.joined(self._connection)

    async def look(self, room: MatrixRoomId) -> FoundRoom:
        news = self._rooms[room].news if room in self._rooms else 0
        state = await looking.state_of(self._connection, room, us=self.user_id)
        found = looking.found(room, state, us=self.user_id)
        known = self._rooms[room]
        inside: set[str] = {user for user, membership in found.members.items() if membership == "join"}
        known.learn_if_latest(inside, asked_at=news)
        known.shown = looking.set_by(state, self.user_id)
        for kind in ("m.room.encryption", "m.room.history_visibility"):
            if (kind, "") in state:
                known.hear(state[kind, ""])
        return found

    async def create(self, step: CreateRoom) -> MatrixRoomId:
        try:
            room = await changing.create(self._connection, step)
        except NotYet:
            raise  # nothing was asked, so nothing was made
        except BaseException:
            self._finder.unsure()
            raise
        self._rooms[room].all_devices = step.direct_to is not None
        self._finder.add(step.marker, room, follows=step.predecessor)
        return room

    async def take(self, step: SetState | Invite | Remove) -> None:
        match step:
            case SetState():
                self._rooms[step.room].shown.add(await changing.set_state(self._connection, step))
            case Invite():
                direct = step.room in self._rooms and self._rooms[step.room].all_devices
                await changing.invite(self._connection, step, direct=direct)
            case Remove():
                await changing.remove(self._connection, step)

    async def invitations(self) -> tuple[InvitedUs, ...]:
        return await self._listening.invitations()

    async def accept(self, room: MatrixRoomId, *, via: Sequence[str] = ()) -> None:
        await changing.join(self._connection, room, via)
        await self.look(room)

    async def decline(self, room: MatrixRoomId) -> None:
        await changing.leave(self._connection, room)
        self._rooms.forget(room)
        self._finder.forget(room)

    async def send(
        self,
        room: MatrixRoomId,
        act: ActId,
        content: Mapping[str, Any],
        *,
        urgency: Urgency = Urgency.REPLY,
        not_after: datetime | None = None,
    ) -> Sent:
        sent = await self._speaking.send(room, act, content, turns.send(act, urgency, not_after))
        self._catching_up.begin()
        return sent

    async def reach(self, rooms: Collection[MatrixRoomId]) -> Mapping[MatrixRoomId, Mapping[UserId, Reach]]:
        known = [self._rooms[room] for room in rooms if room in self._rooms]
        return await self._speaking.sharing.reach([room for room in known if room.encrypted])

    async def share_soon(self, rooms: Collection[MatrixRoomId], *, margin: timedelta = timedelta()) -> None:
        known = [self._rooms[room] for room in rooms if room in self._rooms]
        await self._speaking.sharing.share_soon(known, margin=margin)

    async def find_sent(
        self, room: MatrixRoomId, act: ActId, *, since: str | None = None, tried: datetime | None = None
    ) -> EventId | None:
        return await self._speaking.find_sent(room, act, since, tried)

    async def redact(self, room: MatrixRoomId, event_id: EventId, act: ActId) -> None:
        await self._speaking.redact(room, event_id, act)

    async def read_again(self, room: MatrixRoomId, event_ids: Collection[EventId]) -> tuple[Heard, ...]:
        reader = self._listening.reader
        return await unreadable.read_again(self._connection, self._their_keys, reader, room, event_ids)

    async def is_signed(self) -> bool:
        return await self._identity.is_signed()

    async def has_our_identity(self) -> bool:
        return await self._identity.is_ours()

    async def keep_up(self) -> None:
        await self._generation.keep_up()

    async def close(self) -> None:
        await self._catching_up.close()
        await self._their_keys.close()
        await self._connection.close()
        self._machine.store.close()


async def _check(connection: Connection, account: BotAccount) -> None:
    try:
        shown = await connection.get(path("account", "whoami"))
    except Rejected as refused:  # an application service whose registration has changed
        raise Misconfigured(ANOTHER_ACCOUNT) from refused
    if (needed(shown, "user_id", str), shown.get("device_id")) != (account.user_id, account.device_id):
        raise Misconfigured(ANOTHER_ACCOUNT)


def _assemble(
    machine: Machine, connection: Connection, storage: IdentityStorage, *, clock: Clock, only_signed: bool
) -> Parts:
    rooms = Rooms(Remembered(machine.store))
    their_keys = TheirKeys(machine, connection, clock)
    our_keys = OurKeys(machine, connection)
    sharing = Sharing(machine, connection, their_keys, only_signed=only_signed)
    return Parts(
        machine=machine,
        connection=connection,
        rooms=rooms,
        identity=Identity(machine, connection, storage),
        generation=Generation(machine, connection, storage, clock),
        finder=looking.Finder(connection, UserId(machine.user_id)),
        listening=Listening(machine, connection, rooms, our_keys, their_keys),
        speaking=Speaking(machine, connection, rooms, sharing),
        their_keys=their_keys,
        catching_up=CatchingUp(sharing, rooms),
    )
