"""Matrix's events → the values of `bridge.heard`. Whatever an event claims is checked here for its shape, once.

Every field is some sender's or some server's word; an event of the wrong shape becomes `Undecipherable`, never an
exception.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.heard import Heard, InvitedUs, MembershipChanged, Message, StateChanged, Undecipherable, Unreadable
from bridge.matrix.hardened import Machine, Malformed, NoKey
from bridge.matrix.screening import LONGEST_ID, MEGOLM, is_text, mapping
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
        except (Malformed, KeyError, TypeError, ValueError, AttributeError, RecursionError):
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
        how = {"encrypted": True, "bound": device is not None, "signed": signed, "place": opened.place}
        return _message(opened.content, common | how)


def told_once(heard: Sequence[Heard]) -> list[Heard]:
    """What was heard in one room, without what only repeats it: a piece of state set again and again, which is as it is
    when all of it has been heard, and the new names and pictures of somebody who is there anyway."""
    last = {said.type: said for said in heard if isinstance(said, StateChanged)}
    standing: dict[UserId, tuple[str, UserId]] = {}
    kept: list[Heard] = []
    for said in heard:
        if isinstance(said, StateChanged) and last[said.type] is not said:
            continue
        if isinstance(said, MembershipChanged):
            before, standing[said.user] = standing.get(said.user), (said.membership, said.sender)
            if before == standing[said.user]:
                continue
        kept.append(said)
    return kept


def encrypted_senders(events: Iterable[Mapping[str, Any]]) -> set[str]:
    """Whose devices must be known before these events are read."""
    return {
        event["sender"]
        for event in events
        if event.get("type") == "m.room.encrypted" and is_text(event.get("sender"), LONGEST_ID)
    }


def invited_us(room: MatrixRoomId, state: Iterable[Mapping[str, Any]], us: str) -> InvitedUs | None:
    """An invitation as its stripped state shows it; None when it does not say who invited us."""
    events = [event for event in state if isinstance(event.get("content"), dict)]
    ours = [event for event in events if event.get("type") == "m.room.member" and event.get("state_key") == us]
    if not ours or not is_text(ours[-1].get("sender"), LONGEST_ID):
        return None
    encrypted = any(
        event.get("type") == "m.room.encryption" and event["content"].get("algorithm") == MEGOLM for event in events
    )
    direct = ours[-1]["content"].get("is_direct") is True
    return InvitedUs(room, UserId(ours[-1]["sender"]), direct=direct, encrypted=encrypted)


def membership(event: Mapping[str, Any]) -> str | None:
    """What a member event says of the one it is about; None when it says nothing there is."""
    said = mapping(event.get("content")).get("membership")
    return said if isinstance(said, str) and said in MEMBERSHIPS else None


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
    if not is_text(event_id, LONGEST_ID) or not is_text(sender, LONGEST_ID):
        return None
    return {
        "room": room,
        "event_id": EventId(event_id),
        "sender": UserId(sender),
        "sent_at": _instant(event.get("origin_server_ts")),
    }


def _instant(milliseconds: object) -> datetime:
    if not isinstance(milliseconds, int) or not 0 <= milliseconds <= LATEST_MS:
        return EPOCH
    return EPOCH + timedelta(milliseconds=milliseconds)


def _member(event: Mapping[str, Any], common: dict[str, Any]) -> MembershipChanged:
    user, now = event["state_key"], membership(event)
    if now is None or not is_text(user, LONGEST_ID):
        raise Malformed
    before = membership({"content": mapping(event.get("unsigned")).get("prev_content")}) or "leave"
    return MembershipChanged(**common, user=UserId(user), membership=now, before=before)


def _state(event: Mapping[str, Any], common: dict[str, Any]) -> StateChanged | None:
    """What we look after has no key; anything else of these types is somebody's own."""
    if not is_text(event["type"], LONGEST_ID) or not isinstance(event["state_key"], str):
        raise Malformed
    if event["state_key"] != "":
        return None
    room = event["content"].get("replacement_room") if event["type"] == "m.room.tombstone" else None
    goes_on_in = MatrixRoomId(room) if is_text(room, LONGEST_ID) else None
    return StateChanged(**common, type=event["type"], goes_on_in=goes_on_in)


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
