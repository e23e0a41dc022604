"""What of other people is still known after a restart: who is in a room, and whose devices we have.

Both are kept up by the stream of syncs, and the stream goes on where our cursor stands: what is written down here is
never older than the cursor, and hearing the same change twice changes nothing. Where the stream begins anew nothing
of it may be believed. Whoever has the file alone cannot read it: people are sealed.
"""

from collections.abc import Iterable, Mapping

from bridge.matrix.keystore import Store
from bridge.matrix.sealing import Seal
from facilitator.ids import MatrixRoomId

TABLES = (
    """
    CREATE TABLE IF NOT EXISTS joinedmembers (
        account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        room_id TEXT NOT NULL,
        users BLOB NOT NULL,
        PRIMARY KEY (account_id, room_id)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS knownusers (
        account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        user_id BLOB NOT NULL,
        PRIMARY KEY (account_id, user_id)
    ) WITHOUT ROWID
    """,
)
JOINED, PEOPLE = ("joinedmembers", "users"), ("knownusers", "user_id")


class Remembered:
    """Of one account, in its key store."""

    def __init__(self, store: Store) -> None:
        self._store, self._seal = store, Seal(store.pickle_key)
        for table in TABLES:
            store.ask(table)

    def joined(self, room: MatrixRoomId) -> set[str] | None:
        question = "SELECT users FROM joinedmembers WHERE account_id = ? AND room_id = ?"
        row = self._store.ask(question, self._store.account_id(), room).fetchone()
        users = None if row is None else self._seal.open(row[0], *JOINED, room)
        return None if users is None else set(users)

    def keep_joined(self, rooms: Mapping[MatrixRoomId, set[str]]) -> None:
        account = self._store.account_id()
        rows = [(account, room, self._seal.close(sorted(users), *JOINED, room)) for room, users in rooms.items()]
        with self._store.together():
            self._store.many("INSERT OR REPLACE INTO joinedmembers VALUES (?, ?, ?)", rows)

    def forget_room(self, room: MatrixRoomId) -> None:
        self._store.ask(
            "DELETE FROM joinedmembers WHERE account_id = ? AND room_id = ?", self._store.account_id(), room
        )

    def people(self) -> set[str]:
        """Whose devices are known as they are now."""
        question = "SELECT user_id FROM knownusers WHERE account_id = ?"
        opened = (self._seal.open(sealed, *PEOPLE) for (sealed,) in self._store.ask(question, self._store.account_id()))
        return {user for user in opened if user is not None}

    def keep_people(self, users: Iterable[str]) -> None:
        self._people("INSERT OR IGNORE INTO knownusers VALUES (?, ?)", users)

    def forget_people(self, users: Iterable[str]) -> None:
        self._people("DELETE FROM knownusers WHERE account_id = ? AND user_id = ?", users)

    def forget_all(self) -> None:
        with self._store.together():
            for table in ("joinedmembers", "knownusers"):
                self._store.ask(f"DELETE FROM {table} WHERE account_id = ?", self._store.account_id())  # noqa: S608

    def _people(self, statement: str, users: Iterable[str]) -> None:
        account = self._store.account_id()
        rows = [(account, self._seal.close(user, *PEOPLE)) for user in users]
        if rows:
            with self._store.together():
                self._store.many(statement, rows)
