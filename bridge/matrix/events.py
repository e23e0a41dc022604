"""Matrix's events → the values of `bridge.heard`. Whatever an event claims is checked here for its shape, once.

Every field is some sender's or some server's word; an event of the wrong shape becomes `Undecipherable`, never an
exception.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.heard import Heard, InvitedUs, MembershipChanged, Message, StateChanged, Undecipherable, Unreadable
from bridge.matrix.hardened import Machine, Malformed, NoKey
from bridge.matrix.screening import MEGOLM
from facilitator.ids import EventId, MatrixRoomId, UserId

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_MS = 253_402_300_799_000  # the end of the year 9999
MEMBERSHIPS = frozenset({"join", "invite", "leave", "ban", "knock"})
TALK = frozenset({"m.text", "m.notice", "m.emote", "m.image", "m.file", "m.audio", "m.video", "m.location"})
"""Message types a person writes. In-room verification requests carry a readable body too, and are not talk."""


@dataclass(frozen=True)
class Reader:
    """Reads the events of one account."""

    machine: Machine

    def heard(self, room: MatrixRoomId, event: Mapping[str, Any]) -> Heard | None:
        """What we heard, or None for what is none of our business: our own words, reactions, edits, redacted
        and unknown events."""
        common = _common(room, event)
        if common is None:
            return None
        try:
            return self._heard(room, event, common)
        except (Malformed, KeyError, TypeError, ValueError, AttributeError):
            self.machine.faults["room_event"] += 1
            return Undecipherable(**common)

    def _heard(self, room: MatrixRoomId, event: Mapping[str, Any], common: dict[str, Any]) -> Heard | None:
        kind, content = event["type"], event["content"]
        if "state_key" in event:
            return _member(event, common) if kind == "m.room.member" else _state(event, common)
        if common["sender"] == self.machine.user_id or not content:
            return None
        if kind == "m.room.encrypted":
            return self._decrypted(room, event, common)
        return _message(content, common | {"encrypted": False}) if kind == "m.room.message" else None

    def _decrypted(self, room: MatrixRoomId, event: Mapping[str, Any], common: dict[str, Any]) -> Heard | None:
        try:
            opened = self.machine.read(room, event)
        except NoKey:
            self.machine.unread += 1
            return Unreadable(**common, session_id=event["content"]["session_id"])
        if opened.type != "m.room.message":
            return None
        device = self.machine.device_of(common["sender"], opened)
        signed = device is not None and device.verified
        return _message(opened.content, common | {"encrypted": True, "bound": device is not None, "signed": signed})


def encrypted_senders(events: list[Mapping[str, Any]]) -> set[str]:
    """Whose devices must be known before these events are read."""
    return {
        event["sender"]
        for event in events
        if isinstance(event, dict) and event.get("type") == "m.room.encrypted" and isinstance(event.get("sender"), str)
    }


def invited_us(room: MatrixRoomId, invitation: Mapping[str, Any], us: UserId) -> InvitedUs | None:
    """An invitation as its stripped state shows it; None when it does not say who invited us."""
    state = (invitation.get("invite_state") or {}).get("events") or []
    events = [event for event in state if isinstance(event, dict) and isinstance(event.get("content"), dict)]
    ours = [event for event in events if event.get("type") == "m.room.member" and event.get("state_key") == us]
    if not ours or not isinstance(ours[-1].get("sender"), str):
        return None
    encrypted = any(
        event.get("type") == "m.room.encryption" and event["content"].get("algorithm") == MEGOLM for event in events
    )
    direct = ours[-1]["content"].get("is_direct") is True
    return InvitedUs(room, UserId(ours[-1]["sender"]), direct=direct, encrypted=encrypted)


def without_reply_fallback(body: str) -> str:
    """The body without the quotation some clients still put before a reply."""
    lines = body.split("\n")
    quoted = 0
    while quoted < len(lines) and lines[quoted].startswith("> "):
        quoted += 1
    if quoted and quoted < len(lines) and not lines[quoted]:
        quoted += 1
    return "\n".join(lines[quoted:])


def _common(room: MatrixRoomId, event: Mapping[str, Any]) -> dict[str, Any] | None:
    if not isinstance(event, dict):
        return None
    event_id, sender = event.get("event_id"), event.get("sender")
    if not isinstance(event_id, str) or not isinstance(sender, str):
        return None
    return {
        "room": room,
        "event_id": EventId(event_id),
        "sender": UserId(sender),
        "sent_at": _instant(event.get("origin_server_ts")),
    }


def _instant(milliseconds: object) -> datetime:
    sound = isinstance(milliseconds, int) and 0 <= milliseconds <= LATEST_MS
    return EPOCH + timedelta(milliseconds=milliseconds) if sound else EPOCH  # type: ignore[arg-type]


def _member(event: Mapping[str, Any], common: dict[str, Any]) -> MembershipChanged:
    user, membership = event["state_key"], event["content"]["membership"]
    if membership not in MEMBERSHIPS or not isinstance(user, str):
        raise Malformed
    previous = (event.get("unsigned") or {}).get("prev_content") or {}
    before = previous.get("membership")
    before = before if before in MEMBERSHIPS else "leave"
    return MembershipChanged(**common, user=UserId(user), membership=membership, before=before)


def _state(event: Mapping[str, Any], common: dict[str, Any]) -> StateChanged:
    if not isinstance(event["type"], str) or not isinstance(event["state_key"], str):
        raise Malformed
    return StateChanged(**common, type=event["type"], state_key=event["state_key"])


def _message(content: Mapping[str, Any], common: dict[str, Any]) -> Message | None:
    relation = content.get("m.relates_to") or {}
    msgtype, body = content["msgtype"], content["body"]
    if not isinstance(msgtype, str) or not isinstance(body, str):
        raise Malformed
    if relation.get("rel_type") == "m.replace" or msgtype not in TALK:
        return None
    if "m.in_reply_to" in relation:
        body = without_reply_fallback(body)
    return Message(**common, body=body, msgtype=msgtype)
