"""The bell between the two services: rung after a commit, so that the bridge looks at once and not in two seconds.

It carries nothing and promises nothing. Who waits also looks by themselves: a lost ring costs a moment, never an act.
"""

import asyncio
import os
import socket
import stat
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from sqlalchemy import make_url

LONGEST_ADDRESS = 107  # bytes of a Unix socket's path


def open_bell(url: str, data_dir: Path) -> "Bell":
    """The bell of a database: NOTIFY on PostgreSQL, a socket in the data folder on SQLite. Opens nothing yet."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        from facilitator.database.notify import NotifyBell, conninfo

        return NotifyBell(conninfo(parsed))
    return SocketBell(data_dir / "bell.socket")


class Bell:
    """Anybody rings; one process waits. Rings between two waits become one. Nothing here ever raises."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    async def ring(self) -> None:
        """Call after the commit: whoever looks earlier sees nothing."""
        raise NotImplementedError

    async def wait(self, timeout: timedelta) -> bool:
        """Until it is rung (True), or was since the last wait, or for so long (False)."""
        self._listen()
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        return True

    def _listen(self) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError


class SocketBell(Bell):
    """A Unix datagram socket that the waiting process keeps in the data folder, for its own user alone."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._ear: socket.socket | None = None
        self._inode: int | None = None

    async def ring(self) -> None:
        with suppress(OSError), datagram_socket() as mouth, Address(self._path) as address:
            mouth.sendto(b"!", address)  # refused: nobody waits; full: it rings already

    def _listen(self) -> None:
        if self._ear is not None and inode(self._path) == self._inode:
            return
        self._stop_listening()
        with suppress(OSError):
            if not self._taken():
                self._path.unlink(missing_ok=True)
                self._bind()

    def _taken(self) -> bool:
        """Another process waits there, or it is no socket at all; a socket left by one that died is not taken."""
        if inode(self._path) is None:
            return False
        if not stat.S_ISSOCK(self._path.lstat().st_mode):
            return True
        with datagram_socket() as probe, Address(self._path) as address:
            return probe.connect_ex(address) == 0

    def _bind(self) -> None:
        ear = datagram_socket()
        try:
            os.fchmod(ear.fileno(), 0o600)  # before it has a name: never open to others, not for a moment
            with Address(self._path) as address:
                ear.bind(address)
        except OSError:
            ear.close()
            raise
        asyncio.get_running_loop().add_reader(ear, self._hear, ear)
        self._ear, self._inode = ear, inode(self._path)

    def _hear(self, ear: socket.socket) -> None:
        with suppress(OSError):
            while ear.recv(16):
                self._rung.set()

    def _stop_listening(self) -> None:
        if self._ear is not None:
            asyncio.get_running_loop().remove_reader(self._ear)
            self._ear.close()
            self._ear = None

    async def close(self) -> None:
        with suppress(OSError):
            if self._ear is not None and inode(self._path) == self._inode:
                self._path.unlink()
        self._stop_listening()


def datagram_socket() -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made


def inode(path: Path) -> int | None:
    try:
        return path.lstat().st_ino
    except OSError:
        return None


class Address:
    """A socket's path as the system takes it: one too long goes by way of its folder's descriptor."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder: int | None = None

    def __enter__(self) -> str:
        if len(os.fsencode(self._path)) <= LONGEST_ADDRESS:
            return str(self._path)
        self._folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        return f"/proc/self/fd/{self._folder}/{self._path.name}"

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            os.close(self._folder)
