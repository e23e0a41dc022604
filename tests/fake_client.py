"""One bot's handle on the fake homeserver: the `Homeserver` protocol without a network. A restart is a new handle."""

import asyncio
import copy
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from bridge.counts import Counts
from bridge.heard import Heard, InvitedUs, StateChanged, Sync
from bridge.matrix import turns
from bridge.matrix.homeserver import (
    ACT_KEY,
    MARKER_KEY,
    CannotTell,
    CreateRoom,
    FoundRoom,
    HomeserverError,
    Invite,
    KnownRoom,
    NotYet,
    Overtaken,
    Rejected,
    Remove,
    Sent,
    SetBy,
    SetState,
    SignedOut,
    SlowDown,
    Urgency,
)
from bridge.matrix.line import Request
from bridge.matrix.pace import Pace, Pass
from facilitator.ids import ActId, EventId, MatrixRoomId, RoomId, UserId
from facilitator.rules.reach import Reach
from tests.fake_crypto import Device, Megolm, heard
from tests.fake_rooms import ENCRYPTED, MESSAGE, REDACTION, FakeEvent, FakeRoom

if TYPE_CHECKING:
    from tests.fake_homeserver import FakeHomeserver

T = TypeVar("T")
Origin = tuple[RoomId, MatrixRoomId | None]
HISTORY_SEARCHED = 1_000


