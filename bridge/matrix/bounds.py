"""How much is kept of what others hand us: sessions with their devices, and keys of what they say.

Anybody with an account somewhere can send us as many as they like, in anybody's rooms. nio keeps them all, and an
empty place besides for every key it was ever asked about.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from typing import Any

from bridge.matrix.ratchets import (
    DeviceStore,
    GroupSessionStore,
    InboundGroupSession,
    OlmDevice,
    Session,
    SessionStore,
)

OLM_SESSIONS = 8
"""With one device. The one used last is the one we answer with; older ones open what was under way."""
ROOM_KEYS = 100
"""Of one device in one room: at a new key every hundred messages or every week, more than is ever asked for."""
STRANGERS = 1_000
"""Sessions, and room keys, of devices that are nobody's we know. Somebody who has just come may be among them."""


def keep_newest(kept: dict[Any, Any], most: int) -> None:
    """Let go of what was put there first."""
    for key in list(islice(kept, max(0, len(kept) - most))):
        del kept[key]


class _Entries(dict[Any, Any]):
    """Where nothing is kept, there is something empty; asking does not put it there."""

    def __init__(self, empty: Callable[[], Any], kept: Iterable[tuple[Any, Any]]) -> None:
        super().__init__((key, value) for key, value in kept if value)
        self._empty = empty

    def __missing__(self, key: Any) -> Any:
        return self._empty()


class OlmSessions(SessionStore):
    """By the device's key."""

    def __init__(self, loaded: SessionStore) -> None:
        self._entries = _Entries(list, loaded.items())

    def add(self, sender_key: str, session: Session) -> bool:
        self._entries.setdefault(sender_key, [])
        return bool(super().add(sender_key, session))

    def too_many(self, known: Collection[str]) -> list[Session]:
        """What to let go of: each device keeps those used last, and so do all strangers together. They are taken
        out."""
        gone: list[Session] = []
        for held in self._entries.values():
            held.sort(key=_use_time, reverse=True)
            gone += held[OLM_SESSIONS:]
            del held[OLM_SESSIONS:]
        theirs = [(key, session) for key, held in self._entries.items() if key not in known for session in held]
        theirs.sort(key=lambda entry: _use_time(entry[1]), reverse=True)
        for key, session in theirs[STRANGERS:]:
            self._entries[key].remove(session)
            gone.append(session)
            if not self._entries[key]:
                del self._entries[key]
        return gone


class RoomKeys(GroupSessionStore):
    """By room, the key of the device that gave it, and session."""

    def __init__(self, loaded: GroupSessionStore) -> None:
        self._entries = _Entries(dict, ((room, _Entries(dict, held.items())) for room, held in loaded._entries.items()))

    def get(self, room_id: str, sender_key: str, session_id: str) -> InboundGroupSession | None:
        held: dict[str, InboundGroupSession] = self._entries[room_id].get(sender_key, {})
        return held.get(session_id)

    def givers(self, room_id: str) -> list[dict[str, InboundGroupSession]]:
        """What each device gave us of a room's keys."""
        return list(self._entries[room_id].values())

    def add(self, session: InboundGroupSession) -> bool:
        room = self._entries.setdefault(session.room_id, _Entries(dict, ()))
        held = room.setdefault(session.sender_key, {})
        if held.get(session.id) is session:
            return False
        held.pop(session.id, None)  # so that it comes last: it is the newest
        held[session.id] = session
        return True

    def too_many(self, known: Collection[str]) -> list[InboundGroupSession]:
        """What to let go of: each device keeps its newest in each room, all strangers together theirs. They are taken
        out."""
        old = [session for _, held in self._by_device() for session in list(held.values())[:-ROOM_KEYS]]
        self._take_out(old)
        theirs = [session for sender, held in self._by_device() if sender not in known for session in held.values()]
        self._take_out(theirs[:-STRANGERS])
        return old + theirs[:-STRANGERS]

    def _by_device(self) -> Iterator[tuple[str, dict[str, InboundGroupSession]]]:
        for senders in self._entries.values():
            yield from senders.items()

    def _take_out(self, sessions: Iterable[InboundGroupSession]) -> None:
        for session in sessions:
            room = self._entries[session.room_id]
            held = room[session.sender_key]
            held.pop(session.id, None)
            if not held:
                del room[session.sender_key]
            if not room:
                del self._entries[session.room_id]


class Devices(DeviceStore):
    """By person."""

    def __init__(self, loaded: DeviceStore) -> None:
        self._entries = _Entries(dict, loaded.items())

    def add(self, device: OlmDevice) -> bool:
        held = self._entries.setdefault(device.user_id, {})
        return held.setdefault(device.id, device) is device

    def expect(self, users: Iterable[str]) -> None:
        """Devices of theirs are about to be learned."""
        for user in users:
            self._entries.setdefault(user, {})

    def keys(self) -> set[str]:
        """Of everybody's devices that are in use."""
        return {device.curve25519 for device in self if not device.deleted}


def _use_time(session: Session) -> Any:
    return session.use_time
