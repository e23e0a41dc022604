"""The folder a demo lives in: known by a mark, held by one demo at a time, remembering ports and passwords.

The mark is what lets `--fresh` delete it: a folder without it is somebody else's and is never touched.
"""

import fcntl
import json
import os
import secrets
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from facilitator.database.keys import write_privately
from facilitator.errors import Misconfigured

MARK = "demo.json"
LOCK = "lock"


@dataclass(frozen=True)
class Remembered:
    """What a later start needs to find everything as it was. `passwords` by Matrix name, without server."""

    panel_port: int | None = None
    homeserver_port: int | None = None
    registered: bool = False
    example_group: str | None = None
    passwords: dict[str, str] = field(default_factory=dict, repr=False)


class Folder:
    """Held from `take` until `release`."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock: int | None = lock

    @classmethod
    def take(cls, path: Path, *, fresh: bool) -> Self:
        """Make the folder, or find the demo that is in it; `fresh` empties it first. Raises Misconfigured when it is
        something else's folder, or another demo runs in it."""
        path = path.absolute()
        _refuse_others(path)
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)
            lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Misconfigured(f"The demo's folder {path} cannot be used: {error.strerror}.") from None
        folder = cls(path, lock)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if fresh:
                folder._empty()
            if not (path / MARK).exists():
                folder.remember(Remembered())
        except BlockingIOError:
            os.close(lock)
            raise Misconfigured(
                f"A demo is running in {path} already: use that one, or give this one its own folder with --data."
            ) from None
        except BaseException:
            os.close(lock)
            raise
        return folder

    def release(self) -> None:
        """Let another demo have it. Harmless the second time."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def remembered(self) -> Remembered:
        try:
            kept: dict[str, Any] = json.loads((self.path / MARK).read_text())
            return Remembered(**kept)
        except (ValueError, TypeError):
            raise Misconfigured(
                f"The demo in {self.path} cannot be read any more: begin anew with --fresh, which deletes it."
            ) from None

    def remember(self, what: Remembered) -> None:
        write_privately(self.path / MARK, json.dumps(asdict(what), indent=1), over=True)

    def change(self, **values: Any) -> Remembered:
        changed = replace(self.remembered(), **values)
        self.remember(changed)
        return changed

    def password(self, name: str) -> str:
        """The password of one of the demo's accounts, made up when first asked for."""
        passwords = self.remembered().passwords
        if name not in passwords:
            passwords = passwords | {name: "-".join(secrets.token_hex(2) for _ in range(4))}
            self.change(passwords=passwords)
        return passwords[name]

    def _empty(self) -> None:
        for each in self.path.iterdir():
            if each.name in (LOCK, MARK):
                continue
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each)
            else:
                each.unlink()
        with suppress(FileNotFoundError):  # last, so that a half-emptied folder is still known as ours
            (self.path / MARK).unlink()


def _refuse_others(path: Path) -> None:
    if not path.exists() or (path / MARK).is_file():
        return
    inside = {each.name for each in path.iterdir()} if path.is_dir() else {path.name}
    if inside - {LOCK}:
        raise Misconfigured(
            f"{path} holds something that is not a demo of Hearth, so it is left alone: "
            "choose another folder with --data."
        )
