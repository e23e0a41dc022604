"""The other people of the fake homeserver, each with a client of their own: they join, speak, read, and meddle."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bridge.matrix.homeserver import HomeserverError
from facilitator.ids import EventId, MatrixRoomId, UserId
from tests.fake_crypto import Device, Megolm
from tests.fake_rooms import ENCRYPTED, MESSAGE, NONSENSE, FakeRoom, Sealed

if TYPE_CHECKING:
    from tests.fake_homeserver import FakeHomeserver

FIRST_WITH_CREATORS = 12
MEGOLM = {"algorithm": "m.megolm.v1.aes-sha2"}


@dataclass(eq=False)
class FakePerson:
    """`refuses`: what inviting them answers, if they (or their server) take no invitations."""

    server: "FakeHomeserver" = field(repr=False)
    user_id: UserId
    device: Device = field(repr=False)
    refuses: HomeserverError | None = None
    _held_back: list[tuple[Device, int, MatrixRoomId, str, int]] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self._megolm = Megolm(self.server, self.device)

    # ------------------------------------------------------------------------------------------- coming and going

    async def invitations(self) -> set[MatrixRoomId]:
        rooms = self.server.rooms.values()
        return {room.room for room in rooms if room.membership(self.user_id) == "invite"}

    async def join(self, room: MatrixRoomId) -> None:
        self._change(room, self.user_id, "join")

    async def leave(self, room: MatrixRoomId) -> None:
        """Leave, or decline an invitation."""
        self._change(room, self.user_id, "leave")

    async def knock(self, room: MatrixRoomId) -> None:
        self._change(room, self.user_id, "knock")

    async def invite(self, room: MatrixRoomId, user: UserId) -> None:
        self._change(room, user, "invite")

    async def kick(self, room: MatrixRoomId, user: UserId) -> None:
        self._change(room, user, "leave")

    async def ban(self, room: MatrixRoomId, user: UserId) -> None:
        self._change(room, user, "ban")

    def _change(self, room: MatrixRoomId, user: UserId, membership: str) -> None:
        self.server.change_membership(self.server.room(room), self.user_id, user, membership)

    # ------------------------------------------------------------------------------------------- speaking

    async def say(
        self, room: MatrixRoomId, body: str, *, encrypted: bool = True, bound: bool = True, key_later: bool = False
    ) -> EventId:
        """`bound`: False is a homeserver forging this sender. `key_later`: the keys stay behind until `send_keys`."""
        place = self.server.room(room)
        place.require(self.user_id, place.needs(ENCRYPTED if encrypted else MESSAGE, state=False))
        sealed = self._sealed(place, key_later) if encrypted else None
        sealed = replace(sealed, bound=bound) if sealed else None
        return self.server.add(
            place, self.user_id, MESSAGE, {"msgtype": "m.text", "body": body}, sealed=sealed
        ).event_id

    def _sealed(self, place: FakeRoom, key_later: bool) -> Sealed:
        before = {device: len(device.post) for device in self.server.devices.values()}
        sealed, _ = self._megolm.seal(place)
        if key_later:
            for device, count in before.items():
                self._held_back += [(device, *parcel) for parcel in device.post[count:]]
                del device.post[count:]
        return sealed

    async def say_in_clear(self, room: MatrixRoomId, body: str) -> EventId:
        return await self.say(room, body, encrypted=False)

    async def use_unsigned_device(self) -> None:
        self.device.signed = False
        self.server.device_changed(self.user_id)

    async def sign_device(self) -> None:
        self.device.signed = True
        self.server.device_changed(self.user_id)

    async def sign_in_elsewhere(self, name: str = "LAPTOP", *, signed: bool = False) -> Device:
        """A second device, signed by its owner or not yet."""
        device = self.server.device(self.user_id, name)
        device.signed = signed
        self.server.device_changed(self.user_id)
        return device

    async def sign_out_of(self, device: Device) -> None:
        """It is theirs no longer, and nobody's."""
        del self.server.devices[device.user, device.name]
        self.server.device_changed(self.user_id)

    async def send_keys(self) -> None:
        """The keys that stayed behind arrive at last."""
        for device, _, room, session, index in self._held_back:
            device.post.append((self.server.new_position(), room, session, index))
        self._held_back.clear()

    async def send_nonsense(self, room: MatrixRoomId) -> EventId:
        """An event so malformed that nothing can be made of it."""
        return self.server.add(self.server.room(room), self.user_id, NONSENSE, {}).event_id

    # ------------------------------------------------------------------------------------------- reading

    async def sees(self, room: MatrixRoomId) -> list[EventId]:
        """The messages their homeserver gives them, readable or not, without those that were hidden."""
        place = self.server.room(room)
        seen = (event for event in place.seen_by(self.user_id) if event.type == MESSAGE)
        return [event.event_id for event in seen if event.event_id not in place.redacted]

    async def read(self, room: MatrixRoomId) -> list[str]:
        """What stands on this person's screen: visible, not redacted, and encrypted for this device."""
        self.device.receive(0)
        place = self.server.room(room)
        return [
            str(event.content["body"])
            for event in place.seen_by(self.user_id)
            if event.type == MESSAGE and event.event_id not in place.redacted
            if event.sealed is None or event.sender == self.user_id or self.device.opens(event.sealed)
        ]

    # ------------------------------------------------------------------------------------------- meddling

    async def set_state(self, room: MatrixRoomId, type_: str, content: Mapping[str, Any]) -> None:
        self.server.set_state(self.server.room(room), self.user_id, type_, content)

    async def rename(self, room: MatrixRoomId, name: str) -> None:
        await self.set_state(room, "m.room.name", {"name": name})

    async def upgrade(self, room: MatrixRoomId) -> MatrixRoomId:
        """As their homeserver does it for them: a new room of their own with the old one's state, then the tombstone.
        Nobody is brought along, nor what else stood in the making of the old room."""
        old = self.server.room(room)
        old.check_state(self.user_id, "m.room.tombstone", {})
        new = FakeRoom(MatrixRoomId(f"!room{self.server.new_position()}"), frozenset({self.user_id}))
        self.server.rooms[new.room] = new
        self.server.add(
            new, self.user_id, "m.room.create", {"room_version": "12", "predecessor": {"room_id": room}}, state_key=""
        )
        self.server.add(new, self.user_id, "m.room.member", {"membership": "join"}, state_key=self.user_id)
        for (kind, key), event in sorted(old.state.items()):
            if kind not in ("m.room.create", "m.room.member"):
                self.server.add(new, self.user_id, kind, event.content, state_key=key)
        self.server.set_state(old, self.user_id, "m.room.tombstone", {"body": "", "replacement_room": new.room})
        return new.room

    async def make_room(
        self,
        inviting: UserId,
        *,
        direct: bool = False,
        encrypted: bool = True,
        history: str = "shared",
        version: str = "12",
        trusting: bool = False,
    ) -> MatrixRoomId:
        """A room of their own making, as clients make them, and an invitation to it. `trusting`: whoever is invited
        may do there what its maker may (`trusted_private_chat`)."""
        over_power = frozenset({self.user_id, inviting} if trusting else {self.user_id})
        has_creators = int(version) >= FIRST_WITH_CREATORS
        room = FakeRoom(MatrixRoomId(f"!room{self.server.new_position()}"), over_power if has_creators else frozenset())
        self.server.rooms[room.room] = room
        more = {"additional_creators": [inviting]} if has_creators and trusting else {}
        states: list[tuple[str, str, Mapping[str, Any]]] = [
            ("m.room.create", "", {"room_version": version, **more}),
            ("m.room.member", self.user_id, {"membership": "join"}),
            ("m.room.power_levels", "", {"users": {} if has_creators else dict.fromkeys(sorted(over_power), 100)}),
            ("m.room.join_rules", "", {"join_rule": "invite"}),
            ("m.room.history_visibility", "", {"history_visibility": history}),
            *([("m.room.encryption", "", MEGOLM)] if encrypted else []),
        ]
        for type_, key, content in states:
            self.server.add(room, self.user_id, type_, content, state_key=key)
        said = {"is_direct": True} if direct else {}
        self.server.change_membership(room, self.user_id, inviting, "invite", **said)
        return room.room
