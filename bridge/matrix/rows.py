"""nio's key store tables, read and written by plain SQL, each thing once per transaction however often it changed.

nio's own store builds its SQL anew at every call, asks for the account's row before every key, writes the whole
account once per Olm session, and reads devices one by one: nine tenths of what speaking to a new room costs.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from bridge.matrix.homeserver import TryLater
from bridge.matrix.ratchets import (
    DeviceStore,
    GroupSessionStore,
    InboundGroupSession,
    OlmAccount,
    OlmDevice,
    Session,
    SessionStore,
    SqliteStore,
    TrustState,
    peewee,
)

log = structlog.get_logger(__name__)
AFTER_A_FAULT = timedelta(seconds=5)
WRITTEN = "%Y-%m-%d %H:%M:%S.%f"  # as nio writes it


@contextlib.contextmanager
def told_as_weather() -> Iterator[None]:
    """A disk that is full or a file that is locked passes by itself or with the host's help: TryLater, no bug."""
    try:
        yield
    except (peewee.OperationalError, sqlite3.OperationalError) as error:
        log.error("key store cannot be written", error=type(error).__name__)
        raise TryLater("key store", AFTER_A_FAULT) from error


class Rows(SqliteStore):
    """Within `together`, what is saved is kept in mind and written at its end, in one transaction."""

    _id: int | None = None
    _depth = 0

    def _prepare(self) -> None:
        """Nothing is left to write."""
        self._account: OlmAccount | None = None
        self._sessions: dict[str, tuple[str, Session]] = {}
        self._room_keys: dict[str, InboundGroupSession] = {}
        self._then: list[Callable[[], None]] = []

    def __post_init__(self) -> None:
        self._prepare()
        super().__post_init__()

    @property
    def unwritten(self) -> bool:
        """Whether something is left that could not be written."""
        return self._account is not None or bool(self._sessions or self._room_keys)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Everything saved within is one transaction. If something fails meanwhile, what a session has said stays
        said: it is written all the same. Raises TryLater when it cannot be written: it is then written with the next
        that can, and nothing of it may be sent before."""
        self._depth += 1
        try:
            with told_as_weather(), self._written_at_the_end() if self._depth == 1 else self.database.atomic():
                yield
        finally:
            self._depth -= 1

    @contextlib.contextmanager
    def _written_at_the_end(self) -> Iterator[None]:
        try:
            with self.database.atomic():
                yield
                self._write()
        except BaseException:
            self._then = []
            with self.database.atomic():
                self._write()
            self._prepare()
            raise
        then = self._then
        self._prepare()
        for each in then:
            each()

    def once_written(self, then: Callable[[], None]) -> None:
        """Do this at the end of the outermost `together` we are in, and not at all if that fails."""
        if self._depth == 0:
            then()
        else:
            self._then.append(then)

    def ask(self, statement: str, *values: Any) -> Any:
        with told_as_weather():
            return self.database.execute_sql(statement, values)

    def many(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        if rows:
            with told_as_weather():
                self.database.connection().executemany(statement, rows)

    def _write(self) -> None:
        if self._account is not None:
            self._write_account(self._account)
        self.many(
            "INSERT OR REPLACE INTO olmsessions (creation_time, last_usage_date, sender_key, account_id, session, "
            "session_id) VALUES (?, ?, ?, ?, ?, ?)",
            [self._session_row(key, session) for key, session in self._sessions.values()],
        )
        self.many(
            "INSERT INTO megolminboundsessions (sender_key, account_id, fp_key, room_id, session, session_id) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (session_id) DO UPDATE SET session = excluded.session",
            [self._room_key_row(key) for key in self._room_keys.values()],
        )

    def _saved(self) -> None:
        if self._depth == 0:
            with self.together():
                pass

    # -- the account -----------------------------------------------------------------------------------------

    def account_id(self) -> int:
        if self._id is None:
            question = "SELECT id FROM accounts WHERE user_id = ? AND device_id = ?"
            row = self.ask(question, self.user_id, self.device_id).fetchone()
            if row is None:
                raise LookupError("this device has no account in the key store")
            self._id = int(row[0])
        return self._id

    def save_account(self, account: OlmAccount) -> None:
        self._account = account
        self._saved()

    def _write_account(self, account: OlmAccount) -> None:
        self.ask(
            "INSERT INTO accounts (account, user_id, device_id, shared) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (user_id, device_id) DO UPDATE SET account = excluded.account, shared = excluded.shared",
            account.pickle(self.pickle_key), self.user_id, self.device_id, account.shared,
        )  # fmt: skip

    # -- sessions with devices -------------------------------------------------------------------------------

    def save_session(self, curve_key: str, session: Session) -> None:
        self._sessions[session.id] = (curve_key, session)
        self._saved()

    def _session_row(self, key: str, session: Session) -> tuple[Any, ...]:
        created, used = session.creation_time.strftime(WRITTEN), session.use_time.strftime(WRITTEN)
        return created, used, key, self.account_id(), session.pickle(self.pickle_key), session.id

    def load_sessions(self) -> SessionStore:
        """The one used last comes first: it is the one we answer with."""
        loaded = SessionStore()
        question = (
            "SELECT sender_key, session, creation_time, last_usage_date FROM olmsessions WHERE account_id = ? "
            "ORDER BY last_usage_date DESC"
        )
        for key, pickle, created, used in self.ask(question, self.account_id()):
            session = Session.from_pickle(_bytes(pickle), _instant(created), self.pickle_key, _instant(used))
            loaded._entries[key].append(session)
        return loaded

    def forget_sessions(self, ids: Iterable[str]) -> None:
        self._forget("olmsessions", self._sessions, ids)

    def _forget(self, table: str, unwritten: dict[str, Any], ids: Iterable[str]) -> None:
        gone = list(ids)
        for each in gone:
            unwritten.pop(each, None)
        self.many(f"DELETE FROM {table} WHERE session_id = ?", [(each,) for each in gone])  # noqa: S608 - a name of ours

    # -- room keys -------------------------------------------------------------------------------------------

    def save_inbound_group_session(self, session: InboundGroupSession) -> None:
        self._room_keys[_given(session)] = session
        self._saved()

    def _room_key_row(self, key: InboundGroupSession) -> tuple[Any, ...]:
        return key.sender_key, self.account_id(), key.ed25519, key.room_id, key.pickle(self.pickle_key), _given(key)

    def load_inbound_group_sessions(self) -> GroupSessionStore:
        loaded = GroupSessionStore()
        question = "SELECT session, fp_key, sender_key, room_id FROM megolminboundsessions WHERE account_id = ?"
        for pickle, *about in self.ask(question + " ORDER BY rowid", self.account_id()):
            key = InboundGroupSession.from_pickle(_bytes(pickle), *about, self.pickle_key)
            loaded._entries[key.room_id][key.sender_key][key.id] = key
        return loaded

    def forget_room_keys(self, keys: Iterable[InboundGroupSession]) -> None:
        self._forget("megolminboundsessions", self._room_keys, map(_given, keys))

    # -- devices ---------------------------------------------------------------------------------------------

    def load_device_keys(self) -> DeviceStore:
        loaded = DeviceStore()
        question = (
            "SELECT d.user_id, d.device_id, d.display_name, d.deleted, t.state, s.key, i.key FROM devicekeys d "
            "JOIN keys s ON s.device_id = d.id AND s.key_type = 'ed25519' "
            "JOIN keys i ON i.device_id = d.id AND i.key_type = 'curve25519' "
            "LEFT JOIN devicetruststate t ON t.device_id = d.id WHERE d.account_id = ?"
        )
        for user, device, name, deleted, trust, signing, identity in self.ask(question, self.account_id()):
            keys = {"ed25519": signing, "curve25519": identity}
            loaded._entries[user][device] = OlmDevice(user, device, keys, name, bool(deleted), TrustState(trust or 0))
        return loaded

    def save_device_keys(self, device_keys: Mapping[str, Mapping[str, OlmDevice]]) -> None:
        devices = [device for theirs in device_keys.values() for device in theirs.values()]
        if not devices:
            return
        account = self.account_id()
        with self.database.atomic():
            self.many(
                "INSERT INTO devicekeys (account_id, user_id, device_id, display_name, deleted) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (account_id, user_id, device_id) DO UPDATE SET deleted = excluded.deleted",
                [(account, d.user_id, d.id, d.display_name, d.deleted) for d in devices],
            )
            self.many(
                "INSERT INTO keys (key_type, key, device_id) SELECT ?, ?, id FROM devicekeys "
                "WHERE account_id = ? AND user_id = ? AND device_id = ? "
                "ON CONFLICT (device_id, key_type) DO UPDATE SET key = excluded.key",
                [(kind, key, account, d.user_id, d.id) for d in devices for kind, key in d.keys.items()],
            )

    def verify_device(self, device: OlmDevice) -> bool:
        return self._trust(device, TrustState.verified)

    def unverify_device(self, device: OlmDevice) -> bool:
        return self._trust(device, TrustState.unset)

    def _trust(self, device: OlmDevice, state: TrustState) -> bool:
        changed: bool = device.trust_state != state
        self.ask(
            "INSERT INTO devicetruststate (device_id, state) SELECT id, ? FROM devicekeys "
            "WHERE account_id = ? AND user_id = ? AND device_id = ? "
            "ON CONFLICT (device_id) DO UPDATE SET state = excluded.state",
            state.value, self.account_id(), device.user_id, device.id,
        )  # fmt: skip
        device.trust_state = state
        return changed


def _bytes(value: bytes | str) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def _instant(written: str) -> datetime:
    return datetime.fromisoformat(written)


def _given(key: InboundGroupSession) -> str:
    """A room's key is kept as often as somebody gave it to us: it may have come from another than its owner first."""
    return f"{key.id} {key.sender_key}"
