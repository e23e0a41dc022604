"""The rooms this process knows: what it must know of one to speak in it, kept up by sync, seeded by our database.

Only this: what a room should be is the database's business, and what it is in full is asked when it is looked at.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bridge.matrix.homeserver import KnownRoom
from bridge.matrix.screening import MEGOLM
from facilitator.ids import MatrixRoomId

MESSAGES_PER_KEY = 100
KEY_LASTS = timedelta(days=7)
AT_LEAST = timedelta(hours=1)


@dataclass
class Room:
    """`joined` is None until the homeserver has been asked. `turn` keeps sends in a room one after another."""

    room: MatrixRoomId
    encryption: Mapping[str, Any] | None = None
    all_devices: bool = False
    joined: set[str] | None = field(default=None, repr=False)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    @property
    def encrypted(self) -> bool:
        return self.encryption is not None

    @property
    def messages_per_key(self) -> int:
        return int(_between(1, (self.encryption or {}).get("rotation_period_msgs"), 10_000, MESSAGES_PER_KEY))

    @property
    def key_lasts(self) -> timedelta:
        asked = (self.encryption or {}).get("rotation_period_ms")
        least = AT_LEAST / timedelta(milliseconds=1)
        return timedelta(milliseconds=_between(least, asked, 1e11, KEY_LASTS / timedelta(milliseconds=1)))

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take in a state event of this room."""
        kind, content = event.get("type"), event.get("content")
        if not isinstance(content, dict):
            return
        if kind == "m.room.encryption" and content.get("algorithm") == MEGOLM:
            self.encryption = content  # and nothing takes it away again: encryption is never lowered
        elif kind == "m.room.member" and self.joined is not None and isinstance(event.get("state_key"), str):
            change = self.joined.add if content.get("membership") == "join" else self.joined.discard
            change(event["state_key"])


class Rooms:
    def __init__(self) -> None:
        self._rooms: dict[MatrixRoomId, Room] = {}

    def __contains__(self, room: MatrixRoomId) -> bool:
        return room in self._rooms

    def __getitem__(self, room: MatrixRoomId) -> Room:
        """The room, known from now on."""
        return self._rooms.setdefault(room, Room(room))

    def remember(self, rooms: Iterable[KnownRoom]) -> None:
        for known in rooms:
            room = self[known.room]
            room.all_devices = known.all_devices
            if known.encryption.get("algorithm") == MEGOLM:
                room.encryption = known.encryption

    def forget(self, room: MatrixRoomId) -> None:
        self._rooms.pop(room, None)


def _between(least: float, asked: object, most: float, otherwise: float) -> float:
    given = isinstance(asked, int | float) and not isinstance(asked, bool)
    return min(max(float(asked), least), most) if given else otherwise  # type: ignore[arg-type]
