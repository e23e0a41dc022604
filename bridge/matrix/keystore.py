"""Where the device's encryption keys live: nio's SQLite store in a file beside our database.

Never in a backup: an old copy under the same device repeats one-time keys and breaks everybody's sessions with us.
"""

import contextlib
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import vodozemac

from bridge.matrix.homeserver import TryLater
from bridge.matrix.ratchets import peewee
from bridge.matrix.rows import Rows
from facilitator.database.sqlite import journal_mode
from facilitator.errors import N_, Misconfigured
from facilitator.ids import UserId

PICKLE_KEY_BYTES = 32
DAMAGED = N_(
    "The key store of Hearth's device is damaged. Run `hearth renew`: it gives the bot a new device and keeps its "
    "identity. Never put an old copy of the key store back."
)


UNREADABLE = N_(
    "The key store of Hearth's device, `keystore.db` in data_dir, cannot be read: see that the disk is sound and that "
    "the file belongs to the account the bridge runs as. Its keys are not lost; leave the file where it is."
)
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
WAITS = 5.0
"""Seconds another process may have it locked before it is told."""
AGAIN_IN = timedelta(seconds=5)


class Damaged(Misconfigured):
    """What the file holds is no key store any more."""


def _told(error: sqlite3.DatabaseError) -> TryLater | Misconfigured:
    """By SQLite's primary code, the low byte of what it reports."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in BUSY:
        return TryLater("key store busy", AGAIN_IN)
    return Damaged(DAMAGED) if code in BROKEN else Misconfigured(UNREADABLE)


class KeyStore:
    """The key store file at `path`, opened with a secret of 32 bytes. One file per bot account.

    Raises Misconfigured for a key that is short or plainly not random: nio's own default is a published word.
    """

    def __init__(self, path: Path, pickle_key: bytes) -> None:
        if len(pickle_key) != PICKLE_KEY_BYTES or len(set(pickle_key)) < PICKLE_KEY_BYTES // 4:
            raise Misconfigured(
                N_("The key that locks the key store must be 32 random bytes. Let Hearth make it: hearth migrate does.")
            )
        self._path, self._pickle_key = path, pickle_key.hex()

    def holds(self, user_id: UserId, device_id: str) -> bool:
        """Whether this device's keys are here. When they are lost, sign in as a new device: never reuse the old.

        Only a missing file or table is a loss. Raises Damaged, Misconfigured when the file cannot be opened or read,
        TryLater while another process has it locked."""
        if not self._path.exists():
            return False
        question = "SELECT 1 FROM accounts WHERE user_id = ? AND device_id = ?"
        try:
            with contextlib.closing(sqlite3.connect(self._path, timeout=WAITS)) as file:
                return file.execute(question, (user_id, device_id)).fetchone() is not None
        except sqlite3.DatabaseError as error:
            if str(error).startswith("no such table"):
                return False
            raise _told(error) from None

    def begin_anew_if_damaged(self, user_id: UserId) -> None:
        """For a new device: a damaged file holds nothing that may ever be used again, and goes out of its way."""
        try:
            self.holds(user_id, "")
        except Damaged:
            for file in self._path.parent.glob(f"{self._path.name}*"):
                file.unlink()

    def open(self, user_id: UserId, device_id: str) -> "Store":
        """Raises Misconfigured when the file was locked with another key."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.touch(mode=0o600)
        store = Store(user_id, device_id, str(self._path.parent), self._pickle_key, self._path.name)
        try:
            store.load_account()
        except (vodozemac.PickleException, vodozemac.LibolmPickleException) as error:
            store.close()
            raise Misconfigured(
                N_("The key store does not open with this key. Put back the key that belongs to it.")
            ) from error
        return store


class _Database(peewee.SqliteDatabase):
    """Binds the models when another store had them, not at every call: that was a quarter of nio's work."""

    def bind_ctx(self, models: Any, *_: Any, **__: Any) -> contextlib.AbstractContextManager[None]:
        if any(model._meta.database is not self for model in models):
            self.bind(models)
        return contextlib.nullcontext()


class Store(Rows):
    """nio's store, durable. A crash of the process loses nothing. With a write-ahead log, which only a SQLite that
    is sound with one gets, a power cut may lose the last moments: that costs a key sent once more, and never a key
    that was published (`to_disk`). Without, every transaction is on the disk when it ends."""

    def _create_database(self) -> _Database:
        journal = journal_mode()
        waits = "NORMAL" if journal == "WAL" else "EXTRA"
        pragmas = {"foreign_keys": 1, "secure_delete": 1, "journal_mode": journal, "synchronous": waits}
        return _Database(self.database_path, pragmas=pragmas)

    def to_disk(self) -> None:
        """Waits until what was saved would outlive a power cut: asked before keys are given to a homeserver."""
        self.database.execute_sql("PRAGMA wal_checkpoint(FULL)")

    def close(self) -> None:
        self.database.close()
