"""The SQLite file: private, on a disk of this machine, intact, in the journal mode that is sound for its version."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest
from sqlalchemy import text

from facilitator.database import Database, sqlite
from facilitator.errors import Misconfigured
from tests.keys import Keys


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_file_and_folder_are_this_users_alone(keys: Keys, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        database = keys.connect(f"sqlite:///{tmp_path}/data/hearth.db")
        await database.upgrade()
        async with database.transaction() as db:
            await db.execute(text("INSERT INTO heartbeats VALUES (:name, :at)"), {"name": "one", "at": "2026"})
            assert {mode(file) for file in (tmp_path / "data").iterdir()} == {0o600}  # its journal as well
    finally:
        os.umask(old)
    assert mode(tmp_path / "data") == 0o700
    await database.close()


def test_a_file_left_open_to_others_is_closed_to_them(keys: Keys, tmp_path: Path) -> None:
    (tmp_path / "hearth.db").touch(0o644)
    keys.connect(f"sqlite:///{tmp_path}/hearth.db")
    assert mode(tmp_path / "hearth.db") == 0o600


@pytest.mark.parametrize("open_to", [0o755, 0o770, 0o777])
def test_a_folder_open_to_others_is_refused(keys: Keys, tmp_path: Path, open_to: int) -> None:
    tmp_path.chmod(open_to)
    with pytest.raises(Misconfigured, match="run `chmod 700"):
        keys.connect(f"sqlite:///{tmp_path}/hearth.db")
    tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    ("kind", "refused"),
    [
        ("nfs", True), ("nfs4", True), ("cifs", True), ("smb3", True), ("fuse.sshfs", True), ("fuse.glusterfs", True),
        ("ceph", True), ("ext4", False), ("overlay", False), ("tmpfs", False), ("btrfs", False), ("", False),
    ],
)  # fmt: skip
def test_a_network_file_system_is_refused(kind: str, refused: bool) -> None:
    assert bool(sqlite.NETWORK.fullmatch(kind)) is refused


def test_the_file_system_is_that_of_the_innermost_mount(tmp_path: Path) -> None:
    folder = tmp_path / "with space" / "data"
    folder.mkdir(parents=True)
    escaped = str(tmp_path / "with space").replace(" ", "\\040")
    mounts = tmp_path / "mounts"
    mounts.write_text(f"server:/x {escaped} nfs4 rw 0 0\n/dev/a / ext4 rw 0 0\nproc /proc proc rw 0 0\n")
    assert sqlite.file_system(folder, mounts) == "nfs4"
    assert sqlite.file_system(tmp_path, mounts) == "ext4"
    assert sqlite.file_system(tmp_path, tmp_path / "none") == ""


def test_a_folder_on_a_network_is_refused_with_the_reason(
    keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "file_system", lambda folder: "nfs4")
    with pytest.raises(Misconfigured, match=r"network file system \(nfs4\).*local disk, or PostgreSQL"):
        keys.connect(f"sqlite:///{tmp_path}/hearth.db")


async def test_a_damaged_file_is_refused(keys: Keys, sqlite_url: str, migrated_file: Path, tmp_path: Path) -> None:
    damaged = bytearray(migrated_file.read_bytes())
    page = int.from_bytes(damaged[16:18], "big")
    damaged[page : 3 * page] = os.urandom(2 * page)
    (tmp_path / "hearth.db").write_bytes(damaged)
    with pytest.raises(Misconfigured, match="damaged: stop Hearth and put back your latest backup"):
        keys.connect(f"sqlite:///{tmp_path}/hearth.db")


def test_something_else_in_the_files_place_is_refused(keys: Keys, tmp_path: Path) -> None:
    (tmp_path / "hearth.db").write_text("a letter, and no database at all " * 100)
    with pytest.raises(Misconfigured, match="damaged"):
        keys.connect(f"sqlite:///{tmp_path}/hearth.db")
    (tmp_path / "folder").mkdir()
    with pytest.raises(Misconfigured, match="cannot be opened"):
        keys.connect(f"sqlite:///{tmp_path}/folder")


def test_a_write_ahead_log_is_given_up_where_this_sqlite_may_corrupt_it(keys: Keys, tmp_path: Path) -> None:
    file = tmp_path / "hearth.db"
    made = sqlite3.connect(file)
    made.execute("PRAGMA journal_mode = WAL")
    made.execute("CREATE TABLE a (b)")
    made.close()
    keys.connect(f"sqlite:///{file}")
    found = sqlite3.connect(file)
    assert found.execute("PRAGMA journal_mode").fetchone()[0] == sqlite.journal_mode().lower()
    found.close()


@pytest.mark.parametrize(("version", "expected"), [((3, 40, 1), "DELETE"), ((3, 51, 2), "DELETE"), ((3, 51, 3), "WAL")])
def test_the_journal_mode_goes_by_the_version_that_runs(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], expected: str
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    assert sqlite.journal_mode() == expected


async def test_a_copy_is_whole_and_private(database: Database, tmp_path: Path) -> None:
    assert database.file is not None
    old = os.umask(0)
    try:
        sqlite.copy(database.file, tmp_path / "copy.db")
    finally:
        os.umask(old)
    assert mode(tmp_path / "copy.db") == 0o600 and not list(tmp_path.glob(".copy*"))
    copied = sqlite3.connect(tmp_path / "copy.db")
    assert copied.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert copied.execute("SELECT version_num FROM alembic_version").fetchone()
    copied.close()
