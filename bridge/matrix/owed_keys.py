"""What is owed to people who could not be reached, in the key store: a restart during their server's outage must not
lose for good what they missed.

Each key is kept as it is owed, from the first message that person missed, and sealed with their name. It cannot be
made again from what we hold of the session: that can only be exported, and an exported key is not taken from us.
"""

from collections.abc import Iterator, Mapping

from bridge.matrix.keystore import Store
from bridge.matrix.sealing import Seal
from facilitator.ids import MatrixRoomId

TABLE = """
CREATE TABLE IF NOT EXISTS owedkeys (
    id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    room_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    keys BLOB NOT NULL,
    UNIQUE (account_id, room_id, session_id)
)
"""


class OwedKeys:
    """Of one account, by room and session: user → session key."""

    def __init__(self, store: Store) -> None:
        self._store, self._seal = store, Seal(store.pickle_key)
        store.ask(TABLE)

    def load(self) -> Iterator[tuple[MatrixRoomId, str, dict[str, str]]]:
        """The oldest first."""
        question = "SELECT room_id, session_id, keys FROM owedkeys WHERE account_id = ? ORDER BY id"
        for room, session, sealed in self._store.ask(question, self._store.account_id()).fetchall():
            keys = self._seal.open(sealed, "owedkeys", "keys", room, session)
            if keys:
                yield MatrixRoomId(room), session, keys

    def keep(self, room: MatrixRoomId, session: str, keys: Mapping[str, str]) -> None:
        """In the place of what was owed of this session before; nothing is left of it when nothing is owed."""
        which = (self._store.account_id(), room, session)
        if not keys:
            self._store.ask("DELETE FROM owedkeys WHERE account_id = ? AND room_id = ? AND session_id = ?", *which)
            return
        self._store.ask(
            "INSERT INTO owedkeys (account_id, room_id, session_id, keys) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (account_id, room_id, session_id) DO UPDATE SET keys = excluded.keys",
            *which, self._seal.close(dict(keys), "owedkeys", "keys", room, session),
        )  # fmt: skip
