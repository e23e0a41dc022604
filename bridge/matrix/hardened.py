"""nio's Olm machine with what it gets wrong mended in one place; HTTP is not its business.

Of nio we use the ratchets and the store. Its client is left out: it can be crashed by any Matrix user, acknowledges
a sync before it is handled, gives keys to people who are only invited, and never asks whether an owner signed a
device. Everything that comes from outside passes here or through `screening` before nio touches it.
"""

import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import vodozemac

from bridge.matrix import bounds, screening
from bridge.matrix.keystore import Store
from bridge.matrix.late_keys import RoomKey
from bridge.matrix.our_sessions import OurSession, OurSessions
from bridge.matrix.ratchets import InboundGroupSession, Olm, OlmDevice, RoomKeyEvent, ToDeviceEvent
from facilitator.ids import MatrixRoomId, UserId

for _name in ("nio", "peewee"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)  # they write people's ids, and SQL with keys in it

Device = tuple[str, str]
"""user id, device id"""


@dataclass(frozen=True)
class Opened:
    """What stood inside an encrypted event, and whose key encrypted it."""

    type: str
    content: Mapping[str, Any] = field(repr=False)
    sender_key: str = field(repr=False)
    signing_key: str = field(repr=False)
    place: tuple[str, int] = field(repr=False)
    """Its session and its number in it: what names it under whatever event id it comes."""


class NoKey(Exception):
    """The Megolm session's key is not here (yet)."""


class Malformed(Exception):
    """It is not what it says it is; no key will ever open it."""


