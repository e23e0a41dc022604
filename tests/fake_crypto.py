"""Who can read what, without the arithmetic: devices, Megolm sessions and their keys as plain sets.

A device that was given a session's key reads from that message on, never what came before; who should not read on
makes it a new session.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.heard import Heard, MembershipChanged, Message, StateChanged, Undecipherable, Unreadable
from facilitator.ids import MatrixRoomId, UserId
from facilitator.rules.reach import Reach
from tests.fake_rooms import MESSAGE, NONSENSE, FakeEvent, FakeRoom, Sealed

if TYPE_CHECKING:
    from tests.fake_homeserver import FakeHomeserver


AHEAD = 10
"""Steps of a session that may have been used when a process died."""


@dataclass
class Device:
    """`holder`: the process that began last. `keys`: session → the first message it can read. `post`: keys on their
    way, with their place in the stream. `one_time_keys`: whether it has one left for somebody who never wrote to it."""

    user: UserId
    name: str
    signed: bool = True
    signed_out: bool = False
    identity_replaced: bool = False
    holder: object = None
    one_time_keys: bool = True
    keys: dict[str, int] = field(default_factory=dict, repr=False)
    post: list[tuple[int, MatrixRoomId, str, int]] = field(default_factory=list, repr=False)
    sessions: dict[MatrixRoomId, "Session"] = field(default_factory=dict, repr=False)

    def __hash__(self) -> int:
        return hash((self.user, self.name))

    def receive(self, after: int) -> set[tuple[MatrixRoomId, str]]:
        """Take in the keys that came since, and say which are new: a key is taken in once, however often it comes."""
        new = set()
        for position, room, session, index in self.post:
            if position > after and index < self.keys.get(session, index + 1):
                self.keys[session] = index
                new.add((room, session))
        return new

    def opens(self, sealed: Sealed) -> bool:
        return sealed.index >= self.keys.get(sealed.session, sealed.index + 1)


@dataclass
class Session:
    id: str
    next_index: int = 0
    given: set[Device] = field(default_factory=set)
    told: set[Device] = field(default_factory=set)


class Megolm:
    """The outbound sessions of one device. They are on its disk: after a restart they go on, and a step that may have
    been used is not used again."""

    def __init__(self, server: "FakeHomeserver", device: Device) -> None:
        self._server, self._device = server, device
        self._refused: dict[MatrixRoomId, frozenset[UserId]] = {}
        self._begun: set[Device] = set()
        for session in device.sessions.values():
            session.next_index += AHEAD

    def seal(self, room: FakeRoom, *, all_devices: bool = False) -> tuple[Sealed, frozenset[UserId]]:
        """Encrypt the next message for whoever has joined; say whose devices were refused the key since the last."""
        session = self.share(room, all_devices=all_devices)
        sealed = Sealed(session.id, session.next_index, signed=self._device.signed)
        session.next_index += 1
        return sealed, self._refused.pop(room.room, frozenset())

    def share(self, room: FakeRoom, *, all_devices: bool = False) -> Session:
        """Have the key of the room's session with whoever has joined."""
        others = [d for d in self._server.devices_of(room.joined()) if d is not self._device]
        targets = {device for device in others if device.signed or all_devices}
        session = self._session(room, targets)
        reached = {device for device in targets if self._reaches(device)}
        for device in reached - session.given:
            device.post.append((self._server.new_position(), room.room, session.id, session.next_index))
        session.given |= reached
        untold = {device for device in others if device not in targets} - session.told
        session.told |= untold
        self._refused[room.room] = self._refused.get(room.room, frozenset()) | {device.user for device in untold}
        return session

    def reach(self, room: FakeRoom, *, all_devices: bool) -> dict[UserId, Reach]:
        """How far a key would come with each of those who have joined. People on a silent server are as they were when
        it last answered: unknown, here."""
        found = {}
        for user in room.joined() - {self._device.user}:
            answered = user.partition(":")[2] not in self._server.silent
            devices = self._server.devices_of({user}) if answered else []
            right = [device for device in devices if device.signed or all_devices]
            given = sum(self._reaches(device) for device in right)
            found[user] = Reach(given, len(devices) - len(right), len(right) - given, answered)
        return found

    def _reaches(self, device: Device) -> bool:
        """There is an encrypted session with it, or a key to begin one with; once begun it lasts."""
        if device.one_time_keys:
            self._begun.add(device)
        return device in self._begun

    def _session(self, room: FakeRoom, targets: set[Device]) -> Session:
        present = self._device.sessions.get(room.room)
        if present is None or present.given - targets:
            present = self._device.sessions[room.room] = Session(f"session{self._server.new_position()}")
            self._device.keys[present.id] = 0
        return present


def heard(event: FakeEvent, device: Device, *, redacted: bool = False) -> Heard | None:
    """The event as a bot hears it; None for what is none of its business: its own words and redacted ones."""
    common = {"room": event.room, "event_id": event.event_id, "sender": event.sender, "sent_at": event.sent_at}
    if event.type == NONSENSE:
        return Undecipherable(**common)  # type: ignore[arg-type]
    if event.type == "m.room.member":
        user, membership = UserId(str(event.state_key)), str(event.content["membership"])
        return MembershipChanged(**common, user=user, membership=membership, before=event.before)  # type: ignore[arg-type]
    if event.state_key is not None:
        room = event.content.get("replacement_room") if event.type == "m.room.tombstone" else None
        return StateChanged(**common, type=event.type, state_key=event.state_key, goes_on_in=room)  # type: ignore[arg-type]
    if event.type != MESSAGE or redacted or event.sender == device.user:
        return None
    return _message(event, device)


def _message(event: FakeEvent, device: Device) -> Message | Unreadable:
    sealed = event.sealed
    if sealed is not None and not device.opens(sealed):
        return Unreadable(
            room=event.room,
            event_id=event.event_id,
            sender=event.sender,
            sent_at=event.sent_at,
            session_id=sealed.session,
        )
    return Message(
        room=event.room,
        event_id=event.event_id,
        sender=event.sender,
        sent_at=event.sent_at,
        body=str(event.content["body"]),
        msgtype=str(event.content.get("msgtype", "m.text")),
        encrypted=sealed is not None,
        bound=sealed is not None and sealed.bound,
        signed=sealed is not None and sealed.bound and sealed.signed,
        place=None if sealed is None else (sealed.session, sealed.index),
    )
