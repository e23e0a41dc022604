"""What a homeserver's answer to /sync tells, in the shape it should have. Pure: raw JSON in, its well-formed part out.

Whatever in it is of another shape was made so by somebody: it is left out here, once, and everything after this may
rely on what it gets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.matrix.screening import LONGEST_ID, is_text, mapping
from facilitator.ids import MatrixRoomId

LONGEST_CURSOR = 10_000

Json = dict[str, Any]


@dataclass(frozen=True)
class ToldRoom:
    """`state`: what it was when `timeline` begins. `gap_from`: where what was left out between ends."""

    state: list[Json] = field(repr=False)
    timeline: list[Json] = field(repr=False)
    gap_from: str | None = None

    @property
    def all_state(self) -> list[Json]:
        """Every piece of state it names, in order."""
        return [event for event in (*self.state, *self.timeline) if isinstance(event.get("state_key"), str)]


@dataclass(frozen=True)
class Told:
    """`unused_fallback` is None where the server has no such thing."""

    next_batch: str | None
    to_device: list[Json] = field(repr=False)
    devices_changed: frozenset[str] = field(repr=False)
    devices_left: frozenset[str] = field(repr=False)
    one_time_keys: Json
    unused_fallback: list[Any] | None
    joined: dict[MatrixRoomId, ToldRoom] = field(repr=False)
    left: dict[MatrixRoomId, ToldRoom] = field(repr=False)
    invited: dict[MatrixRoomId, list[Json]] = field(repr=False)
    """room → the stripped state its invitation shows."""


def told(answer: Mapping[str, Any]) -> Told:
    cursor, fallback = answer.get("next_batch"), answer.get("device_unused_fallback_key_types")
    rooms, devices = mapping(answer.get("rooms")), mapping(answer.get("device_lists"))
    return Told(
        next_batch=cursor if is_text(cursor, LONGEST_CURSOR) else None,
        to_device=_events(answer.get("to_device")),
        devices_changed=_ids(devices.get("changed")),
        devices_left=_ids(devices.get("left")),
        one_time_keys=mapping(answer.get("device_one_time_keys_count")),
        unused_fallback=fallback if isinstance(fallback, list) else None,
        joined={room: _room(content) for room, content in _rooms(rooms.get("join"))},
        left={room: _room(content) for room, content in _rooms(rooms.get("leave"))},
        invited={room: _events(content.get("invite_state")) for room, content in _rooms(rooms.get("invite"))},
    )


def _rooms(value: Any) -> list[tuple[MatrixRoomId, Json]]:
    return [(MatrixRoomId(room), mapping(content)) for room, content in mapping(value).items() if _is_id(room)]


def _room(content: Json) -> ToldRoom:
    timeline = mapping(content.get("timeline"))
    before = timeline.get("prev_batch") if timeline.get("limited") else None
    gap_from = before if is_text(before, LONGEST_CURSOR) else None
    return ToldRoom(_events(content.get("state")), _events(timeline), gap_from)


def _events(value: Any) -> list[Json]:
    return [event for event in _list(mapping(value).get("events")) if isinstance(event, dict)]


def _ids(value: Any) -> frozenset[str]:
    return frozenset(user for user in _list(value) if _is_id(user))


def _is_id(value: Any) -> bool:
    return is_text(value, LONGEST_ID)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