class Machine(Olm):
    """One device's encryption. Of other people's devices, nio's word `verified` means here: its owner has signed it."""

    def __init__(self, user_id: UserId, device_id: str, store: Store) -> None:
        super().__init__(user_id, device_id, store)
        self.ours = OurSessions(store)
        self.faults: Counter[str] = Counter()
        self._came: set[tuple[MatrixRoomId, str]] = set()
        """Keys that came with an answer that could not be written down: they open once, and are told when it can."""
        self.unread = 0
        """How often an event came whose key we lack, those asked for again included."""

    def load(self) -> None:
        self.session_store: bounds.OlmSessions = bounds.OlmSessions(self.store.load_sessions())
        self.inbound_group_store: bounds.RoomKeys = bounds.RoomKeys(self.store.load_inbound_group_sessions())
        self.device_store: bounds.Devices = bounds.Devices(self.store.load_device_keys())

    # -- to-device -------------------------------------------------------------------------------------------

    def receive(self, events: Iterable[Any]) -> frozenset[tuple[MatrixRoomId, str]]:
        """Take in to-device events; returns the Megolm sessions whose keys came. Anybody can send us these, so
        whatever is malformed is counted and dropped. Key requests and verifications are not answered."""
        raw = list(events)
        if not (raw or self._came or self.store.unwritten):
            return frozenset()  # as with most of what is heard: it costs the store nothing
        with self.store.together():
            received = [self._receive_one(each) for each in raw]
            self._came |= {(MatrixRoomId(key.room_id), key.session_id) for key in received if key is not None}
            if received:
                self._let_go()
        came, self._came = self._came, set()
        return frozenset(came)

    def _let_go(self) -> None:
        known = {*self.device_store.keys(), self.account.identity_keys["curve25519"]}
        self.store.forget_sessions([session.id for session in self.session_store.too_many(known)])
        self.store.forget_room_keys(self.inbound_group_store.too_many(known))

    def _receive_one(self, raw: Any) -> RoomKeyEvent | None:
        try:
            return self._room_key(raw)
        except Exception:  # nio raises a dozen kinds here, among them bare KeyError and vodozemac's
            self.faults["to_device"] += 1
            return None

    def _room_key(self, raw: dict[str, Any]) -> RoomKeyEvent | None:
        if raw["type"] == "m.room_key.withheld":
            self.faults["withheld"] += 1
            return None
        if raw["type"] != "m.room.encrypted":
            return None
        opened = self.decrypt_event(ToDeviceEvent.parse_event(raw))
        if not isinstance(opened, RoomKeyEvent):
            return None
        ids = (opened.room_id, opened.session_id)
        return opened if all(screening.is_text(each, screening.LONGEST_ID) for each in ids) else None

    def create_group_session(
        self, sender_key: str, sender_fp_key: str, room_id: str, session_id: str, session_key: str
    ) -> None:
        """A key we hold is not replaced by one of the same session that opens less of it."""
        if not all(screening.is_text(each, screening.LONGEST_ID) for each in (room_id, sender_fp_key, sender_key)):
            raise Malformed
        held = self.inbound_group_store.get(room_id, sender_key, session_id)
        if held is not None:
            offered = vodozemac.InboundGroupSession(vodozemac.SessionKey(session_key))
            if offered.first_known_index >= held.first_known_index:
                return
        super().create_group_session(sender_key, sender_fp_key, room_id, session_id, session_key)

    # -- room events -----------------------------------------------------------------------------------------

    def read(self, room: str, event: Mapping[str, Any]) -> Opened:
        """Decrypt one m.room.encrypted event. Raises NoKey or Malformed, nothing else."""
        try:
            content = event["content"]
            if content["algorithm"] != screening.MEGOLM:
                raise Malformed
            session = self._inbound(room, content["session_id"], event.get("sender"))
            return self._opened(room, event, session)
        except (NoKey, Malformed):
            raise
        except Exception as error:  # every field of it is the sender's
            self.faults["room_event"] += 1
            raise Malformed from error

    def _inbound(self, room: str, session_id: str, sender: Any) -> InboundGroupSession:
        """Everybody in the room has the key and can pass it off as theirs: of those who gave it to us, a device of the
        sender's goes first. What the event itself says of its `sender_key` is nobody's word (spec 1.3)."""
        if not isinstance(session_id, str) or not isinstance(sender, str):
            raise Malformed
        held = self.inbound_group_store.givers(room)
        given = [sessions[session_id] for sessions in held if session_id in sessions]
        if not given:
            raise NoKey
        theirs = {(device.curve25519, device.ed25519) for device in self.device_store.active_user_devices(sender)}
        return next((key for key in given if (key.sender_key, key.ed25519) in theirs), given[0])

    def _opened(self, room: str, event: Mapping[str, Any], session: InboundGroupSession) -> Opened:
        plain, index = session.decrypt(event["content"]["ciphertext"])
        seen = SimpleNamespace(
            sender_key=room,
            session_id=session.id,
            event_id=event["event_id"],
            server_timestamp=event["origin_server_ts"],
        )
        inside = json.loads(plain)
        if inside["room_id"] != room or not self.message_index_ok(index, seen):
            self.faults["replayed"] += 1
            raise Malformed
        if not isinstance(inside["type"], str) or not isinstance(inside["content"], dict):
            raise Malformed
        relation = event["content"].get("m.relates_to")
        if relation is not None:
            inside["content"].setdefault("m.relates_to", relation)
        return Opened(inside["type"], inside["content"], session.sender_key, session.ed25519, (session.id, index))

    def device_of(self, user: str, opened: Opened) -> OlmDevice | None:
        """The device of `user` whose keys these are. A homeserver can forge a sender, never this."""
        device = self.device_store.device_from_sender_key(user, opened.sender_key)
        return device if device is not None and device.ed25519 == opened.signing_key else None

    # -- keys of others --------------------------------------------------------------------------------------

    def learn_devices(self, answer: Mapping[str, Any]) -> None:
        """Take in an answer to /keys/query."""
        usable = screening.usable_devices(answer)
        with self.store.together():
            self.device_store.expect(user for user, devices in usable.items() if devices)
            self._handle_key_query(SimpleNamespace(device_keys=usable))
            for user, devices in usable.items():
                held = {name: keys for name, keys in devices.items() if self._holds(user, name, keys)}
                self._mark(user, screening.signed_devices(answer, user, held))

    def _mark(self, user: str, signed: frozenset[str]) -> None:
        for device in self.device_store.active_user_devices(user):
            if device.verified != (device.id in signed):
                (self.store.unverify_device if device.verified else self.store.verify_device)(device)

    def _holds(self, user: str, name: str, keys: Mapping[str, Any]) -> bool:
        """Whether the device as shown is the device we know. nio keeps the first signing key it saw of each, and
        never revives a device that was gone for a moment."""
        device = self.device_store[user].get(name)
        if device is None or device.ed25519 != keys["keys"][f"ed25519:{name}"]:
            return False
        if device.deleted:
            device.deleted = False
            self.store.save_device_keys({user: {name: device}})
        return True

    def start_sessions(self, answer: Mapping[str, Any]) -> None:
        """Take in an answer to /keys/claim: one Olm session for each usable key."""
        with self.store.together():
            for user, devices in screening.usable_one_time_keys(answer).items():
                for device, key in devices.items():
                    self._start_session(user, device, key)

    def _start_session(self, user: str, device: str, key: dict[str, Any]) -> None:
        try:
            self._handle_key_claiming(SimpleNamespace(one_time_keys={user: {device: key}}))
        except Exception:  # a key may be well formed and still no point on the curve
            self.faults["one_time_key"] += 1

    # -- our Megolm session in a room ------------------------------------------------------------------------

    def outbound(self, room: str) -> OurSession | None:
        """The session we speak under in a room, if it has one: it may be the one from before a restart."""
        session: OurSession | None = self.outbound_group_sessions.get(room) or self.ours.load(room)
        if session is not None:
            self.outbound_group_sessions[room] = session
        return session

    def forget_outbound(self, room: str) -> None:
        """We have left it: neither in memory nor in the store is there one to go on with when we come back."""
        self.outbound_group_sessions.pop(room, None)
        self.ours.forget(room)

    def create_outbound_group_session(self, room_id: str) -> None:
        session = self.outbound_group_sessions[room_id] = OurSession()
        keys = self.account.identity_keys
        self.create_group_session(keys["curve25519"], keys["ed25519"], room_id, session.id, session.session_key)

    def group_encrypt(self, room_id: str, plaintext_dict: dict[Any, Any]) -> dict[str, Any]:
        """No step of a session is used that was not set aside in the store before."""
        session = self.outbound_group_sessions[room_id]
        if session.needs_steps:
            self.ours.keep([(room_id, session)])
            self.store.to_disk()
        encrypted: dict[str, Any] = super().group_encrypt(room_id, plaintext_dict)
        return encrypted

    def wrap_room_key(self, room: str, session: RoomKey, device: OlmDevice) -> dict[str, Any] | None:
        """The room key for one device, encrypted for it alone; None when we have no Olm session with it."""
        olm = self.session_store.get(device.curve25519)
        if olm is None:
            return None
        content = {
            "algorithm": screening.MEGOLM,
            "room_id": room,
            "session_id": session.id,
            "session_key": session.session_key,
        }
        wrapped: dict[str, Any] = self._olm_encrypt(olm, device, "m.room_key", content)
        return wrapped
