"""What of other people is still known after a restart: who is in a room, and whose devices we have.

Both are kept up by the stream of syncs, and the stream goes on where our cursor stands: what is written down here is
never older than the cursor, and hearing the same change twice changes nothing. Where the stream begins anew nothing
of it may be believed. Whoever has the file alone cannot read it: people are sealed.
"""

import json
from collections.abc import Collection, Iterable, Mapping

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

    def joined(self, rooms: Collection[MatrixRoomId]) -> dict[MatrixRoomId, set[str]]:
        """Who was in these rooms, by one question however many they are; without those of which nothing is known."""
        these = "account_id = ? AND room_id IN (SELECT value FROM json_each(?))"
        question = f"SELECT room_id, users FROM joinedmembers WHERE {these}"  # noqa: S608 - ours, and nobody's words
        rows = self._store.ask(question, self._store.account_id(), json.dumps([*rooms]))
        opened = ((room, self._seal.open(users, *JOINED, room)) for room, users in rows)
        return {MatrixRoomId(room): set(users) for room, users in opened if users is not None}

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
