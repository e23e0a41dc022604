"""The Megolm sessions we speak under, kept over restarts: who was given each, and how far it may have been used.

Without this every restart makes every room's next message share its key anew. Two things must never happen: that a
step of a session is used twice, and that somebody holds a key we believe they do not. So steps are set aside in the
store before they are used, a few at a time, and whoever is about to be sent a key is written down before it goes out.
Who they are is sealed.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import vodozemac

from bridge.matrix.keystore import Store
from bridge.matrix.ratchets import OutboundGroupSession
from bridge.matrix.sealing import Seal

AHEAD = 20
"""Steps set aside at a time: a restart wastes at most so many, and one write in so many messages is enough."""
TABLE = """
CREATE TABLE IF NOT EXISTS oursessions (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    room_id TEXT NOT NULL,
    session BLOB NOT NULL,
    created TEXT NOT NULL,
    reserved INTEGER NOT NULL,
    offered BLOB NOT NULL,
    given BLOB NOT NULL,
    told BLOB NOT NULL,
    PRIMARY KEY (account_id, room_id)
) WITHOUT ROWID
"""
SETS = ("offered", "given", "told")

Device = tuple[str, str]


class OurSession(OutboundGroupSession):
    """nio's `users_shared_with` is who has the key for certain; `offered` is who may have it besides."""

    def __init__(self, session: vodozemac.GroupSession | None = None) -> None:
        super().__init__(session)
        self.offered: set[Device] = set()
        self.reserved = 0

    @property
    def holders(self) -> set[Device]:
        return self.users_shared_with | self.offered

    @property
    def needs_steps(self) -> bool:
        return bool(self.message_index >= self.reserved)

    def ends_within(self, margin: timedelta) -> bool:
        """Worn out, or about to be."""
        return bool(self.expired) or bool(datetime.now() - self.creation_time >= self.max_age - margin)  # noqa: TID251, DTZ005 - as nio counts

    def skip_to(self, step: int) -> None:
        """Use up what may have been used before."""
        while self.message_index < step:
            self._session.encrypt(b"")
        self.message_count = self.message_index


class OurSessions:
    """By room, in the key store. Those that are worn out are written over by the next."""

    def __init__(self, store: Store) -> None:
        self._store, self._seal = store, Seal(store.pickle_key)
        store.ask(TABLE)

    def load(self, room: str) -> OurSession | None:
        """The session as it was last kept, its used steps behind it; None where there is none, or none that opens."""
        question = (
            "SELECT session, created, reserved, offered, given, told FROM oursessions "
            "WHERE account_id = ? AND room_id = ?"
        )
        row = self._store.ask(question, self._store.account_id(), room).fetchone()
        if row is None:
            return None
        pickle, created, reserved, *sealed = row
        sets = [self._seal.open(each, "oursessions", name, room) for name, each in zip(SETS, sealed, strict=True)]
        if None in sets:
            return None
        try:
            session = OurSession(OutboundGroupSession.from_pickle(pickle, self._store.pickle_key)._session)
        except (ValueError, vodozemac.PickleException):
            return None
        session.creation_time = datetime.fromisoformat(created)
        session.skip_to(reserved)
        session.reserved = reserved
        session.offered, session.users_shared_with, session.users_ignored = map(_devices, sets)
        return session

    def keep(self, sessions: Iterable[tuple[str, OurSession]]) -> None:
        """Write them down with steps to use, durably: asked before anything is said or sent under them."""
        account = self._store.account_id()
        rows, set_aside = [], []
        for room, session in sessions:
            reserved = session.message_index + AHEAD if session.needs_steps else session.reserved
            set_aside.append((session, reserved))
            sets = zip(SETS, (session.offered, session.users_shared_with, session.users_ignored), strict=True)
            sealed = (self._seal.close(sorted(each), "oursessions", name, room) for name, each in sets)
            pickle = session.pickle(self._store.pickle_key)
            rows.append((account, room, pickle, session.creation_time.isoformat(), reserved, *sealed))
        with self._store.together():
            self._store.many("INSERT OR REPLACE INTO oursessions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

        def set_them_aside() -> None:
            for session, reserved in set_aside:
                session.reserved = reserved

        self._store.once_written(set_them_aside)  # a step that is not set aside on the disk is never used

    def forget(self, room: str) -> None:
        """We have left it. Should we come back, we speak under another: who came and went meanwhile was not told."""
        self._store.ask("DELETE FROM oursessions WHERE account_id = ? AND room_id = ?", self._store.account_id(), room)


def _devices(listed: Iterable[Device]) -> set[Device]:
    return {(user, device) for user, device in listed}
