"""An in-memory homeserver that keeps Matrix's promises, so that journeys and crashes can be tried by the thousand.

Trusted because `tests/homeserver_contract.py` holds it and a real Synapse to the same tests. `FakeHomeserver` is the
server and lasts; a bot's handle on it, new after every restart, is in `fake_client`, the other people in `fake_people`,
faults and crash points in `fake_weather`.
"""

import asyncio
import copy
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bridge.matrix.homeserver import MARKER_KEY, CreateRoom, Rejected, TheirFault
from facilitator.clock import Clock
from facilitator.ids import EventId, MatrixRoomId, UserId
from facilitator.rules.wanted_room import FIRST_WITH_CREATORS, ROOM_VERSION
from tests.fake_client import FakeClient
from tests.fake_crypto import Device
from tests.fake_limits import Limits
from tests.fake_people import FakePerson
from tests.fake_rooms import FakeEvent, FakeRoom, Sealed, check_levels
from tests.fake_weather import Weather

REMEMBERED = timedelta(hours=24)
USER_ID = re.compile(r"@[^:]*:.+")


@dataclass
class FakeHomeserver:
    """The server side. `elsewhere`: other homeservers it can reach; all others are unreachable. `silent`: those that do
    not say just now which devices their people have. `frozen`: those that let invitations wait until the event is set;
    `waits`: for whom. `changes`: whose devices changed, with its place in the stream."""

    clock: Clock
    server_name: str = "test"
    elsewhere: set[str] = field(default_factory=set)
    room_version: str = ROOM_VERSION
    weather: Weather = field(default_factory=Weather)
    limits: Limits | None = None
    rooms: dict[MatrixRoomId, FakeRoom] = field(default_factory=dict)
    people: dict[UserId, FakePerson] = field(default_factory=dict)
    devices: dict[tuple[UserId, str], Device] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    frozen: dict[str, asyncio.Event] = field(default_factory=dict)
    waits: Counter[UserId] = field(default_factory=Counter)
    changes: list[tuple[int, UserId]] = field(default_factory=list)
    transactions: dict[tuple[str, MatrixRoomId, str], tuple[EventId, datetime]] = field(default_factory=dict)
    position: int = 0
    polling: set[asyncio.Event] = field(default_factory=set)

    def bot(self, user_id: str = "@hearth:test", device: str = "HEARTH") -> FakeClient:
        """A handle as after a start of the process: same device and key store, nothing else remembered."""
        return FakeClient(self, self.device(UserId(user_id), device))

    def person(self, user_id: str) -> FakePerson:
        """Somebody with an account and one device, signed by its owner; the same person each time."""
        user = UserId(user_id)
        self.elsewhere |= {user.partition(":")[2]} - {self.server_name}
        return self.people.setdefault(user, FakePerson(self, user, self.device(user, "PHONE")))

    def device(self, user: UserId, name: str) -> Device:
        return self.devices.setdefault((user, name), Device(user, name))

    def devices_of(self, users: Collection[UserId]) -> list[Device]:
        return [device for device in self.devices.values() if device.user in users]

    def device_changed(self, user: UserId) -> None:
        """As it tells everybody who shares an encrypted room with them."""
        self.changes.append((self.new_position(), user))

    def new_position(self) -> int:
        self.position += 1
        for poll in self.polling:
            poll.set()
        return self.position

    def freeze(self, server: str) -> None:
        """From now on this server answers nothing."""
        self.frozen[server] = asyncio.Event()

    def thaw(self, server: str) -> None:
        self.frozen.pop(server).set()

    async def agreed(self, user: UserId) -> None:
        """Their server has answered."""
        if thawed := self.frozen.get(user.partition(":")[2]):
            self.waits[user] += 1
            try:
                await thawed.wait()
            finally:
                self.waits[user] -= 1

    async def wait_for_news(self, at_most: timedelta) -> None:
        """As a long poll does: until something happens, or so long by the clock."""
        news = asyncio.Event()
        self.polling.add(news)
        waits = [asyncio.ensure_future(news.wait()), asyncio.ensure_future(self.clock.sleep(at_most))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.polling.discard(news)
            for each in waits:
                each.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    # ------------------------------------------------------------------------------------------- what rooms do

    def room(self, room: MatrixRoomId) -> FakeRoom:
        if room not in self.rooms:
            raise Rejected("M_FORBIDDEN")  # a homeserver does not tell a room that is not ours from none
        return self.rooms[room]

    def add(
        self,
        room: FakeRoom,
        sender: UserId,
        type_: str,
        content: Mapping[str, Any],
        *,
        state_key: str | None = None,
        sealed: Sealed | None = None,
    ) -> FakeEvent:
        """Append an event that has been allowed."""
        position, joined = self.new_position(), room.joined()
        event = FakeEvent(
            position=position,
            event_id=EventId(f"$event{position}"),
            room=room.room,
            type=type_,
            sender=sender,
            sent_at=self.clock.now(),
            content=copy.deepcopy(dict(content)),
            state_key=state_key,
            before=room.membership(UserId(state_key)) if type_ == "m.room.member" and state_key else "leave",
            history=room.value("m.room.history_visibility", "history_visibility") or "shared",
            inside=joined,
            sealed=sealed,
        )
        if state_key is not None:
            room.state[type_, state_key] = event
            event = room.state[type_, state_key] = replace(event, inside=joined | room.joined())
        room.events.append(event)
        return event

    def set_state(self, room: FakeRoom, sender: UserId, type_: str, content: Mapping[str, Any]) -> FakeEvent:
        """Identical state gives no new event."""
        room.check_state(sender, type_, content)
        present = room.state.get((type_, ""))
        if present is not None and present.content == content and present.sender == sender:
            return present
        return self.add(room, sender, type_, content, state_key="")

    def change_membership(
        self, room: FakeRoom, sender: UserId, user: UserId, membership: str, **more: Any
    ) -> FakeEvent | None:
        room.check_membership(sender, user, membership)
        if room.membership(user) == membership:
            return None
        if membership == "invite":
            self._deliver(user)
        return self.add(room, sender, "m.room.member", {"membership": membership, **more}, state_key=user)

    def _deliver(self, user: UserId) -> None:
        """An invitation reaches its person's homeserver, or not."""
        if not USER_ID.fullmatch(user):
            raise Rejected("M_INVALID_PARAM")
        server = user.partition(":")[2]
        if server != self.server_name and server not in self.elsewhere:
            raise TheirFault("502", timedelta(seconds=1))
        person = self.people.get(user)
        if person is not None and person.refuses is not None:
            raise person.refuses
        if person is None and server != self.server_name:
            raise Rejected("M_NOT_FOUND")  # of its own people Synapse does not say whether they are there

    def once(self, device: Device, room: MatrixRoomId, transaction: str, do: Callable[[], FakeEvent]) -> EventId:
        """A transaction id is remembered for a day, for its device and room, whatever kind of event it was."""
        key = (f"{device.user} {device.name}", room, transaction)
        known = self.transactions.get(key)
        if known is not None and self.clock.now() - known[1] < REMEMBERED:
            return known[0]
        event = do()
        self.transactions[key] = (event.event_id, self.clock.now())
        return event.event_id

    def create(self, creator: UserId, step: CreateRoom, *, half: bool = False) -> FakeRoom:
        """createRoom: every call makes a room. It is a row of events to a homeserver; `half`: only the first."""
        creators = frozenset({creator, *step.additional_creators})
        if int(step.version) < FIRST_WITH_CREATORS:
            creators = frozenset()
            if creator not in step.power_levels["users"]:
                raise Rejected("M_BAD_JSON")
        check_levels(step.power_levels, creators)
        room = FakeRoom(MatrixRoomId(f"!room{self.new_position()}"), creators)
        self.rooms[room.room] = room
        more: dict[str, Any] = {"additional_creators": [*step.additional_creators]} if step.additional_creators else {}
        more |= {"predecessor": {"room_id": step.predecessor}} if step.predecessor else {}
        states: list[tuple[str, str, Mapping[str, Any]]] = [
            ("m.room.create", "", {MARKER_KEY: step.marker, "room_version": step.version, **more}),
            ("m.room.member", creator, {"membership": "join"}),
            ("m.room.power_levels", "", {**step.power_levels, "historical": 100}),  # as Synapse does
            ("m.room.join_rules", "", {"join_rule": step.join_rule}),
            ("m.room.history_visibility", "", {"history_visibility": step.history_visibility}),
            ("m.room.guest_access", "", {"guest_access": step.guest_access}),
            ("m.room.server_acl", "", step.server_acl),
            ("m.room.encryption", "", step.encryption),
            ("m.room.name", "", {"name": step.name}),
        ]
        for type_, key, content in states[: 3 if half else None]:
            self.add(room, creator, type_, content, state_key=key)
        return room
