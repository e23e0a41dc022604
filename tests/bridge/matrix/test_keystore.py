"""The key store: weak keys refused, one device for good, private, never mixed with another."""

import contextlib
import secrets
import sqlite3
from pathlib import Path

import pytest
from nio.store.models import Accounts

from bridge.matrix import keystore
from bridge.matrix.hardened import Machine
from bridge.matrix.homeserver import TryLater
from bridge.matrix.keystore import KeyStore
from facilitator.errors import Misconfigured
from facilitator.ids import UserId

BOT = UserId("@hearth:test")


@pytest.mark.parametrize("key", [b"", b"DEFAULT_KEY", b"short", bytes(32), b"a" * 32, bytes(range(31))])
def test_a_key_that_is_short_or_plainly_not_random_is_refused(tmp_path: Path, key: bytes) -> None:
    with pytest.raises(Misconfigured):
        KeyStore(tmp_path / "keys.db", key)


def test_a_device_is_the_same_after_it_is_opened_again(tmp_path: Path) -> None:
    keys = KeyStore(tmp_path / "keys.db", secrets.token_bytes(32))
    assert not keys.holds(BOT, "DEVICE")

    first = Machine(BOT, "DEVICE", keys.open(BOT, "DEVICE"))
    first.store.close()
    second = Machine(BOT, "DEVICE", keys.open(BOT, "DEVICE"))

    assert second.account.identity_keys == first.account.identity_keys
    assert keys.holds(BOT, "DEVICE")
    assert not keys.holds(BOT, "OTHER")
    assert not keys.holds(UserId("@other:test"), "DEVICE")
    second.store.close()


def test_another_key_does_not_open_it(tmp_path: Path) -> None:
    right = KeyStore(tmp_path / "keys.db", secrets.token_bytes(32))
    Machine(BOT, "DEVICE", right.open(BOT, "DEVICE")).store.close()

    with pytest.raises(Misconfigured, match="does not open"):
        KeyStore(tmp_path / "keys.db", secrets.token_bytes(32)).open(BOT, "DEVICE")


def test_a_damaged_file_is_told_and_goes_out_of_the_way_of_a_new_device(tmp_path: Path) -> None:
    file = tmp_path / "keys.db"
    file.write_bytes(b"no database" * 1000)
    keys = KeyStore(file, secrets.token_bytes(32))
    with pytest.raises(Misconfigured, match="hearth renew"):
        keys.holds(BOT, "DEVICE")
    keys.begin_anew_if_damaged(BOT)
    Machine(BOT, "NEW", keys.open(BOT, "NEW")).store.close()
    keys.begin_anew_if_damaged(BOT)
    assert keys.holds(BOT, "NEW")


def test_only_a_missing_file_or_table_is_a_loss(tmp_path: Path) -> None:
    file = tmp_path / "keys.db"
    keys = KeyStore(file, secrets.token_bytes(32))
    assert not keys.holds(BOT, "DEVICE")
    file.touch()
    assert not keys.holds(BOT, "DEVICE")


def test_a_store_that_is_locked_is_asked_again_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = KeyStore(tmp_path / "keys.db", secrets.token_bytes(32))
    Machine(BOT, "DEVICE", keys.open(BOT, "DEVICE")).store.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "keys.db")) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        monkeypatch.setattr(keystore, "WAITS", 0.01)
        with pytest.raises(TryLater):
            keys.holds(BOT, "DEVICE")
        with pytest.raises(TryLater):
            keys.begin_anew_if_damaged(BOT)
    assert keys.holds(BOT, "DEVICE")


def test_a_store_that_cannot_be_opened_is_told_and_never_thrown_away(tmp_path: Path) -> None:
    """A folder in its place cannot be opened, whoever asks."""
    (tmp_path / "keys.db").mkdir()
    keys = KeyStore(tmp_path / "keys.db", secrets.token_bytes(32))
    with pytest.raises(Misconfigured, match="not lost"):
        keys.holds(BOT, "DEVICE")
    with pytest.raises(Misconfigured, match="not lost"):
        keys.begin_anew_if_damaged(BOT)
    assert (tmp_path / "keys.db").exists()


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys.db", secrets.token_bytes(32)).open(BOT, "DEVICE")
    modes = {file.name: file.stat().st_mode & 0o077 for file in tmp_path.iterdir()}
    assert set(modes.values()) == {0}
    store.close()


def test_two_stores_in_one_process_do_not_mix(tmp_path: Path) -> None:
    """nio's models are shared by the process; each call must reach its own store's file."""
    stores = [KeyStore(tmp_path / f"{n}.db", secrets.token_bytes(32)).open(BOT, "DEVICE") for n in range(2)]
    machines = [Machine(BOT, "DEVICE", store) for store in stores]
    for machine in machines * 2:
        machine.save_account()

    for machine, store in zip(machines, stores, strict=True):
        again = store.load_account()
        assert again.identity_keys == machine.account.identity_keys
        store.to_disk()
        with store.together():
            store.save_account(machine.account)
            assert Accounts.select().count() == 1
        store.close()


@pytest.mark.parametrize("before", [None, "WAL", "DELETE"])
def test_a_write_ahead_log_is_only_for_a_sqlite_that_is_sound_with_one(tmp_path: Path, before: str | None) -> None:
    path = tmp_path / "keys.db"
    if before is not None:
        with contextlib.closing(sqlite3.connect(path)) as file:
            file.execute(f"PRAGMA journal_mode = {before}")
            file.execute("CREATE TABLE kept (word TEXT)")
    store = KeyStore(path, secrets.token_bytes(32)).open(BOT, "DEVICE")
    machine = Machine(BOT, "DEVICE", store)
    machine.save_account()
    ((journal,),) = store.database.execute_sql("PRAGMA journal_mode")
    ((waits,),) = store.database.execute_sql("PRAGMA synchronous")
    sound = sqlite3.sqlite_version_info >= (3, 51, 3)
    assert (journal, waits) == (("wal", 1) if sound else ("delete", 3))
    assert (tmp_path / "keys.db-wal").exists() == sound
    store.to_disk()
    store.close()
