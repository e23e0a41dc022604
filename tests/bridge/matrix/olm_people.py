"""People with real ratchets and no homeserver: what their devices would send, as raw events."""

import itertools
import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridge.matrix.hardened import Machine
from bridge.matrix.keystore import KeyStore
from bridge.matrix.late_keys import RoomKey
from bridge.matrix.screening import MEGOLM
from facilitator.ids import EventId, MatrixRoomId, UserId

BOT, ADA, BEN, EVE = (UserId(f"@{name}:test") for name in ("hearth", "ada", "ben", "eve"))
ROOM = MatrixRoomId("!room:test")
PHONE = "PHONE"
_numbers = itertools.count(1)


def machine(folder: Path, user: UserId, device: str = PHONE, key: bytes | None = None) -> Machine:
    """`key`: of a store that is there already."""
    keys = KeyStore(folder / f"{user[1:4]}-{device}.db", key or secrets.token_bytes(32))
    return Machine(user, device, keys.open(user, device))


@dataclass
class Device:
    """One device, and what it does with the bot's."""

    machine: Machine
    published: dict[str, Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.published = self.machine.share_keys()
        self.machine.account.shared = True
        self.machine.mark_keys_as_published()
        self.machine.save_account()

    @property
    def keys(self) -> dict[str, Any]:
        """What /keys/query shows of it."""
        user, device = self.machine.user_id, self.machine.device_id
        return {"device_keys": {user: {device: self.published["device_keys"]}}}

    def take_one_time_key(self) -> dict[str, Any]:
        """What /keys/claim gives of it."""
        key_id = next(iter(self.published["one_time_keys"]))
        user, device = self.machine.user_id, self.machine.device_id
        return {"one_time_keys": {user: {device: {key_id: self.published["one_time_keys"].pop(key_id)}}}}

    def meet(self, other: "Device") -> None:
        """Have a session with it."""
        self.machine.learn_devices(other.keys)
        self.machine.start_sessions(other.take_one_time_key())

    def give_key(self, other: "Device", room: str = ROOM, *, new: bool = True, **changed: Any) -> dict[str, Any]:
        """The to-device event that brings the other the key of what this one says in a room."""
        if new:
            self.machine.create_outbound_group_session(room)
        session = self.machine.outbound_group_sessions[room]
        session.mark_as_shared()
        key = RoomKey(session.id, session.session_key)
        content = self.machine.wrap_room_key(room, key, self._known(other))
        assert content is not None
        return {"type": "m.room.encrypted", "sender": self.machine.user_id, "content": content} | changed

    def to(self, other: "Device", kind: str, content: dict[str, Any], **changed: Any) -> dict[str, Any]:
        """Any message to that device, encrypted for it."""
        known = self._known(other)
        session = self.machine.session_store.get(known.curve25519)
        wrapped = self.machine._olm_encrypt(session, known, kind, content)
        return {"type": "m.room.encrypted", "sender": self.machine.user_id, "content": wrapped} | changed

    def says(self, body: str, room: str = ROOM, **changed: Any) -> dict[str, Any]:
        """A room event, encrypted. `changed`: what the homeserver says otherwise."""
        session = self.machine.outbound_group_sessions[room]
        inside = {"type": "m.room.message", "room_id": room, "content": {"msgtype": "m.text", "body": body}}
        content = {
            "algorithm": MEGOLM,
            "sender_key": self.machine.account.identity_keys["curve25519"],
            "device_id": self.machine.device_id,
            "session_id": session.id,
            "ciphertext": session._session.encrypt(json.dumps(inside).encode()).to_base64(),
        }
        return {
            "type": "m.room.encrypted",
            "event_id": new_event_id(),
            "sender": self.machine.user_id,
            "origin_server_ts": 1_793_620_800_000,
            "content": content,
        } | changed

    def _known(self, other: "Device") -> Any:
        return self.machine.device_store[other.machine.user_id][other.machine.device_id]


def new_event_id() -> EventId:
    return EventId(f"$event{next(_numbers)}")
