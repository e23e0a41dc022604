"""The rooms this process knows: what it must know of one to speak in it, kept up by sync, seeded by our database.

Only this: what a room should be is the database's business, and what it is in full is asked when it is looked at.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bridge.matrix.homeserver import KnownRoom
from bridge.matrix.remembered import Remembered
from bridge.matrix.screening import MEGOLM
from facilitator.ids import MatrixRoomId

MESSAGES_PER_KEY = 100
KEY_LASTS = timedelta(days=7)
AT_LEAST = timedelta(hours=1)


@dataclass
class Room:
    """`joined` is None until the homeserver has been asked. `turn` keeps sends in a room one after another.
    `new_key`: what is said next is said under a new key, because somebody came or another history is to be seen. (It
    is not kept over a restart: a key opens nothing before the message it was first given for.)"""

    room: MatrixRoomId
    encryption: Mapping[str, Any] | None = None
    all_devices: bool = False
    joined: set[str] | None = field(default=None, repr=False)
    changed: bool = False
    """Whether `joined` is another than was last kept."""
    history: str | None = None
    new_key: bool = False
    news: int = 0
    """How often it was heard who came or went: an answer to a question that was asked before is not the latest word."""
    shown: set[str] = field(default_factory=set, repr=False)
    """State events of ours that our steps were answered with, or that a look has shown: their echo is no news."""
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
        elif kind == "m.room.member" and isinstance(event.get("state_key"), str):
            self.news += 1
            if self.joined is None:
                return
            came = {event["state_key"]} if content.get("membership") == "join" else set()
            self.learn(self.joined - {event["state_key"]} | came, heard=True)
        elif kind == "m.room.history_visibility" and isinstance(content.get("history_visibility"), str):
            self.seen_as(content["history_visibility"])

    def learn_if_latest(self, joined: set[str], *, asked_at: int) -> None:
        """`asked_at`: the news when it was asked. Who was heard leaving since must not be taken to be here."""
        if self.news == asked_at:
            self.learn(joined)

    def learn(self, joined: set[str], *, heard: bool = False) -> None:
        """Who has joined, as the homeserver says."""
        self.new_key = self.new_key or (self.joined is not None and not joined <= self.joined)
        self.changed = self.changed or heard or self.joined != joined
        self.joined = joined

    def seen_as(self, history: str) -> None:
        """What newcomers may see of what was said before."""
        self.new_key = self.new_key or (self.history is not None and self.history != history)
        self.history = history


class Rooms:
    """`remembered`: who was in them before a restart. It is taken up before anything is heard of a room, and what is
    heard is kept before our place in the stream moves on."""

    def __init__(self, remembered: Remembered | None = None) -> None:
        self._rooms: dict[MatrixRoomId, Room] = {}
        self._remembered = remembered

    def __contains__(self, room: MatrixRoomId) -> bool:
        return room in self._rooms

    def __getitem__(self, room: MatrixRoomId) -> Room:
        """The room, known from now on."""
        self._take_up([room])
        return self._rooms[room]

    def _take_up(self, rooms: Iterable[MatrixRoomId]) -> None:
        new = [room for room in rooms if room not in self._rooms]
        inside = self._remembered.joined(new) if self._remembered and new else {}
        self._rooms |= {room: Room(room, joined=inside.get(room)) for room in new}

    def keep(self) -> None:
        """Have what was heard outlive us."""
        changed = [room for room in self._rooms.values() if room.changed and room.joined is not None]
        if self._remembered and changed:
            self._remembered.keep_joined({room.room: room.joined or set() for room in changed})
        for room in changed:
            room.changed = False

    def begin_anew(self) -> None:
        """The stream begins anew: who came and went meanwhile will not be told."""
        for room in self._rooms.values():
            room.joined = None
        if self._remembered:
            self._remembered.forget_all()

    def remember(self, rooms: Iterable[KnownRoom]) -> None:
        told = list(rooms)
        self._take_up(known.room for known in told)
        for known in told:
            room = self._rooms[known.room]
            room.all_devices = known.all_devices
            room.seen_as(known.history_visibility)
            if known.encryption.get("algorithm") == MEGOLM:
                room.encryption = known.encryption

    def forget(self, room: MatrixRoomId) -> None:
        self._rooms.pop(room, None)
        if self._remembered:
            self._remembered.forget_room(room)


def _between(least: float, asked: object, most: float, otherwise: float) -> float:
    if not isinstance(asked, int | float) or isinstance(asked, bool):
        return otherwise
    return min(max(float(asked), least), most)
