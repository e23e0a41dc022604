"""Whom we still owe a room's key: people whose server gave no answer when something was said. They get it when it does.

A Megolm key opens what is said from the moment it was taken and nothing before, so what is owed is kept as it was
before the first message they missed. A restart during their server's outage loses nothing of it: it is in the store
before that message goes out.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from bridge.matrix.owed_keys import OwedKeys
from bridge.matrix.ratchets import OutboundGroupSession
from facilitator.ids import MatrixRoomId

AT_MOST = 40
"""Sessions of one room that are remembered; at the usual pace of a room that is half a year of them."""


@dataclass(frozen=True)
class RoomKey:
    """A session's key as it was at some message of it."""

    id: str
    session_key: str = field(repr=False)


@dataclass
class PastSession:
    """A session of before a restart that nothing is said under any more. Who had it is not known: what is owed of it
    is given once more to whoever has it."""

    id: str
    session_key: str = field(default="", repr=False)
    offered: set[tuple[str, str]] = field(default_factory=set, repr=False)
    users_shared_with: set[tuple[str, str]] = field(default_factory=set, repr=False)
    users_ignored: set[tuple[str, str]] = field(default_factory=set, repr=False)


Session: TypeAlias = OutboundGroupSession | PastSession


@dataclass
class Owed:
    """One session of a room, and the key of it for each person who could not be reached, by user."""

    session: Session = field(repr=False)
    keys: dict[str, RoomKey] = field(default_factory=dict, repr=False)


class Debts:
    """What is owed in each room, oldest session first. `kept`: where it outlives us."""

    def __init__(self, kept: OwedKeys | None = None) -> None:
        self._owed: dict[MatrixRoomId, list[Owed]] = {}
        self._kept = kept

    def load(self, speaking: Callable[[MatrixRoomId], Session | None]) -> None:
        """What was owed before a restart. `speaking`: the session a room speaks under; whoever is given the key of
        that one is to be known as having it."""
        for room, name, keys in self._kept.load() if self._kept else ():
            session = speaking(room)
            if session is None or session.id != name:
                session = PastSession(name)
            owed = Owed(session, {user: RoomKey(name, key) for user, key in keys.items()})
            self._owed.setdefault(room, []).append(owed)

    def _keep(self, room: MatrixRoomId, session: Session, keys: dict[str, RoomKey]) -> None:
        if self._kept:
            self._kept.keep(room, session.id, {user: key.session_key for user, key in keys.items()})

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

    def owe(self, room: MatrixRoomId, session: Session, users: Iterable[str]) -> None:
        """These people will miss what is said next. Who missed something of this session before is owed that key."""
        owed = self._of(room, session)
        known = {} if owed is None else owed.keys
        missing = set(users) - known.keys()
        if not missing:
            return
        keys = dict.fromkeys(missing, RoomKey(session.id, session.session_key)) | known
        self._keep(room, session, keys)
        if owed is not None:
            owed.keys = keys
            return
        of_room = [*self._owed.get(room, []), Owed(session, keys)]
        for too_old in of_room[:-AT_MOST]:
            self._keep(room, too_old.session, {})
        self._owed[room] = of_room[-AT_MOST:]

    def key_for(self, user: str, room: MatrixRoomId, session: Session) -> RoomKey:
        """What opens all of the session that this person may read."""
        owed = self._of(room, session)
        now = RoomKey(session.id, session.session_key)
        return now if owed is None else owed.keys.get(user, now)

    def of(self, room: MatrixRoomId) -> tuple[Owed, ...]:
        return tuple(self._owed.get(room, ()))

    def settle(self, room: MatrixRoomId, owed: Owed, users: Collection[str]) -> None:
        """These people have it, or are no longer to have it."""
        keys = {user: key for user, key in owed.keys.items() if user not in users}
        if len(keys) < len(owed.keys):
            self._keep(room, owed.session, keys)
            owed.keys = keys
        left = [one for one in self._owed.get(room, ()) if one.keys]
        if left:
            self._owed[room] = left
        else:
            self._owed.pop(room, None)

    def _of(self, room: MatrixRoomId, session: Session) -> Owed | None:
        return next((owed for owed in self._owed.get(room, ()) if owed.session.id == session.id), None)
