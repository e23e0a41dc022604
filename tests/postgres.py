"""A throw-away PostgreSQL on a Unix socket in a folder of its own, started when the first test asks for it."""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.keys import Keys, migrate

READY_SECONDS = 30
PR_SET_PDEATHSIG = 1
OWNER = "hearth"
HASTY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=", "max_connections=50")


@dataclass(frozen=True)
class Server:
    """`folder` holds data and socket; databases are made from the migrated template `migrated`."""

    folder: Path
    process: "subprocess.Popen[bytes]"

    def url(self, name: str) -> str:
        return f"postgresql://{OWNER}@/{name}?host={self.folder}"

    def administer(self, statement: str) -> None:
        with psycopg.connect(f"host={self.folder} user={OWNER} dbname=postgres", autocommit=True) as connection:
            connection.execute(statement)


def programs() -> Path | None:
    """The folder of initdb and postgres: on the path, or where Debian puts them."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda place: int(place.parts[-3]))
    return places[-1].parent if places else None


def unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: as whom then, in subprocess's words."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    who = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}


def go_with_the_tests() -> None:
    """Linux: end (fast shutdown) when the tests that started it are killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def start(folder: Path, settings: Sequence[str] = HASTY) -> Server:
    home = programs()
    assert home is not None
    who = unprivileged()
    if who:
        os.chown(folder, who["user"], who["group"])
    data = folder / "data"
    chosen = [part for setting in settings for part in ("-c", setting)]
    with (folder / "log").open("wb") as log:
        subprocess.run(
            [home / "initdb", "-D", data, "-U", OWNER, "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"],
            check=True, stdout=log, stderr=log, cwd=folder, **who,
        )  # fmt: skip
        process = subprocess.Popen(
            [home / "postgres", "-D", data, "-k", folder, *chosen],
            stdout=log, stderr=log, cwd=folder, start_new_session=True, preexec_fn=go_with_the_tests, **who,
        )  # fmt: skip
    return Server(folder, process)


def wait_until_ready(server: Server) -> None:
    patience = time.monotonic() + READY_SECONDS
    while True:
        try:
            return server.administer("SELECT 1")
        except psycopg.OperationalError:
            assert server.process.poll() is None, (server.folder / "log").read_text()
            assert time.monotonic() < patience, (server.folder / "log").read_text()
            time.sleep(0.05)


@pytest.fixture(scope="session")
def postgres_server(keys: Keys) -> Iterator[Server]:
    """The server, with a migrated database to copy from."""
    folder = Path(tempfile.mkdtemp(prefix="hearth-pg-", dir="/tmp"))  # short: a socket's path has 107 bytes
    server = start(folder)
    try:
        wait_until_ready(server)
        server.administer("CREATE DATABASE migrated")
        migrate(server.url("migrated"), keys)
        yield server
    finally:
        server.process.send_signal(signal.SIGINT)  # fast shutdown
        server.process.wait(READY_SECONDS)
        shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres_server: Server) -> Iterator[str]:
    """A migrated database of this test's own."""
    name = f"test_{os.urandom(6).hex()}"
    postgres_server.administer(f"CREATE DATABASE {name} TEMPLATE migrated")
    yield postgres_server.url(name)
    postgres_server.administer(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_postgres_url(postgres_server: Server) -> Iterator[str]:
    """A database with nothing in it."""
    name = f"test_{os.urandom(6).hex()}"
    postgres_server.administer(f"CREATE DATABASE {name}")
    yield postgres_server.url(name)
    postgres_server.administer(f"DROP DATABASE {name} WITH (FORCE)")
