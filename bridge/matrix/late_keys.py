"""Whom we still owe a room's key: people whose server gave no answer when something was said. They get it when it does.

A Megolm key opens what is said from the moment it was taken and nothing before, so what is owed is kept as it was
before the first message they missed. It is kept in memory, like the sessions themselves.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from nio.crypto.sessions import OutboundGroupSession

from facilitator.ids import MatrixRoomId

AT_MOST = 40
"""Sessions of one room that are remembered; at the usual pace of a room that is half a year of them."""


@dataclass(frozen=True)
class RoomKey:
    """A session's key as it was at some message of it."""

    id: str
    session_key: str = field(repr=False)


@dataclass
class Owed:
    """One session of a room, and the key of it for each person who could not be reached, by user."""

    session: OutboundGroupSession = field(repr=False)
    keys: dict[str, RoomKey] = field(default_factory=dict, repr=False)


class Debts:
    """What is owed in each room, oldest session first."""

    def __init__(self) -> None:
        self._owed: dict[MatrixRoomId, list[Owed]] = {}

    def __bool__(self) -> bool:
        return bool(self._owed)

    @property
    def rooms(self) -> list[MatrixRoomId]:
        return list(self._owed)

    def only(self, room: MatrixRoomId, joined: Collection[str]) -> None:
        """Who is not in the room any more is owed nothing, also when they come back: that was said without them."""
        for owed in self.of(room):
            self.settle(room, owed, owed.keys.keys() - joined)

    def people(self, room: MatrixRoomId) -> set[str]:
        return {user for owed in self.of(room) for user in owed.keys}

    def owe(self, room: MatrixRoomId, session: OutboundGroupSession, users: Iterable[str]) -> None:
        """These people will miss what is said next. Who missed something of this session before is owed that key."""
        owed = self._of(room, session)
        key = RoomKey(session.id, session.session_key)
        missing = dict.fromkeys(users, key)
        if owed is None and missing:
            owed = Owed(session)
            self._owed[room] = [*self._owed.get(room, []), owed][-AT_MOST:]
        if owed is not None:
            owed.keys = missing | owed.keys

    def key_for(self, user: str, room: MatrixRoomId, session: OutboundGroupSession) -> RoomKey:
        """What opens all of the session that this person may read."""
        owed = self._of(room, session)
        now = RoomKey(session.id, session.session_key)
        return now if owed is None else owed.keys.get(user, now)

    def of(self, room: MatrixRoomId) -> tuple[Owed, ...]:
        return tuple(self._owed.get(room, ()))

    def settle(self, room: MatrixRoomId, owed: Owed, users: Iterable[str]) -> None:
        """These people have it, or are no longer to have it."""
        for user in users:
            owed.keys.pop(user, None)
        left = [one for one in self._owed.get(room, ()) if one.keys]
        if left:
            self._owed[room] = left
        else:
            self._owed.pop(room, None)

    def _of(self, room: MatrixRoomId, session: OutboundGroupSession) -> Owed | None:
        return next((owed for owed in self._owed.get(room, ()) if owed.session.id == session.id), None)