class FakeClient:
    """What this process knows dies with it: rooms it may speak in, rooms it found, its outbound sessions. What its
    device holds (keys, the place of its account) is on disk, in `FakeHomeserver.devices`."""

    def __init__(self, server: "FakeHomeserver", device: Device) -> None:
        self.server, self.device = server, device
        device.holder = self
        self.closed = False
        self.pace = Pace(server.clock)
        self._since: str | None = None
        self._arrived: set[tuple[MatrixRoomId, str]] = set()
        self._shown: set[EventId] = set()
        self._megolm = Megolm(server, device)
        self._known: dict[MatrixRoomId, KnownRoom] = {}
        self._found: dict[Origin, MatrixRoomId] | None = None

    @property
    def user_id(self) -> UserId:
        return self.device.user

    @property
    def device_id(self) -> str:
        return self.device.name

    async def _ask(
        self,
        what: str,
        effect: Callable[[], T],
        *,
        half: Callable[[], object] | None = None,
        turn: Request | None = None,
    ) -> T:
        """One request: the weather, the effect, and the two points where this process may die."""
        weather, granted = self.server.weather, None if turn is None else self.pace.admit(turn)
        assert not self.closed, "a client that was closed is asked something"
        await asyncio.sleep(0)
        if wait := weather.wait(what):
            await self.server.clock.sleep(wait)
        weather.crash_point(f"before {what}")
        storm = weather.next(what)
        if self.device.signed_out:
            raise SignedOut("M_UNKNOWN_TOKEN")
        if storm is not None and not storm.done:
            if storm.half and half is not None:
                half()
            raise storm.error
        if granted is not None:
            self._limited(what, granted)
        result = effect()
        weather.crash_point(f"after {what}")
        if storm is not None:
            raise storm.error
        return result

    def _limited(self, what: str, granted: Pass) -> None:
        limits = self.server.limits
        wait = limits.wait(what, self.user_id, granted.request.person) if limits else None
        if wait is not None:
            raise SlowDown("rate limit", self.pace.refused(granted, wait))
        self.pace.went(granted)

    # ------------------------------------------------------------------------------------------- hearing

    async def listen(self, since: str | None, *, wait: timedelta) -> Sync:
        if since is not None and wait and self._nothing_since(since):
            await self.server.wait_for_news(wait)
        return await self._ask("listen", lambda: self._sync(since))

    def _nothing_since(self, since: str) -> bool:
        return int(since.removeprefix("s")) >= self.server.position

    def _sync(self, since: str | None) -> Sync:
        after = 0 if since is None else int(since.removeprefix("s"))
        if since != self._since:
            self._since = since
            self._arrived.clear()
        self._arrived |= self.device.receive(after)
        rooms = list(self.server.rooms.values())[::-1]  # rooms come in no order that may be relied on
        news = [event for room in rooms for event in room.seen_by(self.user_id, after=self._begin(room, after))]
        self._take_in(news)
        made = self._made(news)
        self._show(event for event in news if event.room in made)
        said = (self._heard(event) for event in news) if since is not None else ()
        return Sync(
            next_batch=f"s{self.server.position}",
            events=tuple(each for each in said if each is not None),
            invitations=tuple(self._invitations(after)),
            keys_arrived=frozenset(self._arrived),
            ours=self._came_and_went(news),
            devices_changed=self._devices_changed(after) if since is not None else frozenset(),
        )

    def _devices_changed(self, after: int) -> frozenset[UserId]:
        """Of those who share an encrypted room with us; for who has just come into one, that counts as a change."""
        near: set[UserId] = set()
        came: set[UserId] = set()
        for room in self.server.rooms.values():
            if room.encryption is not None and room.membership(self.user_id) == "join":
                near |= room.joined()
                came |= {user for user in room.joined() if room.state["m.room.member", user].position > after}
        changed = {user for position, user in self.server.changes if position > after}
        return frozenset((changed & near | came) - {self.user_id})

    def _begin(self, room: FakeRoom, after: int) -> int:
        """A room just joined comes with what was said in it before, as far as it may be seen."""
        own = room.state.get(("m.room.member", self.user_id))
        new = own is not None and own.position > after and own.before != "join" and own.content["membership"] == "join"
        return 0 if new else after

    def _take_in(self, news: Iterable[FakeEvent]) -> None:
        """Only what this answer says: rooms it does not mention are as unknown as before."""
        for event in news:
            if event.type == "m.room.encryption" and event.content:
                self._now_encrypted(event.room, event.content)
            elif self._is_ours(event) and event.content["membership"] != "join":
                self._forget(event.room)

    def _now_encrypted(self, room: MatrixRoomId, encryption: Mapping[str, Any]) -> None:
        known = self._known.get(room)
        self._known[room] = replace(known, encryption=encryption) if known else KnownRoom(room, encryption)

    def _forget(self, room: MatrixRoomId) -> None:
        self._known.pop(room, None)
        if self._found is not None:
            self._found = {origin: known for origin, known in self._found.items() if known != room}

    def _is_ours(self, event: FakeEvent) -> bool:
        return event.type == "m.room.member" and event.state_key == self.user_id

    def _heard(self, event: FakeEvent) -> Heard | None:
        said = heard(event, self.device, redacted=event.event_id in self.server.rooms[event.room].redacted)
        expected = event.event_id in self._shown
        return replace(said, expected=expected) if isinstance(said, StateChanged) else said

    def _show(self, events: Iterable[FakeEvent]) -> None:
        """Their echo will be no news."""
        self._shown |= {event.event_id for event in events if event.sender == self.user_id}

    def _came_and_went(self, news: Sequence[FakeEvent]) -> dict[MatrixRoomId, str]:
        """A room we have made, without being away since, is none we came into."""
        made = self._made(news)
        mine = [event for event in news if self._is_ours(event) and event.room not in made]
        return {event.room: str(event.content["membership"]) for event in mine}

    def _made(self, news: Sequence[FakeEvent]) -> set[MatrixRoomId]:
        mine = [event.room for event in news if self._is_ours(event)]
        made = {e.room for e in news if e.type == "m.room.create" and e.sender == self.user_id}
        return {room for room in made if mine.count(room) == 1}

    def _invitations(self, after: int) -> Iterable[InvitedUs]:
        for room in self.server.rooms.values():
            event = room.state.get(("m.room.member", self.user_id))
            if event is not None and event.position > after and room.membership(self.user_id) == "invite":
                direct = event.content.get("is_direct") is True
                yield InvitedUs(room.room, event.sender, direct=direct, encrypted=room.encryption is not None)

    async def invitations(self) -> tuple[InvitedUs, ...]:
        return await self._ask("invitations", lambda: tuple(self._invitations(0)))

    async def read_again(self, room: MatrixRoomId, events: Collection[EventId]) -> tuple[Heard, ...]:
        def read() -> tuple[Heard, ...]:
            seen = {e.event_id: e for e in self.server.room(room).seen_by(self.user_id)}
            said = (self._heard(seen[event_id]) for event_id in events if event_id in seen)
            return tuple(each for each in said if each is not None)

        return await self._ask("read_again", read)

    # ------------------------------------------------------------------------------------------- rooms

    def remember(self, rooms: Iterable[KnownRoom]) -> None:
        self._known.update({room.room: room for room in rooms})

    @property
    def room_version(self) -> str:
        return self.server.room_version

    async def has_account(self, user: UserId) -> bool:
        def look() -> bool:
            known = any(device.user == user for device in self.server.devices.values())
            return known or user.partition(":")[2] != self.server.server_name

        return await self._ask("has_account", look)

    async def find(self, marker: RoomId, *, follows: MatrixRoomId | None = None) -> MatrixRoomId | None:
        if self._found is None:
            self._found = await self._ask("find", self._scan)
        return self._found.get((marker, follows))

    async def answers(self, user: UserId) -> bool:
        await self.server.agreed(user)
        return await self._ask("answers", lambda: True)

    async def joined(self) -> frozenset[MatrixRoomId]:
        def rooms() -> frozenset[MatrixRoomId]:
            return frozenset(r.room for r in self.server.rooms.values() if r.membership(self.user_id) == "join")

        return await self._ask("joined", rooms)

    def _scan(self) -> dict[Origin, MatrixRoomId]:
        ours = [room for room in self.server.rooms.values() if room.membership(self.user_id) == "join"]
        return {
            (RoomId(marker), room.predecessor): room.room
            for room in ours[::-1]
            if (marker := self._marker(room)) is not None
        }

    def _marker(self, room: FakeRoom) -> RoomId | None:
        """Only of rooms this account made: anybody could put our marker into a room of theirs."""
        created = room.state["m.room.create", ""]
        marker = created.content.get(MARKER_KEY)
        return marker if created.sender == self.user_id else None

    async def look(self, room: MatrixRoomId) -> FoundRoom:
        found = await self._ask("look", lambda: self._look(self.server.room(room)))
        if found.encryption is not None:
            self._now_encrypted(room, found.encryption)
        return found

    def _look(self, room: FakeRoom) -> FoundRoom:
        if room.membership(self.user_id) != "join":
            raise Rejected("M_FORBIDDEN")
        self._show(room.state.values())
        return FoundRoom(
            room=room.room,
            version=str(room.value("m.room.create", "room_version")),
            creators=room.creators,
            made_by=room.state["m.room.create", ""].sender,
            marker=self._marker(room),
            name=room.value("m.room.name", "name"),
            topic=room.value("m.room.topic", "topic"),
            join_rule=room.value("m.room.join_rules", "join_rule"),
            history_visibility=room.value("m.room.history_visibility", "history_visibility"),
            guest_access=room.value("m.room.guest_access", "guest_access"),
            encryption=copy.deepcopy(room.encryption),
            power_levels=copy.deepcopy(dict(room.levels)),
            members=room.members(),
            server_acl=copy.deepcopy(room.content("m.room.server_acl")) or None,
            set_by={kind: SetBy(e.sender, e.event_id) for (kind, key), e in room.state.items() if key == ""},
            predecessor=room.predecessor,
            tombstone=room.tombstone,
        )

    async def create(self, step: CreateRoom) -> MatrixRoomId:
        server = self.server
        try:
            room = await self._ask(
                "create",
                lambda: server.create(self.user_id, step),
                half=lambda: server.create(self.user_id, step, half=True),
                turn=turns.create(step),
            )
        except NotYet:
            raise
        except HomeserverError:
            self._found = None  # only the answer may be lost: then the room is there and must be looked for
            raise
        if self._found is not None:
            self._found[step.marker, step.predecessor] = room.room
        self.remember([KnownRoom(room.room, {}, all_devices=step.direct_to is not None)])
        return room.room

    async def take(self, step: SetState | Invite | Remove) -> None:
        match step:
            case SetState():
                self._show([await self._ask("set_state", lambda: self._set_state(step), turn=turns.set_state(step))])
            case Invite():
                direct = step.room in self._known and self._known[step.room].all_devices
                await self.server.agreed(step.user)
                await self._ask("invite", lambda: self._invite(step), turn=turns.invite(step, direct=direct))
            case Remove():
                await self._ask("remove", lambda: self._remove(step), turn=turns.remove(step))

    def _set_state(self, step: SetState) -> FakeEvent:
        return self.server.set_state(self.server.room(step.room), self.user_id, step.type, step.content)

    def _invite(self, step: Invite) -> None:
        room, known = self._ours(step.room), self._known.get(step.room)
        if room.membership(step.user) != "join":
            direct = {"is_direct": True} if known is not None and known.all_devices else {}
            self.server.change_membership(room, self.user_id, step.user, "invite", **direct)

    def _ours(self, room: MatrixRoomId) -> FakeRoom:
        place = self.server.room(room)
        place.require(self.user_id, 0)
        return place

    def _remove(self, step: Remove) -> None:
        room = self._ours(step.room)
        if room.membership(step.user) not in ("leave", "ban"):
            reason = {"reason": step.reason} if step.reason else {}
            self.server.change_membership(room, self.user_id, step.user, "leave", **reason)

    async def accept(self, room: MatrixRoomId, *, via: Sequence[str] = ()) -> None:
        def join() -> None:
            self.server.change_membership(self.server.room(room), self.user_id, self.user_id, "join")

        await self._ask("accept", join)
        await self.look(room)

    async def decline(self, room: MatrixRoomId) -> None:
        def leave() -> None:
            there = self.server.rooms.get(room)
            if there is not None and there.membership(self.user_id) in ("join", "invite", "knock"):
                self.server.change_membership(there, self.user_id, self.user_id, "leave")

        await self._ask("decline", leave)
        self._forget(room)

    # ------------------------------------------------------------------------------------------- speaking

    async def send(
        self,
        room: MatrixRoomId,
        act: ActId,
        content: Mapping[str, Any],
        *,
        urgency: Urgency = Urgency.REPLY,
        not_after: datetime | None = None,
    ) -> Sent:
        known = self._known.get(room)
        if known is None or not known.encryption:
            raise Rejected("HEARTH_NOT_ENCRYPTED")
        said: Mapping[str, Any] = {**content, ACT_KEY: act}
        turn = turns.send(act, urgency, not_after)
        return await self._ask(
            "send", lambda: self._send(self.server.room(room), act, said, known.all_devices), turn=turn
        )

    def _send(self, room: FakeRoom, act: ActId, content: Mapping[str, Any], all_devices: bool) -> Sent:
        room.require(self.user_id, room.needs(ENCRYPTED, state=False))
        sealed, withheld = self._megolm.seal(room, all_devices=all_devices)

        def say() -> FakeEvent:
            return self.server.add(room, self.user_id, MESSAGE, content, sealed=sealed)

        reached = self._megolm.reach(room, all_devices=all_devices)
        return Sent(self.server.once(self.device, room.room, act, say), withheld, reached)

    async def reach(self, rooms: Collection[MatrixRoomId]) -> Mapping[MatrixRoomId, Mapping[UserId, Reach]]:
        def ask() -> dict[MatrixRoomId, Mapping[UserId, Reach]]:
            found = {}
            for room in rooms:
                known, there = self._known.get(room), self.server.rooms.get(room)
                if known and known.encryption and there and there.membership(self.user_id) == "join":
                    found[room] = self._megolm.reach(there, all_devices=known.all_devices)
            return found

        return await self._ask("reach", ask)

    async def share_soon(self, rooms: Collection[MatrixRoomId], *, margin: timedelta = timedelta()) -> None:
        def share() -> None:
            for room in rooms:
                known, there = self._known.get(room), self.server.rooms.get(room)
                if known and known.encryption and there and there.membership(self.user_id) == "join":
                    self._megolm.share(there, all_devices=known.all_devices)

        with suppress(HomeserverError):
            await self._ask("share_soon", share)

    async def find_sent(
        self, room: MatrixRoomId, act: ActId, *, since: str | None = None, tried: datetime | None = None
    ) -> EventId | None:
        after = 0 if since is None else int(since.removeprefix("s"))

        def search() -> EventId | None:
            place = self._ours(room)
            recent = list(place.seen_by(self.user_id, after=after))[-HISTORY_SEARCHED:]
            mine = [e for e in recent if e.sender == self.user_id and e.type == MESSAGE and e.sealed is not None]
            read = {e.event_id for e in mine if self.device.opens(e.sealed) and e.event_id not in place.redacted}
            found = next((e.event_id for e in mine if e.event_id in read and e.content.get(ACT_KEY) == act), None)
            unread = [e.event_id for e in mine if e.event_id not in read and tried is not None and e.sent_at >= tried]
            if found is None and unread:
                raise CannotTell(unread, whole=True)
            return found

        return await self._ask("find_sent", search)

    async def redact(self, room: MatrixRoomId, event_id: EventId, act: ActId) -> None:
        await self._ask("redact", lambda: self._redact(self._ours(room), event_id, act))

    def _redact(self, room: FakeRoom, event_id: EventId, act: ActId) -> None:
        if any(event.event_id == event_id and event.sender != self.user_id for event in room.events):
            room.require(self.user_id, room.levels.get("redact", 50))

        def hide() -> FakeEvent:
            room.redacted.add(event_id)
            return self.server.add(room, self.user_id, REDACTION, {"redacts": event_id})

        self.server.once(self.device, room.room, act, hide)

    async def is_signed(self) -> bool:
        return await self._ask("is_signed", lambda: self.device.signed and not self.device.identity_replaced)

    async def has_our_identity(self) -> bool:
        return await self._ask("has_our_identity", lambda: not self.device.identity_replaced)

    async def keep_up(self) -> None:
        def look() -> None:
            if self.device.holder is not self:
                raise Overtaken

        await self._ask("keep_up", look)

    @property
    def counts(self) -> Counts:
        return Counts()

    async def close(self) -> None:
        self.closed = True
