"""SQLite as we want it: every connection strict and durable, the file private, intact and on a disk of this machine.

Writers begin IMMEDIATE, so that two of them queue instead of failing half-way; readers cannot write at all.
"""

import os
import re
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from facilitator.database import in_loop
from facilitator.errors import Misconfigured

READING = {"hearth_begin": "reading"}
CHANGING = {"hearth_begin": "changing"}

WAL_IS_SOUND = (3, 51, 3)  # before it, two connections that write and checkpoint at one moment can corrupt the file
NETWORK = re.compile(
    r"afs|ceph|cifs|davfs|fuse\.(ceph|cifs|davfs2?|glusterfs|rclone|s3fs|sshfs)|glusterfs|lustre|ncpfs|nfs\d?|smb\d?|smbfs"
)


def engine_for(url: URL, *, upgrading: bool = False, **options: Any) -> AsyncEngine:
    """`upgrading` leaves foreign keys off: rebuilding a table would otherwise delete what refers to it."""
    engine = create_async_engine(url.set(drivername=in_loop.DRIVER), **options)
    pragmas = {
        "foreign_keys": "OFF" if upgrading else "ON",
        "synchronous": "FULL" if journal_mode() == "WAL" else "EXTRA",
        "trusted_schema": "OFF",
        "secure_delete": "ON",
        "cell_size_check": "ON",
        "temp_store": "MEMORY",
    }

    dialect: Any = engine.dialect

    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: the driver would say it late, and DEFERRED
        wanted = "; ".join(f"PRAGMA {name} = {value}" for name, value in pragmas.items())
        dialect.at_once_or_patiently(connection, lambda: connection.executescript(wanted))

    event.listen(engine.sync_engine, "begin", begin)
    return engine


def begin(connection: Connection) -> None:
    """Tell the driver what for, just before it begins."""
    driver: Any = connection.connection.dbapi_connection
    driver.changing = connection.get_execution_options().get("hearth_begin") != "reading"


def journal_mode() -> str:
    return "WAL" if sqlite3.sqlite_version_info >= WAL_IS_SOUND else "DELETE"


def prepare(url: URL) -> Path:
    """Make the file if need be, private from its first byte, and check it. Misconfigured says what to mend."""
    if not url.database or url.database == ":memory:":
        raise Misconfigured("The database_url names no file: write sqlite:////var/lib/hearth/hearth.db, say.")
    path = Path(url.database).absolute()
    folder = path.parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        refuse_shared(folder)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # journals get the file's mode from SQLite
        path.chmod(0o600)
    except OSError as error:
        raise Misconfigured(f"The database file {path} cannot be opened for writing: {error.strerror}.") from None
    refuse_damaged(path)
    return path


def refuse_shared(folder: Path) -> None:
    kind = file_system(folder)
    if NETWORK.fullmatch(kind):
        raise Misconfigured(
            f"The folder {folder} is on a network file system ({kind}), where SQLite loses data: "
            "use a local disk, or PostgreSQL."
        )
    if folder.stat().st_mode & 0o077:
        raise Misconfigured(f"The folder {folder} is open to others: run `chmod 700 {folder}`, or use another.")


def file_system(folder: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """The type of the file system a folder is on; "" where the system does not say."""
    try:
        lines = [line.split(" ") for line in mounts.read_text(errors="surrogateescape").splitlines()]
    except OSError:
        return ""
    place, kind = Path("/"), ""
    for _, mounted, its_kind, *_ in lines:
        point = Path(re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), mounted))
        if folder.resolve().is_relative_to(point) and len(point.parts) >= len(place.parts):
            place, kind = point, its_kind
    return kind


def refuse_damaged(path: Path) -> None:
    connection = sqlite3.connect(path, timeout=in_loop.BUSY_SECONDS, isolation_level=None)
    try:
        intact = connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
        if intact:
            connection.execute(f"PRAGMA journal_mode = {journal_mode()}")
    except sqlite3.OperationalError as error:
        raise Misconfigured(f"The database file {path} cannot be used: {error}.") from None
    except sqlite3.DatabaseError:
        intact = False
    finally:
        connection.close()
    if not intact:
        raise Misconfigured(f"The database file {path} is damaged: stop Hearth and put back your latest backup.")


def copy(path: Path, target: Path) -> None:
    """A whole, private copy of a database in use, in place at once or not at all."""
    draft = target.with_name(f".{target.name}.draft")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    source, made = sqlite3.connect(path), sqlite3.connect(draft)
    try:
        source.backup(made)
    finally:
        made.close()
        source.close()
    draft.replace(target)
